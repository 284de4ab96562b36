import { expect, it } from "vitest";
import { remainingSeconds } from "./eta";

const stage = (mean_seconds: number | null, counts: { ready?: number; running?: number; done?: number }) => ({
  total: 9,
  waiting: 0,
  ready: 0,
  running: 0,
  done: 0,
  failed: 0,
  cancelled: 0,
  ...counts,
  mean_seconds,
});

it("expects of each unit what those of its kind took on average", () => {
  const stages = { train: stage(60, { ready: 1, done: 1 }), unlearn: stage(10, { ready: 3, done: 2 }) };
  expect(remainingSeconds(stages, [])).toBe(90);
});

it("takes off what a running unit has done, where it says how far it is", () => {
  const stages = { train: stage(20, { running: 2, done: 1 }) };
  const running = [
    { kind: "train" as const, progress: 0.75 },
    { kind: "train" as const, progress: null },
  ];
  expect(remainingSeconds(stages, running)).toBe(25 / 2);
});

it("divides by the units that run at once", () => {
  expect(remainingSeconds({ train: stage(20, { running: 2, ready: 2, done: 1 }) }, [])).toBe(40);
});

it("is never less than nothing for any kind, where a unit began while the counts were on their way", () => {
  const running = [1, 1].map((progress) => ({ kind: "train" as const, progress }));
  const train = stage(20, { running: 1, done: 1 });
  expect(remainingSeconds({ train }, running)).toBe(0);
  expect(remainingSeconds({ train, unlearn: stage(10, { ready: 3, done: 1 }) }, running)).toBe(30);
});

it("does not guess before a unit of each kind is done, and expects nothing of an ended job", () => {
  const train = stage(20, { done: 1 });
  expect(remainingSeconds({ train, unlearn: stage(null, { ready: 1 }) }, [])).toBeNull();
  expect(remainingSeconds({ train }, [])).toBeNull();
});
