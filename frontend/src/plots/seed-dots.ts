// One mark per model seed, a line through their mean, and reference lines: never a mean without its seeds.
import type { Group } from "../api/client";
import type { Plotting } from "./figure";
import { LOOKS, lookOf } from "./groups";

export interface SeedDot {
  row: string;
  seed: number;
  value: number;
  /** The group of the method that it is of, where it has one. */
  group?: Group | null;
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
  /** Where groups are cut from each other. */
  cuts?: number[];
  label: string;
}

const ROW_HEIGHT = 24;
const LINE_HEIGHT = 15;
const TITLE_SHARE = 0.14; // of the axis that a title takes, at the most

/** The lines with a level for each title, so that no two that are close lie over each other. */
export function levelled(lines: Line[], span: number): (Line & { level: number })[] {
  const sorted = [...lines].sort((one, other) => one.value - other.value);
  let [last, level] = [Number.NEGATIVE_INFINITY, 0];
  return sorted.map((line) => {
    level = line.value - last < TITLE_SHARE * span ? level + 1 : 0;
    last = line.value;
    return { ...line, level };
  });
}

export function drawSeedDots(
  plot: Plotting,
  width: number,
  { dots, rows, lines, cuts = [], label }: SeedDots,
) {
  const widest = Math.max(...rows.map((row) => row.length), 0);
  const values = [...dots, ...lines].map(({ value }) => value);
  const titles = levelled(lines, Math.max(...values) - Math.min(...values));
  const above = LINE_HEIGHT * Math.max(0, ...titles.map(({ level }) => level));
  return plot.plot({
    width,
    height: ROW_HEIGHT * rows.length + 85 + above,
    marginLeft: Math.min(7.5 * widest + 20, width / 3),
    marginRight: 25,
    marginTop: 30 + above,
    marginBottom: 50,
    ...LOOKS,
    x: { label, labelArrow: "none", labelOffset: 40, labelAnchor: "center", grid: true, nice: true },
    y: { domain: rows, label: null, tickSize: 0 },
    marks: [
      plot.ruleX(cuts, { stroke: "var(--edge)", strokeOpacity: 0.6 }),
      plot.ruleX(lines, { x: "value", stroke: "var(--edge)", strokeDasharray: "3 3" }),
      ...titles.map((line) =>
        plot.text([line], {
          x: "value",
          text: "title",
          frameAnchor: "top",
          dy: -12 - LINE_HEIGHT * line.level,
          fill: "var(--quiet)",
        }),
      ),
      plot.tickX(
        dots,
        plot.groupY(
          { x: "mean" },
          { x: "value", y: "row", stroke: "var(--accent)", strokeWidth: 2, inset: 5 },
        ),
      ),
      plot.dot(dots, {
        className: "runs",
        x: "value",
        y: "row",
        r: 3.5,
        symbol: ({ group }: SeedDot) => lookOf(group ?? null).symbol,
        stroke: ({ group }: SeedDot) => lookOf(group ?? null).colour,
        strokeWidth: 1.7,
        fill: "var(--paper)",
      }),
    ],
  });
}
