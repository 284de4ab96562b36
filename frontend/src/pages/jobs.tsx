// All jobs, newest first.
import { getJobs, type Job } from "../api/client";
import { Scroll } from "../components/scroll";
import { StateBadge } from "../components/state-badge";
import { Shown } from "../components/states";
import { Moment } from "../components/time";
import { between, count } from "../format";
import { useLoaded } from "../loading";
import type { Place } from "../router";

const REFRESH_SECONDS = 5;

export function JobsPage({ place }: { place: Place }) {
  const cursor = place.query.get("cursor");
  const jobs = useLoaded(() => getJobs(cursor), cursor ?? "", REFRESH_SECONDS);
  return (
    <main>
      <h1>Jobs</h1>
      <Shown what="the jobs" loaded={jobs}>
        {({ items, next_cursor }) => (
          <>
            {items.length > 0 ? (
              <JobTable jobs={items} />
            ) : (
              <p class="empty">
                There are no jobs yet. <a href="/jobs/new">Submit one.</a>
              </p>
            )}
            <p class="pages">
              {cursor && <a href="/jobs">Newest jobs</a>}
              {next_cursor && (
                <a href={`/jobs?${new URLSearchParams({ cursor: next_cursor })}`}>Older jobs</a>
              )}
            </p>
          </>
        )}
      </Shown>
    </main>
  );
}

export const JobTable = ({ jobs }: { jobs: Job[] }) => (
  <Scroll label="Jobs">
    <table class="jobs">
      <caption>
        <span>Newest first</span>
      </caption>
      <thead>
        <tr>
          <th scope="col">Job</th>
          <th scope="col">State</th>
          <th scope="col">Units done</th>
          <th scope="col">Protocol</th>
          <th scope="col">Submitted</th>
          <th scope="col" class="figure">
            Took
          </th>
        </tr>
      </thead>
      <tbody>
        {jobs.map((job) => (
          <tr key={job.id}>
            <th scope="row">
              <a href={`/jobs/${job.id}`}>{job.label || job.id}</a>
            </th>
            <td>
              <StateBadge state={job.state} />
            </td>
            <td>
              <progress value={job.units.done} max={job.units.total} aria-hidden="true" />{" "}
              {count(job.units.done)}/{count(job.units.total)}
              {job.units.failed > 0 && <span class="bad">, {count(job.units.failed)} failed</span>}
            </td>
            <td>{job.protocol}</td>
            <td>
              <Moment at={job.created_at} />
            </td>
            <td class="figure">{between(job.started_at, job.finished_at)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </Scroll>
);
