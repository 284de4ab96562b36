// How far each rank moves when the same results are ranked otherwise.
import { useCallback } from "preact/hooks";
import type { Sensitivity, Uncertainty } from "../api/client";
import type { Table } from "../exports";
import { Figure, type Plotting } from "../plots/figure";
import { drawRankSpans } from "../plots/rank-spans";
import { spansOf, spanTitle } from "../sensitivity";

interface Props {
  sensitivity: Sensitivity;
  uncertainty: Uncertainty;
  titleOf: (label: string) => string;
}

export function RankSpansFigure({ sensitivity, uncertainty, titleOf }: Props) {
  const sure = new Map(uncertainty.rows.map((row) => [row.label, row.over_seeds]));
  const spans = spansOf(sensitivity).map((span) => ({
    ...span,
    name: titleOf(span.label),
    drawn: sure.get(span.label) ?? null,
  }));
  const view = JSON.stringify(spans);
  const draw = useCallback(
    (plotting: Plotting, width: number) => drawRankSpans(plotting, width, { spans }),
    [view],
  );
  const table: Table = {
    name: `lethe-rank-spans-${sensitivity.metric}`,
    columns: ["unlearner", "rank", "best rank otherwise", "worst rank otherwise", "95 % low", "95 % high"],
    rows: spans.map((span) => [
      span.name,
      span.rank,
      span.low,
      span.high,
      span.drawn?.low ?? null,
      span.drawn?.high ?? null,
    ]),
  };
  return (
    <Figure
      title={spanTitle(spans, titleOf)}
      reading="Filled: the rank on the board. Open: the rank in every other ranking of all settings. Band: where it lies in 95 % of the draws of the model seeds."
      description={`${spans.map((span) => `${span.name} ${span.rank}, ${span.low} to ${span.high}`).join("; ")}.`}
      table={table}
      draw={draw}
    />
  );
}
