// One run: what was measured, what was not and why, and where it comes from.
import { type Catalog, getCatalog, getResult, type ResultDetail } from "../api/client";
import { namesOf, placeOf } from "../board";
import { Fact } from "../components/fact";
import { Scroll } from "../components/scroll";
import { Shown } from "../components/states";
import { Moment } from "../components/time";
import { Titled } from "../components/titled";
import type { Table } from "../exports";
import { words } from "../format";
import { useLoaded } from "../loading";
import { pageOf } from "../methods";
import { flat, metricText, metricTitle } from "../metrics";
import { findSetting } from "../settings";

export function ResultPage({ id }: { id: string }) {
  const result = useLoaded(() => getResult(id), id);
  const catalog = useLoaded(getCatalog, "catalog");
  return (
    <main>
      {!result.data && <h1>Result</h1>}
      <Shown what="the result" loaded={result}>
        {(data) => <View result={data} catalog={catalog.data} />}
      </Shown>
    </main>
  );
}

function View({ result, catalog }: { result: ResultDetail; catalog: Catalog | null }) {
  const { title } = namesOf(result, catalog);
  const hyperparameters = flat(result.hyperparameters);
  return (
    <>
      <h1>
        {title}, model seed {result.model_seed}
      </h1>
      {!result.is_usable && (
        <p class="notice bad">This run is not usable: {Object.values(result.reasons)[0]}</p>
      )}
      {result.is_superseded && <p class="notice">A newer run of the same place has superseded this one.</p>}
      <Facts result={result} title={title} />
      <Titled title="Metrics" table={tableOf(result)} />
      <Pairs
        title="Metrics"
        heads={["Metric", "Value"]}
        rows={names(result).map((name) => [
          metricTitle(name),
          <Value key={name} result={result} name={name} />,
        ])}
      />
      <h2>Hyperparameters</h2>
      {hyperparameters.length > 0 ? (
        <Pairs title="Hyperparameters" heads={["Name", "Value"]} rows={hyperparameters} />
      ) : (
        <p class="quiet">A reference model has none.</p>
      )}
      <h2>Provenance</h2>
      <Pairs title="Provenance" heads={["What", "Value"]} rows={flat(result.provenance)} />
    </>
  );
}

/** All metrics, also those that only have a reason why they do not exist. */
const names = ({ metrics, reasons }: ResultDetail): string[] => [
  ...new Set([...Object.keys(metrics), ...Object.keys(reasons)]),
];

function Value({ result, name }: { result: ResultDetail; name: string }) {
  const reason = result.reasons[name];
  return (
    <>
      {metricText(name, result.metrics[name] ?? null)}
      {reason && <span class="why">{reason}</span>}
    </>
  );
}

function Facts({ result, title }: { result: ResultDetail; title: string }) {
  const page = pageOf(result);
  return (
    <dl class="facts">
      <Fact name="Unlearner">{page ? <a href={page}>{title}</a> : title}</Fact>
      <Fact name="Setting">
        <SettingLink id={result.setting_id} />
      </Fact>
      <Fact name={result.jobs.length === 1 ? "Job" : "Jobs"}>
        {result.jobs.length === 0 && "not shown to you"}
        {result.jobs.map((job) => (
          <div key={job}>
            <a href={`/jobs/${job}`}>{job}</a>
          </div>
        ))}
      </Fact>
      {result.forget_reading && <Fact name="Losses of the forget set">{words(result.forget_reading)}</Fact>}
      <Fact name="Hyperparameters chosen">{result.tuning ? words(result.tuning) : "none to choose"}</Fact>
      <Fact name="Measured">
        <Moment at={result.created_at} />
      </Fact>
      <Fact name="Id">
        <code>{result.id}</code>
      </Fact>
    </dl>
  );
}

/** A setting by what it is, once that is known. */
function SettingLink({ id }: { id: string }) {
  const found = useLoaded(() => findSetting(id), id);
  return <a href={`/settings/${id}`}>{found.data ? placeOf(found.data.setting) : id}</a>;
}

const tableOf = (result: ResultDetail): Table => ({
  name: `lethe-${result.id}`,
  columns: ["metric", "value", "reason"],
  rows: names(result).map((name) => [name, result.metrics[name] ?? null, result.reasons[name] ?? null]),
});

interface PairsProps {
  title: string;
  heads: [string, string];
  rows: [string, preact.ComponentChildren][];
}

const Pairs = ({ title, heads, rows }: PairsProps) => (
  <Scroll label={title}>
    <table class="pairs">
      <thead>
        <tr>
          {heads.map((head) => (
            <th key={head} scope="col">
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, value]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </Scroll>
);
