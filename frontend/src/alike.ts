// Rows that cannot be told apart, as letters: two rows are not distinguishable where they share one.
import type { RowUncertainty } from "./api/client";

type Row = Pick<RowUncertainty, "label" | "not_distinguishable">;

export interface AlikeGroup {
  letter: string;
  /** In the order of the board. */
  labels: string[];
}

/** The largest sets of rows of which none can be told from another, in the order of the board. */
export function alikeGroups(rows: Row[]): AlikeGroup[] {
  const order = new Map(rows.map((row, index) => [row.label, index]));
  const alike = new Map(rows.map((row) => [row.label, new Set(row.not_distinguishable)]));
  const found: string[][] = [];
  extend(
    [],
    rows.map((row) => row.label),
    [],
    alike,
    found,
  );
  const places = (labels: string[]) => labels.map((label) => order.get(label) ?? 0).sort((a, b) => a - b);
  return found
    .filter((labels) => labels.length > 1)
    .map((labels) => labels.sort((one, other) => (order.get(one) ?? 0) - (order.get(other) ?? 0)))
    .sort((one, other) => compare(places(one), places(other)))
    .map((labels, index) => ({ letter: letterOf(index), labels }));
}

/** Bron and Kerbosch 1973, Algorithm 457: every set that cannot be extended, each once; with a pivot. */
function extend(
  chosen: string[],
  open: string[],
  done: string[],
  alike: Map<string, Set<string>>,
  found: string[][],
) {
  if (open.length === 0 && done.length === 0) found.push([...chosen]);
  const of = (label: string) => alike.get(label) ?? new Set();
  const reach = (label: string) => open.filter((other) => of(label).has(other)).length;
  const [pivot] = [...open, ...done].sort((one, other) => reach(other) - reach(one));
  if (pivot === undefined) return;
  let [left, seen] = [open, done];
  for (const label of open.filter((each) => !of(pivot).has(each))) {
    const mine = of(label);
    const near = (labels: string[]) => labels.filter((other) => mine.has(other));
    extend([...chosen, label], near(left), near(seen), alike, found);
    left = left.filter((other) => other !== label);
    seen = [...seen, label];
  }
}

function compare(one: number[], other: number[]): number {
  const index = one.findIndex((place, at) => place !== other[at]);
  return index < 0 ? one.length - other.length : (one[index] ?? 0) - (other[index] ?? 0);
}

const LETTERS = "abcdefghijklmnopqrstuvwxyz";

/** a, b … z, aa, ab … */
const letterOf = (index: number): string =>
  (index < LETTERS.length ? "" : letterOf(Math.floor(index / LETTERS.length) - 1)) +
  (LETTERS[index % LETTERS.length] ?? "");

/** A row's letters; none where it can be told from all others. */
export const lettersOf = (label: string, groups: AlikeGroup[]): string =>
  groups
    .filter((group) => group.labels.includes(label))
    .map((group) => group.letter)
    .join(" ");
