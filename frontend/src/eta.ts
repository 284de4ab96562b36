// How long a job will still take, from how long its units took.
import type { Unit } from "./api/client";

type Timed = Pick<Unit, "kind" | "state" | "started_at" | "finished_at">;

const OPEN: Unit["state"][] = ["waiting", "ready", "running"];

/** From the shortest and the longest that a unit of its kind took, in seconds; null while that is not known. */
export function remainingSeconds(units: Timed[], now: number): { low: number; high: number } | null {
  const open = units.filter((unit) => OPEN.includes(unit.state));
  if (open.length === 0) return null;
  const atOnce = Math.max(1, units.filter((unit) => unit.state === "running").length);
  let [low, high] = [0, 0];
  for (const unit of open) {
    const took = units
      .filter((other) => other.kind === unit.kind && other.state === "done")
      .flatMap(secondsOf);
    if (took.length === 0) return null;
    const since =
      unit.started_at && unit.state === "running" ? (now - Date.parse(unit.started_at)) / 1000 : 0;
    low += Math.max(Math.min(...took) - since, 0);
    high += Math.max(Math.max(...took) - since, 0);
  }
  return { low: low / atOnce, high: high / atOnce };
}

function secondsOf({ started_at, finished_at }: Timed): number[] {
  if (started_at === null || finished_at === null) return [];
  return [(Date.parse(finished_at) - Date.parse(started_at)) / 1000];
}
