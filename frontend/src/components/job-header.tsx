// What a job is, how it stands, and what can be done with it.
import { useState } from "preact/hooks";
import { cancelJob, inWords, type Job, retryJob } from "../api/client";
import { between, count } from "../format";
import { hasEnded } from "../jobs";
import { Fact } from "./fact";
import { StateBadge } from "./state-badge";
import { Moment } from "./time";

interface Props {
  job: Job;
  onChanged: () => void;
}

export function JobHeader({ job, onChanged }: Props) {
  const [refusal, setRefusal] = useState<string | null>(null);
  const [isActing, setIsActing] = useState(false);
  const act = async (action: (id: string) => Promise<Job>) => {
    setIsActing(true);
    try {
      await action(job.id);
      setRefusal(null);
      onChanged();
    } catch (error) {
      setRefusal(inWords(error));
    }
    setIsActing(false);
  };
  const isOpen = !hasEnded(job);
  return (
    <header class="job-header">
      <div class="title-line">
        <h1>{job.label || "Job without a label"}</h1>
        <span role="status">
          <StateBadge state={job.state} id="job-state" />
        </span>
      </div>
      <dl class="facts">
        <Fact name="Protocol">{job.protocol}</Fact>
        <Fact name="Submitted">
          <Moment at={job.created_at} />
        </Fact>
        <Fact name="Took">{isOpen ? "not finished" : between(job.started_at, job.finished_at)}</Fact>
        <Fact name="Units">
          {count(job.units.done)} of {count(job.units.total)} done
        </Fact>
        <Fact name="Id">
          <code>{job.id}</code>
        </Fact>
      </dl>
      {job.waiting && <p class="notice">Waiting: {job.waiting.reason}</p>}
      <p class="actions">
        {isOpen && job.state !== "cancelling" && (
          <button type="button" disabled={isActing} onClick={() => void act(cancelJob)}>
            Cancel this job
          </button>
        )}
        {!isOpen && job.state !== "succeeded" && (
          <button type="button" disabled={isActing} onClick={() => void act(retryJob)}>
            Run again what did not succeed
          </button>
        )}
        {["succeeded", "partially_succeeded"].includes(job.state) && (
          <a href={`/?${new URLSearchParams({ protocol: job.protocol })}`}>See the board</a>
        )}
      </p>
      {refusal && (
        <p class="notice bad" role="alert">
          {refusal}
        </p>
      )}
    </header>
  );
}
