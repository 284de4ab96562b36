import { expect, it } from "vitest";
import { stagesOf } from "./stages";

const NONE = { waiting: 0, ready: 0, running: 0, done: 0, failed: 0, cancelled: 0 };
const units = (counts: Partial<typeof NONE>) => ({
  ...NONE,
  ...counts,
  total: Object.values(counts).reduce((total, count) => total + count, 0),
});

it("puts the stages in the order in which they depend on each other", () => {
  const stages = stagesOf({
    unlearn: units({ waiting: 1 }),
    train: units({ done: 1 }),
    evaluate: units({ ready: 1 }),
  });
  expect(stages.map((stage) => stage.kind)).toEqual(["train", "evaluate", "unlearn"]);
});

it("shows a study of single samples behind the unlearners", () => {
  const stages = stagesOf({
    attack: units({ waiting: 1 }),
    score: units({ done: 1 }),
    unlearn: units({ done: 1 }),
  });
  expect(stages.map((stage) => stage.kind)).toEqual(["unlearn", "score", "attack"]);
});

it("counts ready units as waiting", () => {
  const [stage] = stagesOf({ train: units({ waiting: 1, ready: 1, running: 1, done: 1 }) });
  expect(stage?.total).toBe(4);
  expect(stage?.counts).toEqual({ done: 1, running: 1, failed: 0, cancelled: 0, waiting: 2 });
});

it("fills the bar from left to right, without what is empty", () => {
  const [stage] = stagesOf({ unlearn: units({ waiting: 1, done: 2, failed: 1 }) });
  expect(stage?.segments).toEqual([
    { part: "done", from: 0, share: 0.5 },
    { part: "failed", from: 0.5, share: 0.25 },
    { part: "waiting", from: 0.75, share: 0.25 },
  ]);
});
