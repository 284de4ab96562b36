// Who works: every worker heard of lately.
import { useState } from "preact/hooks";
import { getWorkers, inWords, steerWorker, type Worker } from "../api/client";
import { Scroll } from "../components/scroll";
import { Shown } from "../components/states";
import { Moment } from "../components/time";
import { duration, megabytes, words } from "../format";
import { useLoaded } from "../loading";

const REFRESH_SECONDS = 5;

export const WorkersPage = () => (
  <main>
    <h1>Workers</h1>
    <p class="lead">
      To add one, start <code>lethe worker</code> on a machine that reaches the database.
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
          <Table workers={items} onSteered={workers.refresh} />
        )
      }
    </Shown>
  );
}

interface TableProps {
  workers: Worker[];
  onSteered: () => void;
}

const Table = ({ workers, onSteered }: TableProps) => (
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
          <th scope="col" class="figure">
            Memory
          </th>
          <th scope="col">Since</th>
          <th scope="col">Steer</th>
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
            <td>
              {worker.version}
              {!worker.is_same_version && <span class="bad"> differs from the service</span>}
            </td>
            <td class="figure">{duration(worker.silent_seconds)}</td>
            <td class="figure">{megabytes(worker.memory_bytes)}</td>
            <td>
              <Moment at={worker.started_at} />
            </td>
            <td>
              <Steer worker={worker} onSteered={onSteered} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </Scroll>
);

/** Only administrators may; the service says so to others. */
function Steer({ worker, onSteered }: { worker: Worker; onSteered: () => void }) {
  const [refusal, setRefusal] = useState<string | null>(null);
  const isResting = worker.state === "draining" || worker.state === "drained";
  const steer = async () => {
    try {
      await steerWorker(worker.id, isResting ? "resume" : "drain");
      setRefusal(null);
      onSteered();
    } catch (error) {
      setRefusal(inWords(error));
    }
  };
  if (!worker.is_online) return null;
  return (
    <>
      <button type="button" class="small" onClick={() => void steer()}>
        {isResting ? "Resume" : "Drain"} <span class="unseen">worker {worker.id}</span>
      </button>
      {refusal && (
        <span class="why bad" role="alert">
          {refusal}
        </span>
      )}
    </>
  );
}
