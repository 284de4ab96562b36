import { expect, it } from "vitest";
import type { BoardRow } from "./api/client";
import { orderIn, pressed, sortRows } from "./sorting";

const row = (unlearner: string, rank: number | null, mean: number | null): BoardRow =>
  ({
    unlearner,
    rank,
    cells: [{ setting: "set_1", mean, runtime_efficiency: mean && 1 / mean }],
  }) as BoardRow;

const ROWS = [row("ft", 1, 0.3), row("ga", 2, null), row("bt", 3, 0.1)];
const names = (sort: string) =>
  sortRows(ROWS, orderIn(new URLSearchParams({ sort })), ({ unlearner }) => unlearner).map(
    ({ unlearner }) => unlearner,
  );

it("is by rank unless the address asks otherwise", () => {
  expect(names("")).toEqual(["ft", "ga", "bt"]);
  expect(names("-rank")).toEqual(["bt", "ga", "ft"]);
});

it("sorts by name, by a setting's mean and by its runtime efficiency", () => {
  expect(names("name")).toEqual(["bt", "ft", "ga"]);
  expect(names("set_1")).toEqual(["bt", "ft", "ga"]);
  expect(names("set_1:rte")).toEqual(["ft", "bt", "ga"]);
});

it("keeps rows without a value last, whichever way round", () => {
  expect(names("-set_1")).toEqual(["ft", "bt", "ga"]);
});

it("turns round when a column is pressed again, and leaves the default out of the address", () => {
  const by = (sort: string) => orderIn(new URLSearchParams({ sort }));
  expect(pressed(by(""), "name")).toBe("name");
  expect(pressed(by("name"), "name")).toBe("-name");
  expect(pressed(by("-name"), "name")).toBe("name");
  expect(pressed(by("name"), "rank")).toBe("");
});
