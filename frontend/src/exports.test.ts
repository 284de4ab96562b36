import { expect, it } from "vitest";
import { toCsv, toJson, toLatex } from "./exports";

const TABLE = {
  name: "seeds",
  columns: ["unlearner", "value"],
  rows: [
    ["FT", 0.1234567],
    ['a "quoted", name', null],
  ],
};

it("writes CSV that quotes what would break it, and nothing where there is no value", () => {
  expect(toCsv(TABLE)).toBe('unlearner,value\r\nFT,0.1234567\r\n"a ""quoted"", name",\r\n');
});

it("writes JSON with every digit, so that a round trip loses nothing", () => {
  expect(JSON.parse(toJson(TABLE))).toEqual([
    { unlearner: "FT", value: 0.1234567 },
    { unlearner: 'a "quoted", name', value: null },
  ]);
});

it("writes LaTeX in which signs that mean something there are escaped", () => {
  const text = toLatex({ name: "x", columns: ["share"], rows: [["50 % of a_b \\ c^2"], [null]] });
  expect(text).toContain("50 \\% of a\\_b \\textbackslash{} c\\textasciicircum{}2 \\\\");
  expect(text).toContain("\n-- \\\\\n");
});
