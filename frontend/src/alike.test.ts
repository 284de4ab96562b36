import { expect, test } from "vitest";
import { alikeGroups, lettersOf } from "./alike";

const row = (label: string, ...not_distinguishable: string[]) => ({ label, not_distinguishable });

test("two rows share a letter exactly where they are not distinguishable", () => {
  const rows = [row("a1", "b1"), row("b1", "a1", "c1"), row("c1", "b1"), row("d1")];
  const groups = alikeGroups(rows);
  expect(groups).toEqual([
    { letter: "a", labels: ["a1", "b1"] },
    { letter: "b", labels: ["b1", "c1"] },
  ]);
  expect(rows.map(({ label }) => lettersOf(label, groups))).toEqual(["a", "a b", "b", ""]);
});

test("rows that are all alike make one group, and those that are not make none", () => {
  const all = ["x", "y", "z"];
  const alike = all.map((label) => row(label, ...all.filter((other) => other !== label)));
  expect(alikeGroups(alike)).toEqual([{ letter: "a", labels: all }]);
  expect(alikeGroups(all.map((label) => row(label)))).toEqual([]);
});

test("there are as many letters as groups", () => {
  const chain = Array.from({ length: 30 }, (_, index) =>
    row(`r${index}`, ...[index - 1, index + 1].map((other) => `r${other}`)),
  );
  const letters = alikeGroups(chain).map((group) => group.letter);
  expect(letters.slice(24)).toEqual(["y", "z", "aa", "ab", "ac"]);
});
