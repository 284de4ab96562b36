// Who works: every worker heard of lately.
import { getWorkers, type Worker } from "../api/client";
import { Scroll } from "../components/scroll";
import { Shown } from "../components/states";
import { Moment } from "../components/time";
import { duration, words } from "../format";
import { useLoaded } from "../loading";

const REFRESH_SECONDS = 5;

export const WorkersPage = () => (
  <main>
    <h1>Workers</h1>
    <p class="lead">
      Workers take units from the queues that they name. To add one, start <code>lethe worker</code> on a
      machine that reaches the database.
    </p>
    <Workers />
  </main>
);

/** The workers as a table that keeps itself fresh. */
export function Workers() {
  const workers = useLoaded(getWorkers, "workers", REFRESH_SECONDS);
  return (
    <Shown what="the workers" loaded={workers}>
      {({ items }) =>
        items.length === 0 ? (
          <p class="empty">No worker has been heard of lately.</p>
        ) : (
          <Table workers={items} />
        )
      }
    </Shown>
  );
}

const Table = ({ workers }: { workers: Worker[] }) => (
  <Scroll label="Workers">
    <table class="workers">
      <caption>
        <span>
          {workers.filter((worker) => worker.is_online).length} of {workers.length} online
        </span>
      </caption>
      <thead>
        <tr>
          <th scope="col">Worker</th>
          <th scope="col">State</th>
          <th scope="col">Queues</th>
          <th scope="col">Device</th>
          <th scope="col">Version</th>
          <th scope="col" class="figure">
            Silent for
          </th>
          <th scope="col">Since</th>
        </tr>
      </thead>
      <tbody>
        {workers.map((worker) => (
          <tr key={worker.id}>
            <th scope="row">
              {worker.host} <span class="quiet">{worker.pid}</span>
            </th>
            <td>{worker.is_online ? words(worker.state) : <span class="bad">offline</span>}</td>
            <td>{worker.queues.join(", ")}</td>
            <td>{worker.device}</td>
            <td>{worker.version}</td>
            <td class="figure">{duration(worker.silent_seconds)}</td>
            <td>
              <Moment at={worker.started_at} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </Scroll>
);
