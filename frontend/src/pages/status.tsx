// What the service is doing: what waits, what runs, who works.
import { getJobs, getQueue } from "../api/client";
import { Fact } from "../components/fact";
import { Shown } from "../components/states";
import { count } from "../format";
import { hasEnded } from "../jobs";
import { useLoaded } from "../loading";
import { JobTable } from "./jobs";
import { Workers } from "./workers";

const REFRESH_SECONDS = 5;

export function StatusPage() {
  const queue = useLoaded(getQueue, "queue", REFRESH_SECONDS);
  const jobs = useLoaded(() => getJobs(null), "jobs", REFRESH_SECONDS);
  return (
    <main>
      <h1>What the service is doing</h1>
      <Shown what="the queue" loaded={queue}>
        {({ ready, waiting, running, workers_online }) => (
          <dl class="facts">
            <Fact name="Units running">{count(running)}</Fact>
            {Object.entries(ready).map(([name, units]) => (
              <Fact key={name} name={`Units ready for ${name}`}>
                {count(units)}
              </Fact>
            ))}
            <Fact name="Units waiting for others">{count(waiting)}</Fact>
            <Fact name="Workers online">
              <a href="/workers">{count(workers_online)}</a>
            </Fact>
          </dl>
        )}
      </Shown>
      <h2>Open jobs</h2>
      <Shown what="the jobs" loaded={jobs}>
        {({ items }) => {
          const open = items.filter((job) => !hasEnded(job));
          return open.length > 0 ? <JobTable jobs={open} /> : <p class="empty">No job is open.</p>;
        }}
      </Shown>
      <h2>Workers</h2>
      <Workers />
    </main>
  );
}
