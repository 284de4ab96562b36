import { expect, it } from "vitest";
import type { Unit } from "../api/client";
import { stagesOf } from "./stages";

const units = (kind: Unit["kind"], ...states: Unit["state"][]) => states.map((state) => ({ kind, state }));

it("puts the stages in the order in which they depend on each other", () => {
  const stages = stagesOf([
    ...units("unlearn", "waiting"),
    ...units("train", "done"),
    ...units("evaluate", "ready"),
  ]);
  expect(stages.map((stage) => stage.kind)).toEqual(["train", "evaluate", "unlearn"]);
});

it("shows a study of single samples behind the unlearners", () => {
  const stages = stagesOf([
    ...units("attack", "waiting"),
    ...units("score", "done"),
    ...units("unlearn", "done"),
  ]);
  expect(stages.map((stage) => stage.kind)).toEqual(["unlearn", "score", "attack"]);
});

it("has no stage without units", () => {
  expect(stagesOf(units("train", "done")).map((stage) => stage.kind)).toEqual(["train"]);
});

it("counts ready units as waiting", () => {
  const [stage] = stagesOf(units("train", "waiting", "ready", "running", "done"));
  expect(stage?.counts).toEqual({ done: 1, running: 1, failed: 0, cancelled: 0, waiting: 2 });
});

it("fills the bar from left to right, without what is empty", () => {
  const [stage] = stagesOf(units("unlearn", "waiting", "done", "failed", "done"));
  expect(stage?.segments).toEqual([
    { part: "done", from: 0, share: 0.5 },
    { part: "failed", from: 0.5, share: 0.25 },
    { part: "waiting", from: 0.75, share: 0.25 },
  ]);
});
