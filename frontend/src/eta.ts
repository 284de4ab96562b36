// How long a job will still take, from what its units took on average.
import type { Job, Unit } from "./api/client";

/** Seconds; null while no unit of a kind that is open is done, and where nothing is open. */
export function remainingSeconds(
  stages: Job["stages"],
  running: Pick<Unit, "kind" | "progress">[],
): number | null {
  let [seconds, open, atOnce] = [0, 0, 0];
  for (const [kind, stage] of Object.entries(stages)) {
    const units = stage.waiting + stage.ready + stage.running;
    if (units === 0) continue;
    if (stage.mean_seconds === null) return null;
    const begun = running.filter((unit) => unit.kind === kind).map((unit) => unit.progress ?? 0);
    seconds += stage.mean_seconds * (units - begun.reduce((sum, fraction) => sum + fraction, 0));
    open += units;
    atOnce += stage.running;
  }
  return open === 0 ? null : Math.max(seconds, 0) / Math.max(atOnce, 1);
}
