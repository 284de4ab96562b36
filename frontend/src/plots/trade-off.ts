// Cost against closeness: one mark per method, the same shapes as on the board, names beside them.
import type { Group } from "../api/client";
import type { Plotting } from "./figure";
import { LOOKS, lookOf } from "./groups";

export interface TradeOff {
  name: string;
  group: Group | null;
  efficiency: number;
  value: number;
}

/** Those that no other beats in both, from the slowest to the fastest. */
export function frontOf(points: TradeOff[], higherIsBetter: boolean): TradeOff[] {
  const beats = (one: number, other: number) => (higherIsBetter ? one > other : one < other);
  const isBeaten = (point: TradeOff) =>
    points.some(
      (other) =>
        (other.efficiency >= point.efficiency && beats(other.value, point.value)) ||
        (other.efficiency > point.efficiency && other.value === point.value),
    );
  return points.filter((point) => !isBeaten(point)).sort((one, other) => one.efficiency - other.efficiency);
}

interface Drawn {
  points: TradeOff[];
  front: TradeOff[];
  /** The mean of the retrained models by the metric. */
  retrained: number | null;
  label: string;
}

export function drawTradeOff(plot: Plotting, width: number, { points, front, retrained, label }: Drawn) {
  const reference = retrained === null ? [] : [{ value: retrained, text: "Retrained" }];
  return plot.plot({
    width,
    height: Math.min(460, Math.max(300, width / 1.6)),
    marginLeft: 55,
    marginRight: 50,
    marginTop: 30,
    marginBottom: 50,
    insetLeft: 25,
    insetRight: 25,
    insetTop: 15,
    x: {
      label: "Runtime efficiency: times faster than retraining, logarithmic →",
      labelAnchor: "center",
      type: "log",
      labelOffset: 40,
      labelArrow: "none",
      grid: true,
    },
    y: { label, labelArrow: "none", grid: true, nice: true },
    ...LOOKS,
    marks: [
      plot.ruleY(reference, { y: "value", stroke: "var(--edge)" }),
      plot.text(reference, {
        y: "value",
        text: "text",
        frameAnchor: "left",
        dx: 4,
        dy: -8,
        textAnchor: "start",
      }),
      plot.line(front, { x: "efficiency", y: "value", stroke: "var(--edge)", strokeDasharray: "3 3" }),
      plot.dot(points, {
        x: "efficiency",
        y: "value",
        symbol: ({ group }: TradeOff) => lookOf(group).symbol,
        stroke: ({ group }: TradeOff) => lookOf(group).colour,
        fill: "var(--paper)",
        strokeWidth: 2,
      }),
      plot.text(points, {
        x: "efficiency",
        y: "value",
        text: "name",
        textAnchor: "start", // beside the mark, as marks lie more often above each other than in a row
        dx: 9,
        fill: "var(--ink)",
        stroke: "var(--paper)",
        strokeWidth: 4,
      }),
    ],
  });
}
