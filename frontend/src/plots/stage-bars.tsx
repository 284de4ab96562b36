// How far each stage of a job has come.
import { count, words } from "../format";
import { type Part, STAGE_TITLES, type Stage } from "./stages";

const WORTH_A_WORD: Part[] = ["running", "failed", "cancelled", "waiting"];

export const StageBars = ({ stages }: { stages: Stage[] }) => (
  <ol class="stages" aria-label="Stages">
    {stages.map((stage) => (
      <li key={stage.kind}>
        <p>
          <strong>{STAGE_TITLES[stage.kind]}</strong>{" "}
          <span class="count">
            {count(stage.counts.done)}/{count(stage.total)}
          </span>
        </p>
        <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
          {stage.segments.map(({ part, from, share }) => (
            <rect key={part} class={part} x={100 * from} y={0} width={100 * share} height={8} />
          ))}
        </svg>
        <p class="quiet">{describe(stage)}</p>
      </li>
    ))}
  </ol>
);

function describe({ counts, total }: Stage): string {
  if (counts.done === total) return "all done";
  const parts = WORTH_A_WORD.filter((part) => counts[part] > 0);
  return parts.map((part) => `${count(counts[part])} ${words(part)}`).join(", ");
}
