import { expect, test } from "vitest";
import type { Sensitivity } from "./api/client";
import { movedText, spansOf, spanTitle } from "./sensitivity";

const SENSITIVITY = {
  ranks: { ft: 1, ga: 2, ct: 3, new: null },
  alternatives: [
    { id: "linkage:single", title: "Single linkage", ranks: { ft: 1, ga: 3, ct: 3 }, moved: [] },
    { id: "model:resnet18", title: "resnet18 alone", ranks: { ft: 3, ga: 1, ct: 2 }, moved: [] },
  ],
} as unknown as Sensitivity;
const name = (label: string) => label.toUpperCase();

test("a row spans its ranks over all settings; part of them does not count, nor does a row without a rank", () => {
  const spans = spansOf(SENSITIVITY);
  expect(spans.map(({ label, low, high }) => [label, low, high])).toEqual([
    ["ft", 1, 1],
    ["ga", 2, 3],
    ["ct", 3, 3],
  ]);
  expect(spanTitle(spans, name)).toBe(
    "2 of 3 unlearners keep their rank however it is made; GA moves most, from 2 to 3",
  );
});

test("it is said when nobody moves", () => {
  const spans = spansOf({ ...SENSITIVITY, alternatives: [] });
  expect(spanTitle(spans, name)).toBe("All 3 unlearners keep their rank however it is made");
});

test("rows that only change groups are told from those that change ranks", () => {
  const move = (rank_before: number, rank_after: number) => ({
    label: "x",
    rank_before,
    rank_after,
    cells: [],
  });
  const moved = (...moves: object[]) => movedText({ moved: moves } as never);
  expect(moved()).toBe("nobody moves");
  expect(moved(move(1, 2))).toBe("1 rank differs");
  expect(moved(move(1, 2), move(2, 1), move(3, 3))).toBe(
    "2 ranks differ, 1 row in other groups at the same rank",
  );
});
