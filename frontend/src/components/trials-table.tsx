// What a job's sweeps have tried, attempt by attempt.
import type { Catalog, Trial } from "../api/client";
import { namesOf } from "../board";
import type { Table } from "../exports";
import { counted, duration, NOTHING, number, tick, words } from "../format";
import { TitledTable } from "./titled";

const MAX_SHOWN = 200; // the download has them all

interface Props {
  trials: Trial[];
  catalog: Catalog | null;
}

/** The best score first, so that what the sweep chose is on top; failed attempts last. */
export function TrialsTable({ trials, catalog }: Props) {
  const worst = Number.POSITIVE_INFINITY;
  const sorted = [...trials].sort(
    (one, other) =>
      one.unlearner.localeCompare(other.unlearner) ||
      one.setting_id.localeCompare(other.setting_id) ||
      (one.score ?? worst) - (other.score ?? worst) ||
      one.index - other.index,
  );
  return (
    <TitledTable title="What the sweeps tried" table={tableOf(sorted)}>
      <table class="trials">
        <caption>
          <span>
            {counted(trials.length, "attempt")} at trials, by score: the smallest wins
            {trials.length > MAX_SHOWN && `; the first ${MAX_SHOWN} are shown, the download has all`}
          </span>
        </caption>
        <thead>
          <tr>
            <th scope="col">Unlearner</th>
            <th scope="col" class="figure">
              Sweep seed
            </th>
            <th scope="col" class="figure">
              Trial
            </th>
            <th scope="col">State</th>
            <th scope="col" class="figure">
              Score ↓
            </th>
            <th scope="col">Objectives</th>
            <th scope="col" class="figure">
              Run time
            </th>
            <th scope="col">Hyperparameters</th>
          </tr>
        </thead>
        <tbody>
          {sorted.slice(0, MAX_SHOWN).map((trial) => (
            <Line
              key={`${trial.unit_id} ${trial.attempt}`}
              trial={trial}
              title={namesOf({ unlearner: trial.unlearner, variant: null }, catalog).title}
            />
          ))}
        </tbody>
      </table>
    </TitledTable>
  );
}

const Line = ({ trial, title }: { trial: Trial; title: string }) => (
  <tr>
    <th scope="row">
      {title}
      {trial.reason && <span class="why">{trial.reason}</span>}
    </th>
    <td class="figure">{trial.sweep_seed}</td>
    <td class="figure">
      {trial.index}
      {trial.attempt > 1 && <span class="quiet"> attempt {trial.attempt}</span>}
    </td>
    <td class={trial.state === "failed" ? "bad" : undefined}>{words(trial.state)}</td>
    <td class="figure">{number(trial.score, 4)}</td>
    <td>{pairs(trial.objectives)}</td>
    <td class="figure">{duration(trial.runtime_seconds)}</td>
    <td>{pairs(trial.hyperparameters)}</td>
  </tr>
);

const pairs = (values: Record<string, unknown> | null): string =>
  values === null
    ? NOTHING
    : Object.entries(values)
        .map(([name, value]) => `${words(name)} ${typeof value === "number" ? tick(value) : String(value)}`)
        .join(", ");

const tableOf = (trials: Trial[]): Table => ({
  name: "lethe-trials",
  columns: [
    "unit",
    "setting",
    "unlearner",
    "sweep seed",
    "index",
    "attempt",
    "state",
    "score",
    "objectives",
    "runtime seconds",
    "hyperparameters",
    "reason",
    "work",
    "provenance",
  ],
  rows: trials.map((trial) => [
    trial.unit_id,
    trial.setting_id,
    trial.unlearner,
    trial.sweep_seed,
    trial.index,
    trial.attempt,
    trial.state,
    trial.score,
    JSON.stringify(trial.objectives),
    trial.runtime_seconds,
    JSON.stringify(trial.hyperparameters),
    trial.reason,
    JSON.stringify(trial.work),
    JSON.stringify(trial.provenance),
  ]),
});
