// One frozen board: as it was, how to check it, and how to cite it.
import {
  type Catalog,
  getCatalog,
  getSnapshot,
  type Metric,
  type SnapshotDetail,
  snapshotBoardUrl,
  snapshotContentUrl,
} from "../api/client";
import { METRICS, metricIn } from "../board";
import { BoardDownloads } from "../components/board-downloads";
import { BoardTable } from "../components/board-table";
import { Code } from "../components/code";
import { Facets, MetricFacet } from "../components/facets";
import { Fact } from "../components/fact";
import { Legend } from "../components/legend";
import { Shown } from "../components/states";
import { Moment } from "../components/time";
import { counted, words } from "../format";
import { useLoaded } from "../loading";
import { go, type Place, withChoices } from "../router";
import { bibtexOfSnapshot } from "../snapshots";
import { orderIn, pressed } from "../sorting";

export function SnapshotPage({ id, place }: { id: string; place: Place }) {
  const snapshot = useLoaded(() => getSnapshot(id), id);
  const catalog = useLoaded(getCatalog, "catalog");
  return (
    <main>
      {!snapshot.data && <h1>Snapshot</h1>}
      <Shown what="the snapshot" loaded={snapshot}>
        {(data) => <View snapshot={data} catalog={catalog.data} place={place} />}
      </Shown>
    </main>
  );
}

interface ViewProps {
  snapshot: SnapshotDetail;
  catalog: Catalog | null;
  place: Place;
}

function View({ snapshot, catalog, place }: ViewProps) {
  const metric = metricIn(place.query);
  return (
    <>
      <h1>{snapshot.title}</h1>
      <p class="lead">
        {snapshot.content.source
          ? `As printed in ${snapshot.content.source}.`
          : "The board as it was. It does not change, whatever runs after it."}
      </p>
      <Facts snapshot={snapshot} />
      <Facets>
        <MetricFacet place={place} />
      </Facets>
      <div class="bar">
        <h2>The board</h2>
        <BoardDownloads
          name={`lethe-${snapshot.id}-${metric}`}
          urlOf={(format) => snapshotBoardUrl(snapshot.id, metric, format)}
        />
      </div>
      <Frozen snapshot={snapshot} metric={metric} catalog={catalog} place={place} />
      <Legend />
      <h2>{snapshot.created_at ? "Check it, cite it" : "Check it"}</h2>
      <Code title="Check" text={checkOf(snapshot)} />
      {snapshot.created_at && (
        <Code
          title="BibTeX"
          text={bibtexOfSnapshot(snapshot, `${window.location.origin}/snapshots/${snapshot.id}`)}
        />
      )}
    </>
  );
}

const checkOf = ({ id, sha256 }: SnapshotDetail): string =>
  `curl -s ${window.location.origin}${snapshotContentUrl(id)} | sha256sum\n# ${sha256}`;

const Facts = ({ snapshot }: { snapshot: SnapshotDetail }) => (
  <>
    <dl class="facts">
      <Fact name="Protocol">{snapshot.protocol}</Fact>
      <Fact name="Origin">{words(snapshot.tier)}</Fact>
      {snapshot.created_at && (
        <Fact name="Frozen">
          <Moment at={snapshot.created_at} /> by {snapshot.owner}
        </Fact>
      )}
      {snapshot.num_results > 0 && (
        <Fact name="Rests on">
          {counted(snapshot.num_results, "result")}, each with its hash, in{" "}
          <a href={snapshotContentUrl(snapshot.id)} data-outside>
            the content
          </a>
        </Fact>
      )}
      <Fact name="SHA-256 of the content">
        <code>{snapshot.sha256}</code>
      </Fact>
    </dl>
    <p class="actions">
      <a href={`/snapshots/diff?${new URLSearchParams({ from: snapshot.id })}`}>What has moved since</a>
      <a href="/snapshots">All snapshots</a>
    </p>
  </>
);

interface FrozenProps extends ViewProps {
  metric: Metric;
}

function Frozen({ snapshot, metric, catalog, place }: FrozenProps) {
  const { boards, uncertainty } = snapshot.content;
  const other = METRICS.find((each) => each !== metric) ?? metric;
  const board = boards[metric];
  const order = orderIn(place.query);
  if (!board) return <p class="empty">The snapshot has no board by this metric.</p>;
  return (
    <BoardTable
      board={board}
      other={boards[other] ?? null}
      otherMetric={other}
      catalog={catalog}
      order={order}
      uncertainty={uncertainty[metric] ?? null}
      onSort={(by) => go(withChoices(place, { sort: pressed(order, by) }))}
    />
  );
}
