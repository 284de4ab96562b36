// One job: live progress, what happened in words, and its results as they come.
import { useEffect, useState } from "preact/hooks";
import {
  cancelJob,
  followJob,
  getJob,
  getJobResults,
  type Job,
  type LoggedEvent,
  type Result,
  retryJob,
  type Unit,
} from "../api/client";
import { Scroll } from "../components/scroll";
import { Failed, Loading, Stale } from "../components/states";
import { clock, duration, moment, number, percent, words } from "../format";
import { useLoaded } from "../loading";

const FINAL = ["succeeded", "partially_succeeded", "failed", "cancelled"];
const MAX_EVENTS = 200;

export function JobPage({ id }: { id: string }) {
  const [events, setEvents] = useState<LoggedEvent[]>([]);
  const [running, setRunning] = useState<Unit[]>([]);
  const [isLive, setIsLive] = useState(true);
  const [round, setRound] = useState(0); // a retried job is followed again
  const newest = events[0]?.id ?? 0;
  const job = useLoaded(() => getJob(id), `${id} ${newest} ${round}`);
  const results = useLoaded(() => getJobResults(id), `${id} ${newest} ${round}`);

  useEffect(() => {
    setEvents([]);
    return followJob(id, {
      onEvent: (event) => setEvents((before) => [event, ...before].slice(0, MAX_EVENTS)),
      onRunning: setRunning,
      onEnd: () => setRunning([]),
      onConnection: setIsLive,
    });
  }, [id, round]);

  if (!job.data) {
    return <main>{job.error ? <Failed what="The job" why={job.error} /> : <Loading what="the job" />}</main>;
  }
  const isOpen = !FINAL.includes(job.data.state);
  return (
    <main>
      <h1>{job.data.label || "Job"}</h1>
      <Header job={job.data} onChanged={() => setRound(round + 1)} />
      {isOpen && !isLive && <Stale why="the connection to the service was lost; trying again" />}
      <Stages job={job.data} running={running} />
      <ResultsTable results={results.data ?? []} error={results.error} />
      <Log events={events} />
    </main>
  );
}

function Header({ job, onChanged }: { job: Job; onChanged: () => void }) {
  const [refusal, setRefusal] = useState<string | null>(null);
  const act = async (action: (id: string) => Promise<Job>) => {
    try {
      await action(job.id);
      setRefusal(null);
      onChanged();
    } catch (error) {
      setRefusal(error instanceof Error ? error.message : String(error));
    }
  };
  const isOpen = !FINAL.includes(job.state);
  return (
    <section class="job-header">
      <p>
        <span class={`state ${job.state}`} id="job-state">
          {words(job.state)}
        </span>{" "}
        <span class="quiet">
          {job.protocol} · submitted {moment(job.created_at)} · <code>{job.id}</code>
        </span>
      </p>
      {job.waiting_reason && <p class="notice">{job.waiting_reason}</p>}
      <p>
        {isOpen && job.state !== "cancelling" && (
          <button type="button" onClick={() => act(cancelJob)}>
            Cancel
          </button>
        )}
        {!isOpen && job.state !== "succeeded" && (
          <button type="button" onClick={() => act(retryJob)}>
            Run again what did not succeed
          </button>
        )}
        {job.state === "succeeded" && <a href={`/?protocol=${job.protocol}`}>See the board</a>}
      </p>
      {refusal && (
        <p class="notice bad" role="alert">
          {refusal}
        </p>
      )}
    </section>
  );
}

function Stages({ job, running }: { job: Job; running: Unit[] }) {
  const { total, done, failed } = job.units;
  return (
    <section aria-label="Progress">
      <progress value={done} max={total} aria-label={`${done} of ${total} units done`} />
      <p>
        {done} of {total} units done
        {failed > 0 && `, ${failed} failed`}
      </p>
      <ul class="running" aria-live="polite">
        {running.map((unit) => (
          <li key={unit.id}>
            <strong>
              {unit.title} (seed {unit.model_seed})
            </strong>{" "}
            {unit.progress_text ?? "starting"} <span class="quiet">on {unit.worker}</span>
            {unit.progress !== null && unit.progress > 0 && <progress value={unit.progress} max={1} />}
          </li>
        ))}
      </ul>
    </section>
  );
}

function ResultsTable({ results, error }: { results: Result[]; error: string | null }) {
  if (error) return <Failed what="The results" why={error} />;
  if (results.length === 0) return <p class="empty">No results yet: reference models are trained first.</p>;
  return (
    <section>
      <h2>Results</h2>
      <Scroll label="Results">
        <table>
          <thead>
            <tr>
              <th scope="col">Model</th>
              <th scope="col" class="figure">
                Seed
              </th>
              {["Retain", "Forget", "Test"].map((name) => (
                <th key={name} scope="col" class="figure">
                  {name} acc.
                </th>
              ))}
              <th scope="col" class="figure">
                RetDev ↓
              </th>
              <th scope="col" class="figure">
                Indisc. ↑
              </th>
              <th scope="col" class="figure">
                Run time
              </th>
            </tr>
          </thead>
          <tbody>
            {results.map((result) => (
              <ResultLine key={result.id} result={result} />
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

function ResultLine({ result }: { result: Result }) {
  const { metrics } = result;
  const why = Object.values(result.reasons)[0];
  return (
    <tr>
      <th scope="row">
        {result.unlearner} {result.tuning === "given" && <span class="quiet">given hyperparameters</span>}
        {!result.is_usable && <span class="notice bad">not usable: {why}</span>}
      </th>
      <td class="figure">{result.model_seed}</td>
      <td class="figure">{percent(metrics.retain_accuracy)}</td>
      <td class="figure">{percent(metrics.forget_accuracy)}</td>
      <td class="figure">{percent(metrics.test_accuracy)}</td>
      <td class="figure">{number(metrics.retention_deviation)}</td>
      <td class="figure">{number(metrics.indiscernibility_test)}</td>
      <td class="figure">{duration(metrics.runtime_seconds ?? null)}</td>
    </tr>
  );
}

const Log = ({ events }: { events: LoggedEvent[] }) => (
  <section>
    <h2>What happened</h2>
    <ol class="log" reversed>
      {events.map((event) => (
        <li key={event.id}>
          <time dateTime={event.created_at}>{clock(event.created_at)}</time> {event.text}
        </li>
      ))}
    </ol>
  </section>
);
