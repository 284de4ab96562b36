// A job's units by stage, in the order in which the stages depend on each other: units to bars.
import type { Unit } from "../api/client";

export const STAGES = [
  "train",
  "evaluate",
  "trial",
  "generation",
  "rescore",
  "selection",
  "unlearn",
  "score",
  "attack",
] as const;
export const STAGE_TITLES: Record<Unit["kind"], string> = {
  train: "Train references",
  evaluate: "Evaluate references",
  trial: "Try hyperparameters",
  generation: "Propose the next trials",
  rescore: "Score the best trials again",
  selection: "Choose hyperparameters",
  unlearn: "Unlearn and evaluate",
  score: "Score a study's models",
  attack: "Attack single samples",
};
export type Part = "done" | "running" | "failed" | "cancelled" | "waiting";
const PARTS: Part[] = ["done", "running", "failed", "cancelled", "waiting"];

export interface Stage {
  kind: (typeof STAGES)[number];
  total: number;
  counts: Record<Part, number>;
  /** What is not empty, from left to right, as fractions of the bar in [0, 1]. */
  segments: { part: Part; from: number; share: number }[];
}

/** The stages that the units belong to. */
export function stagesOf(units: Pick<Unit, "kind" | "state">[]): Stage[] {
  return STAGES.flatMap((kind) => {
    const mine = units.filter((unit) => unit.kind === kind);
    return mine.length > 0 ? [stageOf(kind, mine)] : [];
  });
}

function stageOf(kind: Stage["kind"], units: Pick<Unit, "state">[]): Stage {
  const counts = { done: 0, running: 0, failed: 0, cancelled: 0, waiting: 0 };
  for (const { state } of units) counts[state === "ready" ? "waiting" : state] += 1;
  let from = 0;
  const segments = PARTS.filter((part) => counts[part] > 0).map((part) => {
    const segment = { part, from, share: counts[part] / units.length };
    from += segment.share;
    return segment;
  });
  return { kind, total: units.length, counts, segments };
}
