import { describe, expect, it } from "vitest";
import { duration, factor, NOTHING, number, percent, words } from "./format";

describe("numbers", () => {
  it("shows what is missing as a dash, never as zero", () => {
    expect([number(null), percent(undefined), factor(null), duration(null)]).toEqual(Array(4).fill(NOTHING));
  });
  it("turns shares into percent", () => {
    expect(percent(0.9871)).toBe("98.7 %");
  });
});

describe("durations", () => {
  it.each([
    [4.23, "4.2 s"],
    [42.4, "42 s"],
    [185, "3 min 5 s"],
    [7800, "2 h 10 min"],
  ])("%d seconds are %s", (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });
});

it("reads states as words", () => {
  expect(words("partially_succeeded")).toBe("partially succeeded");
});
