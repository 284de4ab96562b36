import { expect, test } from "vitest";
import { binsOf, spanOf } from "./accuracies";

test("bins are shares of all samples, and the axis holds chance and what is not empty", () => {
  const bins = binsOf({ edges: [0, 0.25, 0.5, 0.75, 1], counts: [0, 0, 3, 1] });
  expect(bins.map((bin) => bin.share)).toEqual([0, 0, 0.75, 0.25]);
  expect(spanOf(bins)).toEqual([0.45, 1]);
});
