// How long a job will still take, from what its units took on average.
import type { Job, Unit } from "./api/client";

/** Seconds; null while no unit of a kind that is open is done, and where nothing is open. */
export function remainingSeconds(
  stages: Job["stages"],
  running: Pick<Unit, "kind" | "progress">[],
): number | null {
  let [seconds, atOnce, isOpen] = [0, 0, false];
  for (const [kind, stage] of Object.entries(stages)) {
    const units = stage.waiting + stage.ready + stage.running;
    if (units === 0) continue;
    if (stage.mean_seconds === null) return null;
    const fractions = running.filter((unit) => unit.kind === kind).map((unit) => unit.progress ?? 0);
    const begun = fractions.reduce((sum, fraction) => sum + fraction, 0);
    seconds += stage.mean_seconds * Math.max(units - begun, 0); // the counts may be older than what runs
    atOnce += stage.running;
    isOpen = true;
  }
  return isOpen ? seconds / Math.max(atOnce, 1) : null;
}
