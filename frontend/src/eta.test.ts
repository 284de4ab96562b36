import { expect, it } from "vitest";
import type { Unit } from "./api/client";
import { remainingSeconds } from "./eta";

const NOW = Date.parse("2025-01-01T00:10:00Z");
const at = (second: number) => new Date(NOW + 1000 * second).toISOString();
const unit = (kind: Unit["kind"], state: Unit["state"], from?: number, to?: number) => ({
  kind,
  state,
  started_at: from === undefined ? null : at(from),
  finished_at: to === undefined ? null : at(to),
});

it("expects of each unit what the shortest and the longest of its kind took", () => {
  const units = [
    unit("unlearn", "done", -100, -90),
    unit("unlearn", "done", -90, -70),
    unit("unlearn", "ready"),
    unit("unlearn", "waiting"),
  ];
  expect(remainingSeconds(units, NOW)).toEqual({ low: 20, high: 40 });
});

it("takes off what a running unit has already had", () => {
  const units = [unit("train", "done", -60, -40), unit("train", "running", -15)];
  expect(remainingSeconds(units, NOW)).toEqual({ low: 5, high: 5 });
});

it("divides by the units that run at once", () => {
  const units = [
    unit("train", "done", -60, -40),
    unit("train", "running", 0),
    unit("train", "running", 0),
    unit("train", "ready"),
    unit("train", "ready"),
  ];
  expect(remainingSeconds(units, NOW)).toEqual({ low: 40, high: 40 });
});

it("does not guess before a unit of each kind is done, and expects nothing of an ended job", () => {
  expect(remainingSeconds([unit("train", "done", -60, -40), unit("unlearn", "waiting")], NOW)).toBeNull();
  expect(remainingSeconds([unit("train", "done", -60, -40)], NOW)).toBeNull();
});
