import { expect, test } from "vitest";
import type { Attack, Result } from "./api/client";
import { belowChance, chosenIn, miaRows, rocTitle, strongest, studiesOf, subjectKey } from "./privacy";

const figure = (value: number) => ({ value, low: value - 0.02, high: value + 0.02, reason: null });

function attack(subject: string, accuracy: number | null, more: Partial<Attack> = {}): Attack {
  const figures = accuracy === null ? null : { mean: figure(accuracy), auc: figure(accuracy) };
  return {
    unit_id: `${subject} ${accuracy}`,
    attack: "u_lira",
    subject,
    variant: null,
    tuning: "default",
    out: "retrain",
    splits: 64,
    forget_sets: 10,
    is_calibration: subject === "original" || subject === "retrained",
    mean_accuracy: accuracy,
    figures,
    ...more,
  } as Attack;
}

const run = (
  unlearner: string,
  seed: number,
  accuracy: number,
  forget = 0.9,
  reading: Result["forget_reading"] = "like_unseen",
): Result =>
  ({
    forget_reading: reading,
    unlearner,
    variant: null,
    model_seed: seed,
    is_usable: true,
    metrics: {
      mia_test: accuracy,
      indiscernibility_test: 1 - Math.abs(2 * accuracy - 1),
      forget_accuracy: forget,
    },
  }) as unknown as Result;

test("the study of the most models comes first, and in it the references, then who is found the least", () => {
  const studies = studiesOf([
    attack("ft", 0.9),
    attack("small", 0.6, { splits: 8 }),
    attack("msg", 0.7),
    attack("ct", null),
    attack("original", 0.8),
    attack("retrained", 0.5),
  ]);
  expect(studies.map((study) => study.id)).toEqual(["u_lira-retrain-64x10", "u_lira-retrain-8x10"]);
  expect(studies[0]?.attacks.map(subjectKey)).toEqual(["retrained", "original", "msg", "ft", "ct"]);
});

test("of two attacks on a method the newer counts, but not one with hyperparameters that somebody gave", () => {
  const [study] = studiesOf([attack("ft", 0.7, { tuning: "given" }), attack("ft", 0.8), attack("ft", 0.9)]);
  expect(study?.attacks.map((each) => each.mean_accuracy)).toEqual([0.8]);
});

test("the curves are of the method that is asked for, else of that of which the attack finds the most", () => {
  const [study] = studiesOf([attack("ft", 0.9), attack("msg", 0.7), attack("ct", null)]);
  expect(study && chosenIn(study, "msg")?.subject).toBe("msg");
  expect(study && chosenIn(study, null)?.subject).toBe("ft");
});

test("worse than a coin is over-unlearning, unless retrained models are as bad", () => {
  expect(belowChance(attack("ga", 0.4), attack("retrained", 0.5))).toHaveLength(2);
  expect(belowChance(attack("ga", 0.47), attack("retrained", 0.46))).toEqual([]);
  expect(belowChance(attack("ga", 0.49), attack("retrained", 0.5))).toEqual([]);
});

test("U-MIA says what is within the noise of the retrained models, and whose forgetting shows", () => {
  const runs = [0, 1].flatMap((seed) => [
    run("retrained", seed, 0.5, 0.9 + seed / 100),
    run("ft", seed, 0.504 + seed / 100),
    run("ga", seed, 0.7, 0.2, "over_unlearned"),
  ]);
  const [retrained, ft, ga] = miaRows(runs);
  expect([retrained?.key, ft?.key, ga?.key]).toEqual(["retrained", "ft", "ga"]);
  expect([ft?.isNoise, ga?.isNoise]).toEqual([true, false]);
  expect(ft?.flags).toEqual([]);
  expect(ga?.flags).toEqual([
    "forget losses above the test set's for every model seed: forgetting itself shows",
    "forget accuracy 20.0 %, more than 3 s.d. below the retrained models' 90.5 %",
  ]);
});

test("the strongest attack known is over all studies and U-MIA", () => {
  const studies = studiesOf([attack("ft", 0.6), attack("ft", 0.7, { out: "same_method" })]);
  const mia = miaRows([run("ft", 0, 0.8)]);
  const ft = { unlearner: "ft", variant: null };
  expect(strongest(ft, studies, [])).toEqual({ attack: "u_lira", accuracy: 0.7 });
  expect(strongest(ft, studies, mia)).toEqual({ attack: "u_mia", accuracy: 0.8 });
  expect(strongest({ unlearner: "ga", variant: null }, studies, mia)).toBeNull();
});

test("a curve's title says how many are found, beside retrained models", () => {
  const found = attack("ft", 0.6, { figures: { tpr_at_fpr_1pct: figure(0.25) } });
  const usual = attack("retrained", 0.5, { figures: { tpr_at_fpr_1pct: figure(0.01) } });
  expect(rocTitle("FT", found, usual)).toBe(
    "At 1 % false alarms the attack finds 25.0 % of what FT forgot, 1.0 % of those of retrained models",
  );
});
