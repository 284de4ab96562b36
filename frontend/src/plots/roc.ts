// ROC curves on logarithmic axes: the corner at the lower left is what single samples hang on.
import type { Plotting } from "./figure";

export interface RocCurve {
  name: string;
  role: "chosen" | "original" | "retrained" | "other";
  fpr: number[];
  tpr: number[];
}

export interface RocPoint {
  name: string;
  fpr: number;
  tpr: number;
}

const LOWEST = 1e-4; // rarer false alarms than that are a handful of observations

/** What logarithmic axes can show of a curve, and where they begin. */
export function rocPoints(curves: RocCurve[]): { points: RocPoint[]; from: number } {
  const points = curves.flatMap(({ name, fpr, tpr }) =>
    fpr.map((rate, index) => ({ name, fpr: rate, tpr: tpr[index] ?? 0 })),
  );
  const shown = points.filter((point) => point.fpr >= LOWEST && point.tpr > 0);
  const smallest = Math.min(1, ...shown.flatMap((point) => [point.fpr, point.tpr]));
  return {
    points: shown.filter((point) => point.tpr >= LOWEST),
    from: Math.max(LOWEST, 10 ** Math.floor(Math.log10(smallest))),
  };
}

const STROKES: Record<RocCurve["role"], { stroke: string; width: number; dash: string }> = {
  chosen: { stroke: "var(--accent)", width: 2.5, dash: "" },
  original: { stroke: "var(--f)", width: 1.5, dash: "6 3" },
  retrained: { stroke: "var(--g1)", width: 1.5, dash: "2 3" },
  other: { stroke: "var(--edge)", width: 1, dash: "" },
};
const DRAWN_FIRST: RocCurve["role"][] = ["other", "original", "retrained", "chosen"];
const HIGHEST_PIXELS = 520;
const LABEL_AT = 0.02; // false-positive rate where the curves of a log plot lie the farthest apart

export function drawRoc(plot: Plotting, width: number, { curves }: { curves: RocCurve[] }) {
  const { from } = rocPoints(curves);
  const whole = Math.min(width, HIGHEST_PIXELS + 80);
  const marks = DRAWN_FIRST.flatMap((role) =>
    curves
      .filter((curve) => curve.role === role)
      .map((curve) => {
        const { stroke, width: strokeWidth, dash } = STROKES[role];
        return plot.line(rocPoints([curve]).points, {
          x: "fpr",
          y: "tpr",
          stroke,
          strokeWidth,
          strokeDasharray: dash,
          clip: true,
        });
      }),
  );
  const labels = curves
    .filter((curve) => curve.role !== "other")
    .flatMap((curve) => {
      const point = rocPoints([curve]).points.find(({ fpr }) => fpr >= LABEL_AT);
      return point ? [{ name: curve.name, role: curve.role, point }] : [];
    });
  const scale = { type: "log" as const, domain: [from, 1], labelArrow: "none" as const, grid: true };
  const percents = (rate: number) => `${Number((100 * rate).toPrecision(1))} %`;
  const ticks = powersOfTen(from);
  return plot.plot({
    width: whole,
    height: Math.min(whole * 0.85, HIGHEST_PIXELS),
    marginLeft: 55,
    marginRight: 20,
    marginTop: 30,
    marginBottom: 50,
    x: {
      ...scale,
      ticks,
      tickFormat: percents,
      label: "False-positive rate (log)",
      labelAnchor: "center",
      labelOffset: 42,
    },
    y: { ...scale, ticks, tickFormat: percents, label: "↑ True-positive rate (log)" },
    marks: [
      plot.line(
        [
          [from, from],
          [1, 1],
        ],
        { stroke: "var(--edge)", strokeDasharray: "1 4" },
      ),
      ...marks,
      ...labels.map(({ name, role, point }) =>
        plot.text([point], {
          x: "fpr",
          y: "tpr",
          text: () => name,
          fill: "var(--ink)",
          stroke: "var(--paper)",
          strokeWidth: 4,
          // The original's curve is the highest: above it and below the others is room.
          ...(role === "original"
            ? { textAnchor: "end", dx: -7, dy: -7 }
            : { textAnchor: "start", dx: 7, dy: 9 }),
        }),
      ),
    ],
  });
}

/** 1, 0.1, 0.01 … down to the first. */
const powersOfTen = (from: number): number[] =>
  Array.from({ length: Math.round(-Math.log10(from)) + 1 }, (_, power) => 10 ** -power);
