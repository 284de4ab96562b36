import { describe, expect, it } from "vitest";
import { between, counted, duration, factor, listed, NOTHING, number, percent, tick, words } from "./format";

describe("numbers", () => {
  it("shows what is missing as a dash, never as zero", () => {
    const shown = [
      number(null),
      percent(undefined),
      factor(null),
      duration(null),
      between("2026-01-01", null),
    ];
    expect(shown).toEqual(Array(5).fill(NOTHING));
  });

  it("writes a minus, not a hyphen", () => {
    expect(number(-0.0594)).toBe("−0.059");
  });

  it("turns shares into percent", () => {
    expect(percent(0.9871)).toBe("98.7 %");
  });

  it.each([
    [8.652, "8.7×"],
    [99.96, "100×"],
    [1166.7, "1167×"],
  ])("shows the factor %d as %s", (value, text) => {
    expect(factor(value)).toBe(text);
  });

  it.each([
    [0.2, "0.2"],
    [0.1 + 0.2, "0.3"],
    [0, "0"],
  ])("shows the tick %d as %s", (value, text) => {
    expect(tick(value)).toBe(text);
  });

  it("counts one thing in the singular", () => {
    expect([counted(0, "unit"), counted(1, "unit"), counted(1200, "unit")]).toEqual([
      "0 units",
      "1 unit",
      "1,200 units",
    ]);
  });
});

describe("durations", () => {
  it.each([
    [4.23, "4.2 s"],
    [9.96, "10 s"],
    [42.4, "42 s"],
    [59.7, "1 min 0 s"],
    [185, "3 min 5 s"],
    [7800, "2 h 10 min"],
  ])("%d seconds are %s", (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });

  it("measures from one moment to another", () => {
    expect(between("2026-11-24T11:58:04Z", "2026-11-24T12:02:39Z")).toBe("4 min 35 s");
  });
});

it("reads states as words", () => {
  expect(words("partially_succeeded")).toBe("partially succeeded");
});

it("lists names as people do", () => {
  expect([["A"], ["A", "B"], ["A", "B", "C"]].map(listed)).toEqual(["A", "A and B", "A, B and C"]);
});
