import { expect, it } from "vitest";
import { levelled } from "./seed-dots";

const line = (value: number) => ({ title: `at ${value}`, value });

it("puts the title of a line that is close to the one before it on a level of its own", () => {
  const levels = levelled([line(0.9), line(0.01), line(0)], 1).map(({ value, level }) => [value, level]);
  expect(levels).toEqual([
    [0, 0],
    [0.01, 1],
    [0.9, 0],
  ]);
});
