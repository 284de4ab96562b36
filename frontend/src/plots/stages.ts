// A job's stages, in the order in which they depend on each other: counts to bars.
import type { Job, Unit } from "../api/client";

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

type Counted = Omit<Job["stages"][string], "mean_seconds">;

/** The stages that a job has. */
export const stagesOf = (stages: Record<string, Counted>): Stage[] =>
  STAGES.flatMap((kind) => {
    const mine = stages[kind];
    return mine ? [stageOf(kind, mine)] : [];
  });

function stageOf(kind: Stage["kind"], { total, ready, ...states }: Counted): Stage {
  const counts = { ...states, waiting: states.waiting + ready };
  let from = 0;
  const segments = PARTS.filter((part) => counts[part] > 0).map((part) => {
    const segment = { part, from, share: counts[part] / total };
    from += segment.share;
    return segment;
  });
  return { kind, total, counts, segments };
}
