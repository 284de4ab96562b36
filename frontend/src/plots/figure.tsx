// A plot with what it shows as its title, its data beside it, and its library loaded only where it is drawn.
import type * as Library from "@observablehq/plot";
import { useEffect, useRef, useState } from "preact/hooks";
import { save } from "../components/downloads";
import { Scroll } from "../components/scroll";
import { type Table, toCsv } from "../exports";
import { counted, NOTHING, tick } from "../format";

export type Plotting = typeof Library;

interface Props {
  /** What it shows, as a sentence: the finding, not the axes. */
  title: string;
  /** What its marks are. */
  reading: string;
  /** What can be seen, for those who do not see it. */
  description: string;
  table: Table;
  draw: (plotting: Plotting, width: number) => SVGSVGElement | HTMLElement;
}

const MAX_WIDTH = 900;
const MAX_ROWS = 200; // of the table; the file has all

export function Figure({ title, reading, description, table, draw }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const [plotting, setPlotting] = useState<Plotting | null>(null);
  const [isFailed, setIsFailed] = useState(false);
  const [isOpen, setIsOpen] = useState(false); // curves have a thousand points that few want as a table
  useEffect(() => {
    import("@observablehq/plot").then(setPlotting, () => setIsFailed(true));
  }, []);
  useEffect(() => {
    const parent = frame.current;
    if (!plotting || !parent) return;
    let drawnWidth = 0;
    const redraw = () => {
      const width = Math.min(parent.clientWidth, MAX_WIDTH);
      if (width === drawnWidth || width === 0) return; // only its height has changed, or it is out of the page
      drawnWidth = width;
      const drawn = draw(plotting, width);
      // The policy allows no inline style sheet; what it says is in our own.
      for (const style of drawn.querySelectorAll("style")) style.remove();
      for (const mark of drawn.querySelectorAll("[aria-label]")) mark.removeAttribute("aria-label");
      drawn.setAttribute("aria-hidden", "true"); // the frame around it has the words
      parent.replaceChildren(drawn);
    };
    const observer = new ResizeObserver(redraw); // calls at once, too
    observer.observe(parent);
    return () => observer.disconnect();
  }, [plotting, draw]);
  return (
    <figure class="plot">
      <figcaption>{title}</figcaption>
      <div ref={frame} role="img" aria-label={`${title}. ${description}`}>
        {!isFailed && <p class="quiet drawing">Drawing …</p>}
      </div>
      <p class="reading">{reading}</p>
      {isFailed && <p class="notice">The plot could not be loaded; its data are below.</p>}
      <details onToggle={(event) => setIsOpen(event.currentTarget.open)}>
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
        {isOpen && <Data title={title} table={table} />}
      </details>
    </figure>
  );
}

const Data = ({ title, table }: { title: string; table: Table }) => (
  <Scroll label={`Data: ${title}`}>
    <table>
      {table.rows.length > MAX_ROWS && (
        <caption>
          <span>
            The first {MAX_ROWS} of {counted(table.rows.length, "row")}; the file has all of them
          </span>
        </caption>
      )}
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
        {table.rows.slice(0, MAX_ROWS).map((row) => (
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
