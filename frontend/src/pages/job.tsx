// One job: live progress, its results as they come, and what happened, in words.
import { useEffect, useState } from "preact/hooks";
import {
  type Catalog,
  followJob,
  getCatalog,
  getJob,
  getJobResults,
  getJobTrials,
  getSettings,
  type Job,
  type LoggedEvent,
  type Result,
  type Unit,
} from "../api/client";
import { placeOf } from "../board";
import { Code } from "../components/code";
import { JobHeader } from "../components/job-header";
import { JobProgress } from "../components/job-progress";
import { ResultsTable } from "../components/results-table";
import { Shown, Stale } from "../components/states";
import { Clock } from "../components/time";
import { TrialsTable } from "../components/trials-table";
import { hasEnded } from "../jobs";
import { useLoaded } from "../loading";

const MAX_EVENTS = 200;

export function JobPage({ id }: { id: string }) {
  const [round, setRound] = useState(0); // a retried job is followed again
  const job = useLoaded(() => getJob(id), id);
  const results = useLoaded(() => getJobResults(id), id);
  const trials = useLoaded(() => getJobTrials(id), id);
  const catalog = useLoaded(getCatalog, "catalog");
  const refresh = () => {
    job.refresh();
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
            <JobHeader
              job={data}
              onChanged={() => {
                refresh();
                setRound(round + 1);
              }}
            />
            {!isLive && !hasEnded(data) && <Stale why="the connection to the service was lost." />}
            <section aria-label="Progress">
              <JobProgress job={data} running={running} />
            </section>
            <Log events={events} />
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
  const isOpen = !hasEnded(job);
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
