// How the runs of several methods differ from the first one's, seed by seed.
import { useCallback } from "preact/hooks";
import type { Leaderboard } from "../api/client";
import { METRIC_TITLES } from "../board";
import type { Table } from "../exports";
import { number } from "../format";
import { comparisonText, type Paired } from "../methods";
import { Figure, type Plotting } from "../plots/figure";
import { drawSeedDots } from "../plots/seed-dots";

/** One setting, the first method beside another. */
export interface Pair {
  setting: string;
  place: string;
  other: string;
  paired: Paired;
}

interface Props {
  board: Leaderboard;
  first: string;
  pairs: Pair[];
  table: Table;
  name: (key: string) => string;
}

export function DifferenceFigure({ board, first, pairs, table, name }: Props) {
  const rowOf = (pair: Pair) => `${name(pair.other)}, ${pair.place}`;
  const dots = pairs.flatMap((pair) =>
    pair.paired.differences.map(({ seed, difference }) => ({ row: rowOf(pair), seed, value: difference })),
  );
  const rows = pairs.map(rowOf);
  const metric = METRIC_TITLES[board.metric].toLowerCase();
  const label = `Difference in ${metric} from ${name(first)}`;
  const view = JSON.stringify({ dots, label });
  const draw = useCallback(
    (plotting: Plotting, width: number) =>
      drawSeedDots(plotting, width, { dots, rows, lines: [{ title: name(first), value: 0 }], label }),
    [view],
  );
  if (dots.length === 0) return <p class="empty">They have no model seed in common yet.</p>;
  const keys = [...new Set(pairs.map(({ other }) => other))];
  const title = comparisonText(
    name(first),
    keys.map((key) => ({
      name: name(key),
      paired: pairs.filter(({ other }) => other === key).map((pair) => pair.paired),
    })),
  );
  const means = pairs.map((pair) => `${rowOf(pair)}: ${number(pair.paired.mean)}`).join("; ");
  return (
    <Figure
      title={`${title}, by ${metric}`}
      reading={`A circle per model seed that both have, a line at the mean of the differences. Dashed: ${name(first)}; what is ${board.higher_is_better ? "right" : "left"} of it is better.`}
      description={`Means: ${means}.`}
      table={table}
      draw={draw}
    />
  );
}
