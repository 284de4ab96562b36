// A group's shape, the same on badges and in plots: a group is never told by colour alone.
import type { Group } from "../api/client";

const PATHS: Record<Group | "none", string> = {
  G1: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
  G2: "M0 -4.8L4.8 0L0 4.8L-4.8 0z",
  G3: "M0 -4.4L4.6 3.6L-4.6 3.6z",
  F: "M-3.4 -3.4L3.4 3.4M3.4 -3.4L-3.4 3.4",
  none: "M-3.2 0a3.2 3.2 0 1 0 6.4 0a3.2 3.2 0 1 0 -6.4 0z",
};

/** The shape around a point of an SVG; without a group an open circle. */
export const Shape = ({ group, x, y }: { group: Group | null; x: number; y: number }) => (
  <path
    class={`shape ${(group ?? "none").toLowerCase()}`}
    d={PATHS[group ?? "none"]}
    transform={`translate(${x} ${y})`}
  />
);
