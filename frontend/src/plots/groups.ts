// A group's symbol and colour in plots, the same as on badges.
import type { Group } from "../api/client";

const SYMBOLS = { G1: "circle", G2: "diamond", G3: "triangle", F: "times", none: "circle" } as const;
const COLOURS = { G1: "var(--g1)", G2: "var(--g2)", G3: "var(--g3)", F: "var(--f)", none: "var(--ink)" };

/** How a mark looks that stands for a method of a group; an open circle without one. */
export const lookOf = (group: Group | null) => ({
  symbol: SYMBOLS[group ?? "none"],
  colour: COLOURS[group ?? "none"],
});

/** The scales by which symbols and colours are taken as they are. */
export const LOOKS = {
  symbol: { type: "identity" as const },
  color: { type: "identity" as const },
};

/** What the symbols mean, for the words beside a plot. */
export const GROUPS_READ = "Circles are in G1, diamonds in G2, triangles in G3, crosses failed.";
