import { expect, it } from "vitest";
import { frontOf } from "./trade-off";

const point = (name: string, efficiency: number, value: number) => ({ name, efficiency, value, group: null });

it("keeps what nothing else beats in speed and closeness together", () => {
  const points = [point("fast", 10, 0.5), point("slow", 1, 0.1), point("beaten", 5, 0.6)];
  expect(frontOf(points, false).map(({ name }) => name)).toEqual(["slow", "fast"]);
});

it("turns round with a metric of which more is better", () => {
  const points = [point("fast", 10, 0.5), point("slow", 1, 0.1), point("best", 5, 0.6)];
  expect(frontOf(points, true).map(({ name }) => name)).toEqual(["best", "fast"]);
});

it("keeps two that are alike", () => {
  expect(frontOf([point("one", 2, 0.1), point("twin", 2, 0.1)], false)).toHaveLength(2);
});
