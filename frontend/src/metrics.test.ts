import { expect, it } from "vitest";
import { flat, metricText, metricTitle } from "./metrics";

it("writes a metric in the unit that its name says", () => {
  expect(metricText("forget_accuracy", 0.98765)).toBe("98.77 %");
  expect(metricText("runtime_seconds", 65)).toBe("1 min 5 s");
  expect(metricText("runtime_efficiency", 4)).toBe("4.0×");
  expect(metricText("retention_deviation", 0.12345)).toBe("0.1235");
  expect(metricText("retention_deviation", null)).toBe("–");
});

it("has a title for a metric that it does not know", () => {
  expect(metricTitle("fit_to_print")).toBe("Fit to print");
});

it("flattens a nested document into paths and texts, lists of plain values on one line", () => {
  expect(flat({ device: { name: "cpu", sizes: [1, 2] }, seed_of: null })).toEqual([
    ["device · name", "cpu"],
    ["device · sizes", "1, 2"],
    ["seed of", "–"],
  ]);
});
