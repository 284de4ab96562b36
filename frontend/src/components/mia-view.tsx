// U-MIA on whole forget sets: a dot per model, chance, and how far models that never saw them stray from it.
import { useCallback } from "preact/hooks";
import type { BoardSetting, Catalog } from "../api/client";
import { namesOf, variesForget } from "../board";
import type { Table } from "../exports";
import { counted, NOTHING, number, spread } from "../format";
import { isReference } from "../methods";
import { Figure, type Plotting } from "../plots/figure";
import { drawSeedDots } from "../plots/seed-dots";
import { CHANCE, type MiaRow, type Study, strongest } from "../privacy";
import { MethodLink } from "./method-link";
import { Flags } from "./study-view";
import { TitledTable } from "./titled";

interface Props {
  rows: MiaRow[];
  setting: BoardSetting | undefined;
  studies: Study[];
  catalog: Catalog;
  protocol: string;
}

export function MiaView({ rows, setting, studies, catalog, protocol }: Props) {
  const name = (row: MiaRow) => namesOf(row.method, catalog).title;
  const titleOf = (attack: string) => catalog.attacks.find((info) => info.id === attack)?.title ?? attack;
  if (rows.length === 0) return <p class="empty">U-MIA has not been run in this setting yet.</p>;
  const table: Table = {
    name: "lethe-privacy-u_mia",
    columns: [
      "method",
      "model seeds",
      "accuracy",
      "sd",
      "indiscernibility",
      "within the noise",
      "strongest attack",
      "its accuracy",
      "over-unlearning",
    ],
    rows: rows.map((row) => {
      const best = strongest(row.method, studies, rows);
      return [
        name(row),
        row.values.length,
        row.mean,
        row.sd,
        row.indiscernibility,
        row.isNoise,
        best?.attack ?? null,
        best?.accuracy ?? null,
        row.flags.join("; "),
      ];
    }),
  };
  return (
    <>
      <MiaFigure rows={rows} table={table} name={name} />
      <TitledTable title="Every method" table={table}>
        <table class="privacy">
          <caption>
            <span>
              Mean ± sample standard deviation over model seeds. Noise: below the retrained models, seed by
              seed, by less than three standard errors;{" "}
              {setting && variesForget(setting)
                ? "each seed has a forget set of its own, and all the same test set"
                : "forget and test set are the same for all seeds"}
            </span>
          </caption>
          <thead>
            <tr>
              <th scope="col">Models</th>
              <th scope="col" class="figure">
                <abbr title="How often the attack tells the forget set from the test set; 0.5 is chance">
                  Accuracy
                </abbr>
              </th>
              <th scope="col" class="figure">
                <abbr title="1 − |2·accuracy − 1|; 1 is best">Indisc. ↑</abbr>
              </th>
              <th scope="col">Beside retrained models</th>
              <th scope="col">
                <abbr title="Of all attacks that were run on it here">Strongest attack known</abbr>
              </th>
              <th scope="col">Over-unlearning</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => {
              const best = strongest(row.method, studies, rows);
              return (
                <tr key={row.key}>
                  <th scope="row">
                    <MethodLink method={row.method} catalog={catalog} protocol={protocol} />
                  </th>
                  <td class="figure">
                    <span class="mean">{number(row.mean)}</span>{" "}
                    <span class="quiet sd">{spread(row.sd)}</span>
                  </td>
                  <td class="figure">{number(row.indiscernibility)}</td>
                  <td>{noiseText(row)}</td>
                  <td>{best ? `${titleOf(best.attack)}, ${number(best.accuracy)}` : NOTHING}</td>
                  <td class="wide">{!isReference(row.method.unlearner) && <Flags flags={row.flags} />}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </TitledTable>
    </>
  );
}

function noiseText(row: MiaRow): string {
  if (row.key === "retrained" || row.isNoise === null) return NOTHING;
  return row.isNoise ? "within the noise" : "more than noise";
}

interface FigureProps {
  rows: MiaRow[];
  table: Table;
  name: (row: MiaRow) => string;
}

function MiaFigure({ rows, table, name }: FigureProps) {
  const dots = rows.flatMap((row) => row.values.map(({ seed, value }) => ({ row: name(row), seed, value })));
  const lines = [{ title: "chance", value: CHANCE }];
  const view = JSON.stringify(dots);
  const draw = useCallback(
    (plotting: Plotting, width: number) =>
      drawSeedDots(plotting, width, {
        dots,
        lines,
        label: "Accuracy of U-MIA (0.5 is chance)",
        rows: rows.map(name),
      }),
    [view],
  );
  const methods = rows.filter((row) => !isReference(row.method.unlearner));
  const quiet = methods.filter((row) => row.isNoise).length;
  const title = methods.every((row) => row.isNoise === null)
    ? `U-MIA on ${counted(methods.length, "unlearner")}; the noise needs two model seeds`
    : `U-MIA tells ${methods.length - quiet} of ${counted(methods.length, "unlearner")} from retrained models by more than noise`;
  return (
    <Figure
      title={title}
      reading="A circle per model seed, a line at their mean; closest to chance first. Dashed: chance."
      description={`Means: ${rows.map((row) => `${name(row)} ${number(row.mean)}`).join(", ")}.`}
      table={table}
      draw={draw}
    />
  );
}
