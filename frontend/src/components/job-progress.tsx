// How far a job has come: its stages, how long it will take, what runs now and what failed.
import { useEffect, useRef, useState } from "preact/hooks";
import { getFailedUnits, type Job, type Unit } from "../api/client";
import { remainingSeconds } from "../eta";
import { counted, duration, percent } from "../format";
import { useLoaded } from "../loading";
import { StageBars } from "../plots/stage-bars";
import { stagesOf } from "../plots/stages";
import { Shown } from "./states";

interface Props {
  job: Job;
  running: Unit[];
}

export const JobProgress = ({ job, running }: Props) => (
  <>
    <StageBars stages={stagesOf(job.stages)} />
    <Eta job={job} running={running} />
    <Running units={running} />
    {job.units.failed > 0 && <FailedUnits job={job} />}
  </>
);

function Eta({ job, running }: Props) {
  const left = remainingSeconds(job.stages, running);
  if (left === null || left < 1) return null; // the last unit may be one that takes longer than most
  return <p class="quiet eta">About {duration(left)} left, as long as its units have taken so far.</p>;
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

function FailedUnits({ job }: { job: Job }) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <details class="notice bad" onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>{counted(job.units.failed, "unit")} failed</summary>
      {isOpen && <FailedList job={job} />}
    </details>
  );
}

function FailedList({ job }: { job: Job }) {
  const failed = useLoaded(() => getFailedUnits(job.id), job.id);
  const listed = useRef(job.units.failed);
  useEffect(() => {
    if (listed.current !== job.units.failed) failed.refresh();
    listed.current = job.units.failed;
  }, [job.units.failed]);
  return (
    <Shown what="what failed" loaded={failed}>
      {(units) => (
        <ul>
          {units.map((unit) => (
            <li key={unit.id}>
              {unit.title}, seed {unit.model_seed}: {unit.failure_class}
              {unit.error && <pre>{unit.error}</pre>}
            </li>
          ))}
        </ul>
      )}
    </Shown>
  );
}
