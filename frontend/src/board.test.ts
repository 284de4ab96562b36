import { describe, expect, it } from "vitest";
import type { BoardCell, BoardRow, Catalog, RowUncertainty } from "./api/client";
import { forgetOf, intervalOf, namesOf, seedsOf, variesForget, whyProvisional } from "./board";

const cell = (change: Partial<BoardCell>): BoardCell => ({
  setting: "set_1",
  dataset: "digits",
  model: "resnet18",
  forget: { rule: "random", fraction: 0.1, seed: 123 },
  precision: "fp32",
  run_seed: 123,
  group: null,
  state: "missing",
  mean: null,
  sd: null,
  seeds: 0,
  usable_seeds: 0,
  required_seeds: 3,
  runtime_efficiency: null,
  attacks: {},
  ...change,
});
const row = (change: Partial<BoardRow>): BoardRow => ({
  rank: null,
  is_provisional: true,
  unlearner: "ft",
  variant: null,
  label: "ft",
  g1: 0,
  g2: 0,
  g3: 0,
  failed: 0,
  coverage: "0/1",
  cells: [],
  ...change,
});

describe("why a row is provisional", () => {
  it("says what is missing where", () => {
    const cells = [
      cell({ state: "incomplete", seeds: 1 }),
      cell({ state: "complete", group: "G1", dataset: "mnist" }),
      cell({ dataset: "mnist", model: "tiny_vit" }),
    ];
    expect(whyProvisional(row({ cells }))).toBe(
      "1 of 3 seeds on digits · resnet18; no models on mnist · tiny_vit",
    );
  });

  it("counts what it does not list", () => {
    const why = whyProvisional(row({ cells: [cell({}), cell({}), cell({})] }));
    expect(why).toMatch(/; and 1 more setting$/);
  });
});

it("says how many models are usable where that is not all", () => {
  expect(seedsOf(cell({ seeds: 3, usable_seeds: 3 }))).toBe("3/3");
  expect(seedsOf(cell({ seeds: 3, usable_seeds: 1 }))).toBe("3/3, 1 usable");
});

describe("names", () => {
  const catalog = {
    unlearners: [{ id: "ct", title: "CT", name: "Convolution transpose" }],
  } as unknown as Catalog;

  it("come from the catalogue, with any variant but the official one", () => {
    expect(namesOf(row({ unlearner: "ct", variant: "official" }), catalog).title).toBe("CT");
    expect(namesOf(row({ unlearner: "ct", variant: "fixed" }), catalog).title).toBe("CT (fixed)");
  });

  it("fall back to the id while the catalogue is not there", () => {
    expect(namesOf(row({ unlearner: "ct" }), null)).toEqual({ title: "ct", name: "" });
  });
});

describe("forget sets", () => {
  it("are said without a run seed where a board was frozen before boards told it", () => {
    const old = { forget: { rule: "hard", fraction: 0.1 }, precision: "bf16" };
    expect(forgetOf(old)).toBe("forget 10 % of highest loss; bf16");
  });

  it("vary with the model seed where a rule says so, in any step", () => {
    const fixed = { rule: "random", fraction: 0.1, seed: 123 };
    const own = { ...fixed, seed: "model_seed" as const };
    expect(variesForget({ forget: own })).toBe(true);
    expect(variesForget({ forget: { ...fixed, step: 1, before: [own] } })).toBe(true);
    expect(variesForget({ forget: { ...fixed, step: 1, before: [fixed] } })).toBe(false);
  });

  const said = (forget: object) =>
    forgetOf({ forget: { rule: "random", seed: 123, ...forget }, precision: "fp32" });

  it.each([
    [{ fraction: 0.1 }, "forget 10 % at random, seed 123; fp32"],
    [{ count: 50, fraction: null }, "forget 50 samples at random, seed 123; fp32"],
    [{ rule: "class", labels: [3, 5], fraction: 1 }, "forget 100 % of class 3, 5, seed 123; fp32"],
    [{ count: 1, step: 0, before: [] }, "forget 1 sample at random, seed 123, step 1; fp32"],
    [
      {
        rule: "hard",
        count: 50,
        step: 4,
        before: [
          { rule: "class", labels: [3], fraction: 1, seed: 0 },
          { rule: "indices", count: 3 },
          { rule: "indices", count: 3 },
          { rule: "hard", count: 9 },
        ],
      },
      "forget 50 samples of highest loss, step 5 after 100 % of class 3, seed 0; " +
        "2 times 3 listed samples; 9 samples of highest loss; fp32",
    ],
    [{ fraction: 0.1, seed: "model_seed" }, "forget 10 % at random, seed per model; fp32"],
    [{ rule: "hard", fraction: 0.1 }, "forget 10 % of highest loss; fp32"],
    [{ rule: "indices", count: 12 }, "forget 12 listed samples; fp32"],
  ])("are said in words: %j", (forget, words) => {
    expect(said(forget)).toBe(words);
  });

  it.each([
    ["model_seed", "forget 10 % of highest loss; bf16; run seed per model"],
    [7, "forget 10 % of highest loss; bf16; run seed 7"],
  ] as const)("are told with what seeds the runs: %s", (run_seed, words) => {
    expect(forgetOf({ forget: { rule: "hard", fraction: 0.1 }, precision: "bf16", run_seed })).toBe(words);
  });
});

const sure = (low: number, high: number) => ({ over_seeds: { low, high } }) as unknown as RowUncertainty;

it("writes a rank's interval as its ends, or as one rank that never moves", () => {
  expect(intervalOf(sure(2, 5))).toBe("2–5");
  expect(intervalOf(sure(1, 1))).toBe("1");
  expect(intervalOf(undefined)).toBe("");
});
