// How far a job has come: its stages, how long it will take, what runs now and what failed.
import type { Unit } from "../api/client";
import { remainingSeconds } from "../eta";
import { counted, duration, percent } from "../format";
import { StageBars } from "../plots/stage-bars";
import { stagesOf } from "../plots/stages";

interface Props {
  units: Unit[];
  running: Unit[];
}

export const JobProgress = ({ units, running }: Props) => (
  <>
    <StageBars stages={stagesOf(units)} />
    <Eta units={units} />
    <Running units={running} />
    <FailedUnits units={units.filter((unit) => unit.state === "failed")} />
  </>
);

function Eta({ units }: { units: Unit[] }) {
  const left = remainingSeconds(units, Date.now());
  if (!left) return null;
  return (
    <p class="quiet eta">
      {left.high < 1
        ? "Nearly done."
        : `About ${duration(left.low)} to ${duration(left.high)} left, as long as its units have taken so far.`}
    </p>
  );
}

const Running = ({ units }: { units: Unit[] }) => (
  <ul class="running" aria-label="Running now">
    {units.map((unit) => (
      <li key={unit.id}>
        <span>
          <strong>{unit.title}</strong>, seed {unit.model_seed}
          {unit.attempt > 1 && `, attempt ${unit.attempt} of ${unit.max_attempts}`}
        </span>
        {/* Not every unlearner knows how far it is; then it only says what it has done. */}
        {unit.progress ? (
          <progress value={unit.progress} max={1} aria-label={`Progress: ${unit.title}`} />
        ) : (
          <span class="waiting-bar" />
        )}
        <span class="quiet">
          {unit.progress ? `${percent(unit.progress, 0)}, ` : ""}
          {unit.progress_text ?? "starting"} on {unit.worker}
        </span>
      </li>
    ))}
  </ul>
);

const FailedUnits = ({ units }: { units: Unit[] }) =>
  units.length === 0 ? null : (
    <details class="notice bad">
      <summary>{counted(units.length, "unit")} failed</summary>
      <ul>
        {units.map((unit) => (
          <li key={unit.id}>
            {unit.title}, seed {unit.model_seed}: {unit.failure_class}
            {unit.error && <pre>{unit.error}</pre>}
          </li>
        ))}
      </ul>
    </details>
  );
