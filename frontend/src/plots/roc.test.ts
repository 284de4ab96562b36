import { expect, test } from "vitest";
import { rocPoints } from "./roc";

test("logarithmic axes begin at the power of ten below what is shown, and leave out what they cannot show", () => {
  const curve = { name: "FT", role: "chosen" as const, fpr: [0, 0.002, 0.01, 1], tpr: [0, 0, 0.03, 1] };
  const { points, from } = rocPoints([curve]);
  expect(points.map(({ fpr, tpr }) => [fpr, tpr])).toEqual([
    [0.01, 0.03],
    [1, 1],
  ]);
  expect(from).toBe(0.01);
});
