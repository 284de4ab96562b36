import { expect, it } from "vitest";
import { labelsOf } from "./slopes";

it("writes those that share a rank in one label", () => {
  const slopes = [
    { name: "MSG", paper: 1, here: 2 },
    { name: "CT", paper: 2, here: 2 },
  ];
  expect(labelsOf(slopes, "paper")).toEqual([
    { rank: 1, text: "MSG" },
    { rank: 2, text: "CT" },
  ]);
  expect(labelsOf(slopes, "here")).toEqual([{ rank: 2, text: "MSG, CT" }]);
});

it("names the first of many that share a rank, and counts the rest", () => {
  const slopes = ["A", "B", "C", "D", "E"].map((name) => ({ name, paper: 1, here: 1 }));
  expect(labelsOf(slopes, "here")).toEqual([{ rank: 1, text: "A, B, C and 2 more" }]);
});
