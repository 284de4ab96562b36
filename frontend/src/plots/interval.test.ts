import { describe, expect, it } from "vitest";
import { axisOf, intervalMarks } from "./interval";

const ANY = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
const interval = (mean: number | null, sd: number | null = null) => ({ mean, sd });

describe("an axis", () => {
  it("has round ends around every interval", () => {
    expect(axisOf([interval(0.013, 0.01), interval(0.172, 0.02)], { from: 0, to: 9 })).toEqual({
      from: 0,
      to: 0.2,
    });
  });

  it("does not go past what the metric can be", () => {
    const axis = axisOf([interval(0.99, 0.05), interval(0.71)], { from: 0, to: 1 });
    expect(axis?.from).toBeCloseTo(0.7);
    expect(axis?.to).toBe(1);
  });

  it("has a length where all values are the same", () => {
    const axis = axisOf([interval(0, 0)], { from: 0, to: Number.POSITIVE_INFINITY });
    expect(axis && axis.from < axis.to).toBe(true);
  });

  it("ignores what has no mean, and does not exist where nothing has one", () => {
    expect(axisOf([interval(null), interval(Number.NaN)], ANY)).toBeNull();
    expect(axisOf([interval(null), interval(1), interval(3)], ANY)).toEqual({ from: 1, to: 3 });
  });
});

describe("the marks of an interval", () => {
  it("are fractions of the axis", () => {
    expect(intervalMarks(interval(5, 2.5), { from: 0, to: 10 })).toEqual({
      low: 0.25,
      mean: 0.5,
      high: 0.75,
    });
  });

  it("fall together without a spread", () => {
    expect(intervalMarks(interval(5), { from: 0, to: 10 })).toEqual({ low: 0.5, mean: 0.5, high: 0.5 });
  });

  it("are cut at the ends of the axis", () => {
    expect(intervalMarks(interval(0, 20), { from: 0, to: 10 })).toEqual({ low: 0, mean: 0, high: 1 });
  });

  it("do not exist without a mean", () => {
    expect(intervalMarks(interval(null), { from: 0, to: 1 })).toBeNull();
  });
});
