// One setting as a plot: every run of every unlearner, in its group, beside the references.
import { useCallback } from "preact/hooks";
import type { BoardRow, Leaderboard, Result } from "../api/client";
import { METRIC_TITLES } from "../board";
import type { Table } from "../exports";
import { number } from "../format";
import { isReference, metricOf, runsOf } from "../methods";
import { Figure, type Plotting } from "../plots/figure";
import { GROUPS_READ } from "../plots/groups";
import { drawSeedDots } from "../plots/seed-dots";

interface Props {
  board: Leaderboard;
  rows: BoardRow[];
  runs: Result[];
  table: Table;
  name: (row: BoardRow) => string;
}

export function SeedFigure({ board, rows, runs, table, name }: Props) {
  const { metric, higher_is_better } = board;
  const methods = rows.filter((row) => !isReference(row.unlearner) && row.cells[0]?.mean != null);
  const dots = methods.flatMap((row) =>
    runsOf(row, runs).flatMap((run) => {
      const value = metricOf(run, metric);
      const group = row.cells[0]?.group ?? null;
      return value === null ? [] : [{ row: name(row), seed: run.model_seed, value, group }];
    }),
  );
  const lines = board.references.flatMap((row) => {
    const value = row.cells[0]?.mean ?? null;
    return value === null ? [] : [{ title: name(row), value }];
  });
  const label = `${METRIC_TITLES[metric]}; ${higher_is_better ? "larger" : "smaller"} is better`;
  const cuts = board.settings[0]?.cuts ?? [];
  const view = JSON.stringify({ dots, lines, cuts, label });
  const draw = useCallback(
    (plotting: Plotting, width: number) =>
      drawSeedDots(plotting, width, { dots, lines, cuts, label, rows: methods.map(name) }),
    [view],
  );
  const [best] = methods;
  if (!best) return <p class="empty">No unlearner has run in this setting yet.</p>;
  const title = `${name(best)} is best by ${METRIC_TITLES[metric].toLowerCase()}: ${number(best.cells[0]?.mean)}`;
  const reading =
    `A mark per model seed, a line at their mean; best first. ${GROUPS_READ} ` +
    "Solid: the cuts between groups. Dashed: the means of the reference models.";
  const description =
    `${methods.map((row) => `${name(row)} ${number(row.cells[0]?.mean)}`).join(", ")}; ` +
    `${lines.map((line) => `${line.title} ${number(line.value)}`).join(", ")}.`;
  return <Figure title={title} reading={reading} description={description} table={table} draw={draw} />;
}
