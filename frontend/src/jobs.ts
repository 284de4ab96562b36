// What the pages know of the life of a job.
import type { Job } from "./api/client";

const FINAL: Job["state"][] = ["succeeded", "partially_succeeded", "failed", "cancelled"];

export const hasEnded = ({ state }: Pick<Job, "state">): boolean => FINAL.includes(state);
