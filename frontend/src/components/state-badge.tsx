// The state of a job as sign, word and colour.
import type { JobState } from "../api/client";
import { words } from "../format";

const SIGNS: Record<JobState, string> = {
  queued: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
  running: "M-2.6 -4.2L4.2 0L-2.6 4.2z",
  cancelling: "M-3.4 -3.4H3.4V3.4H-3.4z",
  succeeded: "M-4.2 0.4L-1.2 3.4L4.4 -3.2",
  partially_succeeded: "M-4.4 -0.4L-2 2.4L1.4 -2.6M4 -4V1.4M4 3.2V4",
  failed: "M-3.4 -3.4L3.4 3.4M3.4 -3.4L-3.4 3.4",
  cancelled: "M-4 0H4",
};

export const StateBadge = ({ state, id }: { state: JobState; id?: string }) => (
  <span class={`state ${state}`} id={id}>
    <svg viewBox="-6 -6 12 12" width="12" height="12" aria-hidden="true">
      <path d={SIGNS[state]} />
    </svg>
    {words(state)}
  </span>
);
