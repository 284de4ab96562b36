import { describe, expect, it } from "vitest";
import type { BoardSetting, Catalog } from "./api/client";
import { type Choices, curlOf, errorsAt, fieldOf, firstChoices, pythonOf, specOf, studySpecOf } from "./spec";

const CATALOG = {
  protocols: [{ id: "quick/1.0" }],
  datasets: [
    { id: "mnist", is_present: false },
    { id: "digits", is_present: true },
  ],
  models: [{ id: "resnet18" }],
  unlearners: [{ id: "ft" }, { id: "ga" }],
} as unknown as Catalog;
const FIRST = firstChoices(CATALOG);
const spec = (change: Partial<Choices> = {}) => JSON.parse(specOf({ ...FIRST, ...change }, CATALOG));

describe("the job spec", () => {
  it("chooses a dataset whose files are there, and leaves the rest to the protocol", () => {
    expect(spec()).toEqual({
      protocol: "quick/1.0",
      settings: [{ dataset: "digits", model: "resnet18" }],
      unlearners: "all",
    });
  });

  it("is one line per field", () => {
    expect(specOf({ ...FIRST, label: '[a "b"]', seeds: "0,1" }, CATALOG).split("\n")).toEqual([
      "{",
      '  "protocol": "quick/1.0",',
      '  "label": "[a \\"b\\"]",',
      '  "settings": [{"dataset": "digits", "model": "resnet18"}],',
      '  "unlearners": "all",',
      '  "model_seeds": [0, 1]',
      "}",
    ]);
  });

  it("names the unlearners where they are not all", () => {
    expect(spec({ unlearners: ["ga"] }).unlearners).toEqual(["ga"]);
  });

  it.each([
    ["0, 1", [0, 1]],
    ["0 1\t2", [0, 1, 2]],
    ["0, one, -1", [0, "one", -1]], // for the service to refuse, in its words
  ])("reads the seeds %o", (seeds, read) => {
    expect(spec({ seeds }).model_seeds).toEqual(read);
  });
});

it("quotes the spec for the shell", () => {
  const command = curlOf(specOf({ ...FIRST, label: "Ada's" }, CATALOG), "http://lethe.test");
  expect(command).toContain(`"label": "Ada'\\''s"`);
});

describe("pointers", () => {
  it.each([
    ["#/model_seeds/1", "seeds"],
    ["#/settings/0/dataset", "dataset"],
    ["#/settings/0", "dataset"],
    ["#/unlearners/3/id", "unlearners"],
    ["#/labels", null],
    ["#", null],
  ])("%s leads to %s", (pointer, field) => {
    expect(fieldOf(pointer)).toBe(field);
  });

  it("leave nothing unsaid", () => {
    const errors = [
      { pointer: "#/model_seeds/0", code: "int_type", detail: "…", suggestion: null },
      { pointer: "#/colour", code: "extra_forbidden", detail: "…", suggestion: null },
    ];
    const problem = {
      type: "",
      title: "",
      status: 422,
      code: "",
      detail: "",
      instance: "",
      request_id: "",
      errors,
    };
    expect(errorsAt(problem, "seeds")).toEqual([errors[0]]);
    expect(errorsAt(problem, null)).toEqual([errors[1]]);
  });
});

it("reads a key from the environment in every other form of the request", () => {
  const origin = "http://lethe.test";
  expect(curlOf("{}", origin, true)).toContain('-H "Authorization: Bearer $LETHE_KEY"');
  expect(pythonOf(origin, true)).toContain(`Client("${origin}", key=os.environ["LETHE_KEY"])`);
  expect(pythonOf(origin)).not.toContain("LETHE_KEY");
});

describe("the spec that attacks single samples in a setting", () => {
  const forget = {
    rule: "random",
    fraction: 0.1,
    count: null,
    seed: 3,
    labels: null,
    step: null,
    before: null,
    sha256: null,
  };
  const setting = {
    dataset: "digits",
    model: "resnet18",
    precision: "fp32",
    run_seed: 123,
    forget,
  } as unknown as BoardSetting;
  const asked = (change: object = {}) =>
    JSON.parse(studySpecOf({ ...setting, forget: { ...setting.forget, ...change } }, "quick/1.0"))
      .settings[0];

  it("asks for its forget set, without what its rule does not have", () => {
    expect(asked()).toEqual({
      dataset: "digits",
      model: "resnet18",
      precision: "fp32",
      run_seed: 123,
      forget: { rule: "random", fraction: 0.1, seed: 3 },
    });
  });

  it("asks for a step by the sequence up to it", () => {
    const before = [{ ...forget, rule: "class", labels: [3], fraction: 1 }];
    expect(asked({ step: 1, before }).forget).toEqual({
      rule: "sequence",
      steps: [
        { rule: "class", labels: [3], fraction: 1, seed: 3 },
        { rule: "random", fraction: 0.1, seed: 3 },
      ],
    });
    expect(asked({ step: 1, before: [{ rule: "indices", sha256: "ab" }] })).not.toHaveProperty("forget");
  });

  it("leaves a forget set out that only its fingerprint is known of", () => {
    expect(asked({ rule: "indices", sha256: "ab" })).not.toHaveProperty("forget");
  });
});
