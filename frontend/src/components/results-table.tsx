// A job's results, one row per model.
import type { Catalog, Result } from "../api/client";
import { namesOf } from "../board";
import type { Table } from "../exports";
import { duration, factor, number, percent } from "../format";
import { TitledTable } from "./titled";

const COLUMNS = [
  ["Retain acc.", "Accuracy on the retain set", (m) => percent(m.retain_accuracy)],
  ["Forget acc.", "Accuracy on the forget set", (m) => percent(m.forget_accuracy)],
  ["Test acc.", "Accuracy on the test set", (m) => percent(m.test_accuracy)],
  ["RetDev ↓", "Retention deviation", (m) => number(m.retention_deviation)],
  ["Indisc. ↑", "Indiscernibility on the test set", (m) => number(m.indiscernibility_test)],
  ["Run time", "Of training or unlearning, without evaluation", (m) => duration(m.runtime_seconds)],
  ["RTE ↑", "Runtime efficiency: retraining time divided by this", (m) => factor(m.runtime_efficiency)],
] satisfies [string, string, (metrics: Result["metrics"]) => string][];

interface Props {
  title: string;
  /** Of the file that it downloads as. */
  name: string;
  results: Result[];
  isOpen: boolean;
  catalog: Catalog | null;
  /** What settings are called, by id, where the results are of several. */
  places?: Map<string, string>;
}

export function ResultsTable({ title, name, results, isOpen, catalog, places }: Props) {
  if (results.length === 0) {
    return (
      <>
        <h2>{title}</h2>
        <p class="empty">
          {isOpen ? "None yet: the reference models are trained first." : "There are none."}
        </p>
      </>
    );
  }
  return (
    <TitledTable title={title} table={tableOf(name, results, catalog)}>
      <table class="results">
        <caption>
          <span>One row per model; metrics against the retrained model of the same seed</span>
        </caption>
        <thead>
          <tr>
            <th scope="col">Model</th>
            {places && <th scope="col">Setting</th>}
            <th scope="col" class="figure">
              Seed
            </th>
            {COLUMNS.map(([title, meaning]) => (
              <th key={title} scope="col" class="figure">
                <abbr title={meaning}>{title}</abbr>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {results.map((result) => (
            <Line key={result.id} result={result} title={namesOf(result, catalog).title} places={places} />
          ))}
        </tbody>
      </table>
    </TitledTable>
  );
}

/** Every metric that a result has. */
function tableOf(name: string, results: Result[], catalog: Catalog | null): Table {
  const metrics = [...new Set(results.flatMap((result) => Object.keys(result.metrics)))].sort();
  return {
    name,
    columns: ["result", "setting", "model", "seed", "is usable", ...metrics],
    rows: results.map((result) => [
      result.id,
      result.setting_id,
      namesOf(result, catalog).title,
      result.model_seed,
      result.is_usable,
      ...metrics.map((metric) => result.metrics[metric] ?? null),
    ]),
  };
}

interface LineProps {
  result: Result;
  title: string;
  places: Map<string, string> | undefined;
}

function Line({ result, title, places }: LineProps) {
  const setting = result.setting_id;
  return (
    <tr>
      <th scope="row">
        <a href={`/results/${result.id}`}>{title}</a>
        {result.tuning === "given" && <span class="quiet"> hyperparameters as given</span>}
        {!result.is_usable && <span class="why">not usable: {Object.values(result.reasons)[0]}</span>}
      </th>
      {places && (
        <td>
          <a href={`/settings/${setting}`}>{places.get(setting) ?? setting}</a>
        </td>
      )}
      <td class="figure">{result.model_seed}</td>
      {COLUMNS.map(([title, , show]) => (
        <td key={title} class="figure">
          {show(result.metrics)}
        </td>
      ))}
    </tr>
  );
}
