// All jobs, newest first.
import { getJobs } from "../api/client";
import { Scroll } from "../components/scroll";
import { Failed, Loading, Stale } from "../components/states";
import { moment, words } from "../format";
import { useLoaded } from "../loading";

export function JobsPage() {
  const { data, error } = useLoaded(getJobs, "jobs", 5);
  return (
    <main>
      <h1>Jobs</h1>
      {error && (data ? <Stale why={error} /> : <Failed what="The jobs" why={error} />)}
      {!data && !error && <Loading what="the jobs" />}
      {data?.items.length === 0 && (
        <p class="empty">
          There are no jobs yet. <a href="/jobs/new">Submit one.</a>
        </p>
      )}
      {data && data.items.length > 0 && (
        <Scroll label="Jobs">
          <table>
            <thead>
              <tr>
                <th scope="col">Job</th>
                <th scope="col">State</th>
                <th scope="col" class="figure">
                  Units done
                </th>
                <th scope="col">Protocol</th>
                <th scope="col">Submitted</th>
              </tr>
            </thead>
            <tbody>
              {data.items.map((job) => (
                <tr key={job.id}>
                  <th scope="row">
                    <a href={`/jobs/${job.id}`}>{job.label || job.id}</a>
                  </th>
                  <td>
                    <span class={`state ${job.state}`}>{words(job.state)}</span>
                  </td>
                  <td class="figure">
                    {job.units.done} / {job.units.total}
                  </td>
                  <td>{job.protocol}</td>
                  <td>{moment(job.created_at)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </main>
  );
}
