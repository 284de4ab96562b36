import { expect, it } from "vitest";
import type { Result } from "./api/client";
import { comparisonText, counting, keyOf, type Protocol, paired } from "./methods";

const PROTOCOL = { id: "quick/1.0", model_seeds: [0, 1, 2], ranked_tuning: "default" } as Protocol;

const run = (seed: number, value: number | null, other: Partial<Result> = {}): Result =>
  ({
    model_seed: seed,
    is_usable: true,
    is_superseded: false,
    tuning: "default",
    metrics: { retention_deviation: value, indiscernibility_test: value },
    ...other,
  }) as Result;

it("counts what the board counts: the protocol's seeds and tuning, and nothing superseded", () => {
  const counted = run(0, 0.1);
  const reference = run(1, 0.1, { tuning: null });
  const others = [run(7, 0.1), run(0, 0.2, { is_superseded: true }), run(0, 0.3, { tuning: "given" })];
  expect(counting([counted, ...others, reference], PROTOCOL)).toEqual([counted, reference]);
});

it("pairs runs by model seed and leaves out seeds of which one is missing or not usable", () => {
  const first = [run(2, 0.5), run(0, 0.1), run(1, 0.2, { is_usable: false })];
  const second = [run(0, 0.3), run(1, 0.9), run(2, 0.4)];
  const { differences, mean, sd } = paired(first, second, "retention_deviation", false);
  expect(differences.map(({ seed }) => seed)).toEqual([0, 2]);
  expect(mean).toBeCloseTo(0.05);
  expect(sd).toBeCloseTo(0.2121, 4);
});

it("says who is better on how many seeds, whichever way the metric points", () => {
  const [first, second] = [
    [run(0, 0.1), run(1, 0.2), run(2, 0.3)],
    [run(0, 0.2), run(1, 0.4), run(2, 0.3)],
  ];
  expect(paired(first, second, "retention_deviation", false)).toMatchObject({
    firstIsBetter: 2,
    secondIsBetter: 0,
  });
  expect(paired(first, second, "indiscernibility", true)).toMatchObject({
    firstIsBetter: 0,
    secondIsBetter: 2,
  });
});

it("has no spread of a single difference, and nothing without any", () => {
  expect(paired([run(0, 1)], [run(0, 2)], "retention_deviation", false)).toMatchObject({ mean: 1, sd: null });
  expect(paired([], [run(0, 2)], "retention_deviation", false)).toMatchObject({ mean: null, sd: null });
});

it("tells of each other method alone in how many pairs of runs it is better", () => {
  const against = (values: number[]) =>
    paired(
      [run(0, 0.5), run(1, 0.5)],
      values.map((value, seed) => run(seed, value)),
      "retention_deviation",
      false,
    );
  const others = [
    { name: "GA", paired: [against([0.1, 0.2]), against([0.1, 0.9])] },
    { name: "BT", paired: [against([0.9, 0.8])] },
  ];
  expect(comparisonText("FT", others)).toBe(
    "GA is better than FT in 3 of 4 pairs of runs and BT in none of 2",
  );
});

it("names a variant in addresses, but not the published one", () => {
  expect(keyOf({ unlearner: "bt", variant: "official" })).toBe("bt");
  expect(keyOf({ unlearner: "ft", variant: null })).toBe("ft");
  expect(keyOf({ unlearner: "bt", variant: "fixed" })).toBe("bt:fixed");
});
