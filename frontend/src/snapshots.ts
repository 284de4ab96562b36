// What the pages say of snapshots: how to cite one, and what moved between two.
import type { RowChange, Snapshot } from "./api/client";
import type { Table } from "./exports";
import { NOTHING } from "./format";
import type { Method } from "./methods";

export const NOW = "now";
export const PAPER = "paper";

/** A BibTeX entry of a frozen board, with the hash that it can be checked by. */
export function bibtexOfSnapshot(snapshot: Snapshot, address: string): string {
  const when = snapshot.created_at ?? "";
  const fields = [
    ["title", `{Lethe leaderboard ${snapshot.protocol}: ${snapshot.title}}`],
    ["year", when.slice(0, 4)],
    ["month", when.slice(5, 7)],
    ["url", address],
    ["note", `Snapshot ${snapshot.id}, SHA-256 ${snapshot.sha256}`],
  ].map(([name, value]) => `  ${name} = {${value?.replace(/[&%$#_]/g, name === "url" ? "$&" : "\\$&")}}`);
  return `@misc{lethe${snapshot.sha256.slice(0, 8)},\n${fields.join(",\n")}\n}\n`;
}

/** The method that a row's label names: `msg`, or `msg (fixed)`. */
export function methodOfLabel(label: string): Method {
  const [, unlearner = label, variant = null] = /^(\w+)(?: \((\w+)\))?$/.exec(label) ?? [];
  return { unlearner, variant };
}

type Standing = RowChange["before"];

export const rankOf = (standing: Standing): string => String(standing?.rank ?? NOTHING);

export const countsOf = (standing: Standing): string =>
  standing ? [standing.g1, standing.g2, standing.g3, standing.failed].join(" · ") : NOTHING;

/** Moves as a table to take elsewhere: one line per row that moved. */
export const tableOfMoves = (name: string, moved: RowChange[]): Table => ({
  name,
  columns: [
    ...["unlearner", "rank before", "G1 before", "G2 before", "G3 before", "F before"],
    ...["rank after", "G1 after", "G2 after", "G3 after", "F after"],
    ...["within interval", "causes", "why"],
  ],
  rows: moved.map(({ label, before, after, is_within_interval, causes }) => [
    label,
    ...numbersOf(before),
    ...numbersOf(after),
    is_within_interval,
    causes.map(({ code }) => code).join(" "),
    causes.map(({ text }) => text).join("; "),
  ]),
});

const numbersOf = (standing: Standing): (number | null)[] =>
  standing
    ? [standing.rank, standing.g1, standing.g2, standing.g3, standing.failed]
    : [null, null, null, null, null];
