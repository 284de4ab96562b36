// One dot per model seed, a line through their mean, and reference lines: never a mean without its seeds.
import type { Plotting } from "./figure";

export interface SeedDot {
  row: string;
  seed: number;
  value: number;
}

export interface Line {
  title: string;
  value: number;
}

export interface SeedDots {
  dots: SeedDot[];
  /** Rows from top to bottom. */
  rows: string[];
  lines: Line[];
  label: string;
}

const ROW_HEIGHT = 24;

export function drawSeedDots(plot: Plotting, width: number, { dots, rows, lines, label }: SeedDots) {
  const widest = Math.max(...rows.map((row) => row.length), 0);
  return plot.plot({
    width,
    height: ROW_HEIGHT * rows.length + 85,
    marginLeft: Math.min(7.5 * widest + 20, width / 3),
    marginRight: 20,
    marginTop: 30,
    marginBottom: 50,
    x: { label, labelArrow: "none", labelOffset: 40, grid: true, nice: true },
    y: { domain: rows, label: null, tickSize: 0 },
    marks: [
      plot.ruleX(lines, { x: "value", stroke: "var(--edge)", strokeDasharray: "3 3" }),
      plot.text(lines, { x: "value", text: "title", frameAnchor: "top", dy: -12, fill: "var(--quiet)" }),
      plot.tickX(
        dots,
        plot.groupY(
          { x: "mean" },
          { x: "value", y: "row", stroke: "var(--accent)", strokeWidth: 2, inset: 5 },
        ),
      ),
      plot.dot(dots, { x: "value", y: "row", r: 3.5, stroke: "var(--ink)", fill: "var(--paper)" }),
    ],
  });
}
