// One job: live progress, its results as they come, and what happened, in words.
import { useEffect, useState } from "preact/hooks";
import {
  type Catalog,
  cancelJob,
  followJob,
  getCatalog,
  getJob,
  getJobResults,
  getJobTrials,
  getJobUnits,
  getSettings,
  inWords,
  type Job,
  type LoggedEvent,
  type Result,
  retryJob,
  type Unit,
} from "../api/client";
import { placeOf } from "../board";
import { Code } from "../components/code";
import { Fact } from "../components/fact";
import { ResultsTable } from "../components/results-table";
import { StateBadge } from "../components/state-badge";
import { Shown, Stale } from "../components/states";
import { Clock, Moment } from "../components/time";
import { TrialsTable } from "../components/trials-table";
import { remainingSeconds } from "../eta";
import { between, count, counted, duration, percent } from "../format";
import { useLoaded } from "../loading";
import { StageBars } from "../plots/stage-bars";
import { stagesOf } from "../plots/stages";

const FINAL: Job["state"][] = ["succeeded", "partially_succeeded", "failed", "cancelled"];
const MAX_EVENTS = 200;

export function JobPage({ id }: { id: string }) {
  const [round, setRound] = useState(0); // a retried job is followed again
  const job = useLoaded(() => getJob(id), id);
  const units = useLoaded(() => getJobUnits(id), id);
  const results = useLoaded(() => getJobResults(id), id);
  const trials = useLoaded(() => getJobTrials(id), id);
  const catalog = useLoaded(getCatalog, "catalog");
  const refresh = () => {
    job.refresh();
    units.refresh();
    results.refresh();
    trials.refresh();
  };
  const { events, running, isLive } = useEvents(id, round, refresh);
  return (
    <main>
      {!job.data && <h1>Job</h1>}
      <Shown what="the job" loaded={job}>
        {(data) => (
          <>
            <Header
              job={data}
              onChanged={() => {
                refresh();
                setRound(round + 1);
              }}
            />
            {!isLive && !FINAL.includes(data.state) && (
              <Stale why="the connection to the service was lost." />
            )}
            <section aria-label="Progress">
              <Shown what="the units" loaded={units}>
                {(all) => (
                  <>
                    <StageBars stages={stagesOf(all)} />
                    <Eta units={all} />
                    <Running units={running} />
                    <FailedUnits units={all.filter((unit) => unit.state === "failed")} />
                  </>
                )}
              </Shown>
            </section>
            <section>
              <Shown what="the results" loaded={results}>
                {(all) => <Results job={data} results={all} catalog={catalog.data} />}
              </Shown>
            </section>
            {trials.data && trials.data.length > 0 && (
              <section>
                <TrialsTable trials={trials.data} catalog={catalog.data} />
              </section>
            )}
            <Log events={events} />
            <details>
              <summary>Job spec</summary>
              <Code title="Job spec" text={JSON.stringify(data.spec, null, 2)} />
            </details>
          </>
        )}
      </Shown>
    </main>
  );
}

/** The job's results; in which setting each is, where it has several. */
function Results({ job, results, catalog }: { job: Job; results: Result[]; catalog: Catalog | null }) {
  const hasSeveral = new Set(results.map((result) => result.setting_id)).size > 1;
  const settings = useLoaded(() => getSettings(job.protocol), job.protocol);
  const places = new Map(settings.data?.items.map((setting) => [setting.id, placeOf(setting)]));
  const isOpen = !FINAL.includes(job.state);
  return (
    <ResultsTable
      title="Results"
      name={`lethe-${job.id}`}
      results={results}
      isOpen={isOpen}
      catalog={catalog}
      {...(hasSeveral && { places })}
    />
  );
}

/** The job's events, newest first, and the units that run now; `onEvent` is called at each event. */
function useEvents(id: string, round: number, onEvent: () => void) {
  const [events, setEvents] = useState<LoggedEvent[]>([]);
  const [running, setRunning] = useState<Unit[]>([]);
  const [isLive, setIsLive] = useState(true);
  useEffect(() => {
    setEvents([]);
    return followJob(id, {
      onEvent: (event) => {
        setEvents((before) => [event, ...before].slice(0, MAX_EVENTS));
        onEvent();
      },
      onRunning: setRunning,
      onEnd: () => {
        setRunning([]);
        onEvent();
      },
      onConnection: setIsLive,
    });
  }, [id, round]);
  return { events, running, isLive };
}

function Header({ job, onChanged }: { job: Job; onChanged: () => void }) {
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
  const isOpen = !FINAL.includes(job.state);
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

const Log = ({ events }: { events: LoggedEvent[] }) => (
  <section>
    <h2>What happened</h2>
    {/* biome-ignore lint/a11y/noNoninteractiveTabindex: without it the keyboard cannot scroll the list */}
    <ol class="log" reversed tabIndex={0}>
      {events.map((event) => (
        <li key={event.id}>
          <Clock at={event.created_at} /> {event.text}
        </li>
      ))}
    </ol>
    {events.length === MAX_EVENTS && <p class="quiet">Only the newest {MAX_EVENTS} are shown.</p>}
  </section>
);
