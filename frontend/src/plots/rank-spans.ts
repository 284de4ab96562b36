// Ranks under every way of ranking: a line from the best to the worst, a dot for each, the board's own filled.
import type { Span } from "../sensitivity";
import type { Plotting } from "./figure";

export interface RankSpan extends Span {
  name: string;
  /** Where the rank lies in 95 % of the draws of the model seeds. */
  drawn: { low: number; high: number } | null;
}

const ROW_HEIGHT = 22;

export function drawRankSpans(plot: Plotting, width: number, { spans }: { spans: RankSpan[] }) {
  const last = Math.max(...spans.map(({ high, drawn }) => Math.max(high, drawn?.high ?? 1)), 2);
  const widest = Math.max(...spans.map(({ name }) => name.length));
  const whole = Math.min(width, 720);
  return plot.plot({
    width: whole,
    height: ROW_HEIGHT * spans.length + 80,
    marginLeft: Math.min(8 * widest + 20, whole / 3),
    marginRight: 20,
    marginTop: 20,
    marginBottom: 50,
    x: {
      domain: [0.5, last + 0.5],
      ticks: Array.from({ length: last }, (_, index) => index + 1),
      tickFormat: "d",
      label: "Rank; 1 is best",
      labelAnchor: "center",
      labelArrow: "none",
      labelOffset: 42,
      grid: true,
    },
    y: { domain: spans.map(({ name }) => name), label: null, tickSize: 0 },
    marks: [
      plot.ruleY(
        spans.flatMap(({ name, drawn }) => (drawn ? [{ name, ...drawn }] : [])),
        { y: "name", x1: "low", x2: "high", stroke: "var(--line)", strokeWidth: 9, strokeLinecap: "round" },
      ),
      plot.ruleY(spans, { y: "name", x1: "low", x2: "high", stroke: "var(--accent)", strokeWidth: 2 }),
      plot.dot(
        spans.flatMap(({ name, elsewhere }) => elsewhere.map(({ rank }) => ({ name, rank }))),
        { y: "name", x: "rank", r: 3.5, stroke: "var(--accent)", fill: "var(--paper)" },
      ),
      plot.dot(spans, { y: "name", x: "rank", r: 4.5, fill: "var(--ink)" }),
    ],
  });
}
