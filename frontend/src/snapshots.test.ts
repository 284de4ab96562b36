import { expect, it } from "vitest";
import { bibtexOfSnapshot, countsOf, methodOfLabel, rankOf, tableOfMoves } from "./snapshots";

const SNAPSHOT = {
  id: "snp_1",
  title: "As submitted, 50 %",
  protocol: "quick/1.0",
  tier: "run_here" as const,
  sha256: "0123456789abcdef",
  num_results: 3,
  owner: "ana",
  created_at: "2026-03-04T05:06:07Z",
};

it("cites a snapshot by its address and the hash that proves it", () => {
  const entry = bibtexOfSnapshot(SNAPSHOT, "https://example.org/snapshots/snp_1");
  expect(entry).toMatch(/^@misc\{lethe01234567,/);
  expect(entry).toContain("title = {{Lethe leaderboard quick/1.0: As submitted, 50 \\%}}");
  expect(entry).toContain("year = {2026}");
  expect(entry).toContain("url = {https://example.org/snapshots/snp_1}");
  expect(entry).toContain("note = {Snapshot snp\\_1, SHA-256 0123456789abcdef}");
});

it("finds the method in the label of a row", () => {
  expect(methodOfLabel("msg (fixed)")).toEqual({ unlearner: "msg", variant: "fixed" });
  expect(methodOfLabel("ours")).toEqual({ unlearner: "ours", variant: null });
});

const CHANGE = {
  label: "msg",
  before: null,
  after: { rank: 1, g1: 2, g2: 0, g3: 0, failed: 0 },
  is_within_interval: null,
  causes: [{ code: "new_unlearner" as const, text: "msg was not on the board before" }],
  cells: [],
};

it("shows a side that does not exist as nothing", () => {
  expect([rankOf(CHANGE.before), rankOf(CHANGE.after)]).toEqual(["–", "1"]);
  expect([countsOf(CHANGE.before), countsOf(CHANGE.after)]).toEqual(["–", "2 · 0 · 0 · 0"]);
});

it("takes moves along with as many cells as columns", () => {
  const { columns, rows } = tableOfMoves("moves", [CHANGE]);
  expect(rows[0]).toHaveLength(columns.length);
  expect(rows[0]).toContain("new_unlearner");
});
