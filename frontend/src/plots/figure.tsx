// A plot with what it shows as its title, its data beside it, and its library loaded only where it is drawn.
import type * as Library from "@observablehq/plot";
import { useEffect, useRef, useState } from "preact/hooks";
import { save } from "../components/downloads";
import { Scroll } from "../components/scroll";
import { type Table, toCsv } from "../exports";
import { NOTHING, tick } from "../format";

export type Plotting = typeof Library;

interface Props {
  /** What it shows, as a sentence: the finding, not the axes. */
  title: string;
  /** What can be seen, for those who do not see it. */
  description: string;
  table: Table;
  draw: (plotting: Plotting, width: number) => SVGSVGElement | HTMLElement;
}

const MAX_WIDTH = 900;

export function Figure({ title, description, table, draw }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const [plotting, setPlotting] = useState<Plotting | null>(null);
  const [isFailed, setIsFailed] = useState(false);
  useEffect(() => {
    import("@observablehq/plot").then(setPlotting, () => setIsFailed(true));
  }, []);
  useEffect(() => {
    const parent = frame.current;
    if (!plotting || !parent) return;
    const redraw = () => {
      const drawn = draw(plotting, Math.min(parent.clientWidth, MAX_WIDTH));
      // The policy allows no inline style sheet; what it says is in our own.
      for (const style of drawn.querySelectorAll("style")) style.remove();
      for (const mark of drawn.querySelectorAll("[aria-label]")) mark.removeAttribute("aria-label");
      drawn.setAttribute("aria-hidden", "true"); // the frame around it has the words
      parent.replaceChildren(drawn);
    };
    redraw();
    window.addEventListener("resize", redraw);
    return () => window.removeEventListener("resize", redraw);
  }, [plotting, draw]);
  return (
    <figure class="plot">
      <figcaption>{title}</figcaption>
      <div ref={frame} role="img" aria-label={`${title}. ${description}`}>
        {!isFailed && <p class="quiet">Drawing …</p>}
      </div>
      {isFailed && <p class="notice">The plot could not be loaded; its data are below.</p>}
      <details>
        <summary>Data of this plot</summary>
        <p>
          <button
            type="button"
            class="small"
            onClick={() => save(toCsv(table), `${table.name}.csv`, "text/csv")}
          >
            Download as CSV
          </button>
        </p>
        <Data table={table} />
      </details>
    </figure>
  );
}

const Data = ({ table }: { table: Table }) => (
  <Scroll label="Data of this plot">
    <table>
      <thead>
        <tr>
          {table.columns.map((column) => (
            <th key={column} scope="col">
              {column}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {table.rows.map((row) => (
          <tr key={row.join()}>
            {row.map((value, index) => (
              <td key={table.columns[index]}>
                {typeof value === "number" ? tick(value) : (value ?? NOTHING)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  </Scroll>
);
