// Ranks in the paper and here, as one slope per unlearner.
import type { Plotting } from "./figure";
import { LOOKS } from "./groups";

export interface Slope {
  name: string;
  paper: number;
  here: number;
}

const SIDES = ["Paper", "Here"];
const ROW_HEIGHT = 20;
const MAX_WIDTH = 720;
const CHARACTER = 6; // pixels, on average

const MAX_NAMES = 3;

/** Unlearners that share a rank share its label; of many, the first are named. */
export function labelsOf(slopes: Slope[], side: "paper" | "here"): { rank: number; text: string }[] {
  const named = new Map<number, string[]>();
  for (const slope of slopes) named.set(slope[side], [...(named.get(slope[side]) ?? []), slope.name]);
  return [...named].map(([rank, names]) => ({ rank, text: spelt(names) }));
}

const spelt = (names: string[]): string =>
  names.length > MAX_NAMES + 1
    ? `${names.slice(0, MAX_NAMES).join(", ")} and ${names.length - MAX_NAMES} more`
    : names.join(", ");

export function drawSlopes(plot: Plotting, width: number, { slopes }: { slopes: Slope[] }) {
  const ends = slopes.flatMap(({ name, paper, here }) => [
    { name, side: SIDES[0], rank: paper },
    { name, side: SIDES[1], rank: here },
  ]);
  const lowest = Math.max(...ends.map(({ rank }) => rank));
  const isSame = ({ paper, here }: Slope) => paper === here;
  const still = new Set(slopes.filter(isSame).map(({ name }) => name));
  const marginOf = (side: "paper" | "here") =>
    CHARACTER * Math.max(...labelsOf(slopes, side).map(({ text }) => text.length)) + 32;
  const text = (side: "paper" | "here") => {
    const isLeft = side === "paper";
    return plot.text(labelsOf(slopes, side), {
      x: () => SIDES[isLeft ? 0 : 1],
      y: "rank",
      text: ({ rank, text }: { rank: number; text: string }) =>
        isLeft ? `${text}  ${rank}` : `${rank}  ${text}`,
      textAnchor: isLeft ? "end" : "start",
      dx: isLeft ? -8 : 8,
      fill: "var(--ink)",
    });
  };
  const whole = Math.min(width, MAX_WIDTH);
  return plot.plot({
    width: whole,
    height: ROW_HEIGHT * lowest + 60,
    marginLeft: Math.min(marginOf("paper"), 0.4 * whole),
    marginRight: Math.min(marginOf("here"), 0.56 * whole),
    color: LOOKS.color,
    x: { type: "point", padding: 0, domain: SIDES, label: null, axis: "top" },
    y: { reverse: true, axis: null, domain: [0.5, lowest + 0.5] },
    marks: [
      plot.line(ends, {
        x: "side",
        y: "rank",
        z: "name",
        stroke: ({ name }) => (still.has(name) ? "var(--accent)" : "var(--edge)"),
        strokeWidth: 1.5,
      }),
      plot.dot(ends, { x: "side", y: "rank", r: 3, fill: "var(--accent)" }),
      text("paper"),
      text("here"),
    ],
  });
}
