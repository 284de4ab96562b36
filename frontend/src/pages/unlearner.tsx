// One unlearner: what it is, where it stands, its runs, and how to cite it.
import {
  type BoardRow,
  badgeUrl,
  type Catalog,
  getBoard,
  getCatalog,
  getResults,
  type Leaderboard,
  type Metric,
  type Result,
} from "../api/client";
import { METRIC_TITLES, metricIn, namesOf, placeOf, protocolIn, whyProvisional } from "../board";
import { bibtexOf } from "../citation";
import { CellsTable } from "../components/cells-table";
import { Code } from "../components/code";
import { Facets, MetricFacet, ProtocolFacet } from "../components/facets";
import { Fact } from "../components/fact";
import { HyperparametersTable } from "../components/hyperparameters-table";
import { ResultsTable } from "../components/results-table";
import { Source } from "../components/source";
import { Shown } from "../components/states";
import { useLoaded } from "../loading";
import { keyOf } from "../methods";
import type { Place } from "../router";

const REFRESH_SECONDS = 30;

type Info = Catalog["unlearners"][number];

export function UnlearnerPage({ id, place }: { id: string; place: Place }) {
  const catalog = useLoaded(getCatalog, "catalog");
  return (
    <main>
      <Shown what="the catalogue" loaded={catalog}>
        {(data) => {
          const info = data.unlearners.find((candidate) => candidate.id === id);
          return info ? (
            <View info={info} catalog={data} place={place} />
          ) : (
            <Unknown id={id} catalog={data} />
          );
        }}
      </Shown>
    </main>
  );
}

const Unknown = ({ id, catalog }: { id: string; catalog: Catalog }) => (
  <>
    <h1>No such unlearner</h1>
    <p>
      None is called <code>{id}</code>. There are{" "}
      {catalog.unlearners.map((info, index) => (
        <span key={info.id}>
          {index > 0 && ", "}
          <a href={`/unlearners/${info.id}`}>{info.title}</a>
        </span>
      ))}
      .
    </p>
  </>
);

function View({ info, catalog, place }: { info: Info; catalog: Catalog; place: Place }) {
  const metric = metricIn(place.query);
  const protocol = protocolIn(place.query);
  const view = `${info.id} ${protocol} ${metric}`;
  const filters = { protocol, metric, dataset: "", model: "", setting: "", cohort: "reference" } as const;
  const board = useLoaded(() => getBoard(filters), view, REFRESH_SECONDS);
  const results = useLoaded(() => getResults({ unlearner: info.id }), info.id, REFRESH_SECONDS);
  const places = new Map(board.data?.settings.map((setting) => [setting.id, placeOf(setting)]));
  return (
    <>
      <h1>
        {info.title}
        {info.name !== info.title && <span class="quiet"> {info.name}</span>}
      </h1>
      <dl class="facts">
        <Fact name="Source">
          <Source text={info.source} />
        </Fact>
        <Fact name="Sets that it reads">{info.uses.join(", ") || "none"}</Fact>
        <Fact name="Run it">
          <a href={`/jobs/new?${new URLSearchParams({ unlearner: info.id, protocol })}`}>Submit a job</a>
        </Fact>
        <Fact name="Side by side">
          <a href={`/compare?${new URLSearchParams({ a: info.id, protocol, metric })}`}>
            Compare it with another
          </a>
        </Fact>
      </dl>
      <Facets>
        <MetricFacet place={place} />
        <ProtocolFacet place={place} catalog={catalog} />
      </Facets>
      <Shown what="where it stands" loaded={board}>
        {(data) => <Standing info={info} board={data} catalog={catalog} />}
      </Shown>
      <h2>Hyperparameters</h2>
      <HyperparametersTable info={info} />
      <Shown what="its runs" loaded={results}>
        {(all) => (
          <ResultsTable
            title="Runs"
            name={`lethe-${info.id}-runs`}
            results={newest(all, [...places.keys()])}
            isOpen={false}
            catalog={catalog}
            places={places}
          />
        )}
      </Shown>
      <h2>Cite and show</h2>
      <Code title="BibTeX" text={bibtexOf(info)} />
      <Badge info={info} protocol={protocol} metric={metric} />
    </>
  );
}

/** What still counts, in the order of the board's settings, by seed. */
function newest(results: Result[], settings: string[]): Result[] {
  const placeIn = ({ setting_id }: Result) => {
    const place = settings.indexOf(setting_id);
    return place < 0 ? settings.length : place; // of another protocol: last
  };
  return results
    .filter((result) => !result.is_superseded)
    .sort(
      (one, other) =>
        placeIn(one) - placeIn(other) ||
        one.setting_id.localeCompare(other.setting_id) ||
        keyOf(one).localeCompare(keyOf(other)) ||
        one.model_seed - other.model_seed,
    );
}

interface StandingProps {
  info: Info;
  board: Leaderboard;
  catalog: Catalog;
}

function Standing({ info, board, catalog }: StandingProps) {
  const rows = board.rows.filter((row) => row.unlearner === info.id);
  if (rows.length === 0) return <p class="empty">It has not run under this protocol yet.</p>;
  const name = (row: BoardRow) => namesOf(row, catalog).title;
  const ranked = board.rows.filter((row) => row.rank !== null).length;
  return (
    <>
      {rows.map((row) => (
        <p key={row.label} class="standing">
          <strong>{name(row)}</strong>{" "}
          {row.rank === null
            ? `has no rank yet: ${whyProvisional(row)}`
            : `ranks ${row.rank} among ${ranked} by ${METRIC_TITLES[board.metric].toLowerCase()}`}
        </p>
      ))}
      <CellsTable file={`lethe-${info.id}-${board.metric}`} board={board} rows={rows} name={name} />
    </>
  );
}

function Badge({ info, protocol, metric }: { info: Info; protocol: string; metric: Metric }) {
  const badge = badgeUrl(info.id, protocol, metric);
  const page = `${window.location.origin}/unlearners/${info.id}`;
  return (
    <>
      <p>
        <img class="badge" src={badge} alt={`Badge: the rank of ${info.title}`} height={20} />
      </p>
      <Code
        title="Badge in Markdown"
        text={`[![${info.title} on Lethe](${window.location.origin}${badge})](${page})`}
      />
    </>
  );
}
