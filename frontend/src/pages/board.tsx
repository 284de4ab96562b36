// The board: both metrics, the settings' groups, and the view in the address.
import { useEffect, useRef } from "preact/hooks";
import {
  type BoardFilters,
  boardUrl,
  type Catalog,
  getBoard,
  getCatalog,
  getQueue,
  getSettings,
  getUncertainty,
  type Leaderboard,
  type Metric,
  type Setting,
  type Uncertainty,
} from "../api/client";
import { forgetOf, METRICS, metricIn, namesOf, placeOf, protocolIn } from "../board";
import { BoardDownloads } from "../components/board-downloads";
import { BoardTable } from "../components/board-table";
import { Facet, Facets, MetricFacet, ProtocolFacet } from "../components/facets";
import { Legend } from "../components/legend";
import { SelfReported } from "../components/self-reported";
import { Shown } from "../components/states";
import { counted, NOTHING } from "../format";
import { type Loaded, useLoaded } from "../loading";
import { go, type Place, withChoices } from "../router";
import { orderIn, pressed } from "../sorting";

const BUSY_SECONDS = 5;
const IDLE_SECONDS = 30;

function filtersOf(query: URLSearchParams): BoardFilters {
  return {
    metric: metricIn(query),
    protocol: protocolIn(query),
    dataset: query.get("dataset") ?? "",
    model: query.get("model") ?? "",
    setting: query.get("setting") ?? "",
    cohort: query.get("cohort") === "all" ? "all" : "reference",
  };
}

export function BoardPage({ place }: { place: Place }) {
  const filters = filtersOf(place.query);
  const view = JSON.stringify(filters);
  const otherMetric = METRICS.find((metric) => metric !== filters.metric) ?? filters.metric;
  const queue = useLoaded(getQueue, "queue", BUSY_SECONDS);
  const running = queue.data?.running ?? 0;
  const seconds = running > 0 ? BUSY_SECONDS : IDLE_SECONDS;
  const board = useLoaded(() => getBoard(filters), view, seconds);
  const other = useLoaded(() => getBoard({ ...filters, metric: otherMetric }), view, seconds);
  const uncertainty = useLoaded(() => getUncertainty(filters), view);
  const settings = useLoaded(() => getSettings(filters.protocol), filters.protocol, seconds);
  const catalog = useLoaded(getCatalog, "catalog");
  const shownRunning = useRef(running);
  useEffect(() => {
    if (shownRunning.current === running) return;
    shownRunning.current = running;
    for (const loaded of [board, other, settings, uncertainty]) loaded.refresh();
  }, [running]); // what the last unit brought is shown at once, not after the idle pause
  return (
    <main>
      <h1>Which unlearners come closest to retraining?</h1>
      <p class="lead">
        Every unlearner is compared with models retrained without the forget set. Unlearners whose results are
        alike share a group; who is in the best group in the most settings ranks first.
      </p>
      <BoardFacets
        place={place}
        filters={filters}
        catalog={catalog.data}
        settings={settings.data?.items ?? []}
      />
      <div class="bar">
        <p class="live" role="status">
          {running > 0 && (
            <>
              <span class="pulse" aria-hidden="true" /> {counted(running, "unit")} running; this board
              follows. <a href="/jobs">See the jobs</a>
            </>
          )}
        </p>
        <BoardDownloads name="lethe-board" urlOf={(format) => boardUrl(filters, format)} />
      </div>
      <Shown what="the board" loaded={board}>
        {(data) => (
          <Table
            uncertainty={uncertainty}
            place={place}
            board={data}
            other={other}
            otherMetric={otherMetric}
            catalog={catalog.data}
          />
        )}
      </Shown>
      {!filters.setting && <SelfReported {...filters} />}
      <Legend />
    </main>
  );
}

interface TableProps {
  place: Place;
  uncertainty: Loaded<Uncertainty>;
  board: Leaderboard;
  other: Loaded<Leaderboard>;
  otherMetric: Metric;
  catalog: Catalog | null;
}

function Table({ uncertainty, place, board, other, otherMetric, catalog }: TableProps) {
  if (board.rows.length + board.references.length === 0) {
    return (
      <p class="empty">
        Nothing has been run for this view yet. <a href="/jobs/new">Submit a job</a> to fill it.
      </p>
    );
  }
  // While the metric is being switched, the two answers may for a moment be by the same one.
  const twin = other.data?.metric === otherMetric && board.metric !== otherMetric ? other.data : null;
  const order = orderIn(place.query);
  return (
    <>
      <Moved board={board} catalog={catalog} />
      <BoardTable
        board={board}
        other={twin}
        otherMetric={otherMetric}
        catalog={catalog}
        order={order}
        uncertainty={uncertainty.isPrevious ? null : uncertainty.data}
        onSort={(by) => go(withChoices(place, { sort: pressed(order, by) }))}
      />
      <p>
        <a href={`/sensitivity?${new URLSearchParams({ protocol: board.protocol, metric: board.metric })}`}>
          What these ranks hang on
        </a>
        : other cut points, scales, seeds and settings, and who cannot be told apart.
      </p>
    </>
  );
}

/** What other cut points change, so that nobody takes one board for the other. */
function Moved({ board, catalog }: { board: Leaderboard; catalog: Catalog | null }) {
  if (board.cohort !== "all") return null;
  if (board.moved.length === 0) {
    return (
      <p class="notice">Nobody stands elsewhere than with the cut points of the reference unlearners.</p>
    );
  }
  const rows = [...board.rows, ...board.references];
  return (
    <details class="notice">
      <summary>
        {counted(board.moved.length, "method")} would stand elsewhere with the reference unlearners' cut
        points
      </summary>
      <ul>
        {board.moved.map((move) => {
          const row = rows.find((each) => each.label === move.label);
          return (
            <li key={move.label}>
              {row ? namesOf(row, catalog).title : move.label}: rank {move.rank_before ?? NOTHING} →{" "}
              {move.rank_after ?? NOTHING}, {counted(move.cells.length, "setting")} in another group
            </li>
          );
        })}
      </ul>
    </details>
  );
}

interface BoardFacetsProps {
  place: Place;
  filters: BoardFilters;
  catalog: Catalog | null;
  settings: Setting[];
}

function BoardFacets({ place, filters, catalog, settings }: BoardFacetsProps) {
  const choose = (choices: Record<string, string>) => go(withChoices(place, choices));
  const special = settings.filter((setting) => !setting.is_standard);
  return (
    <Facets>
      <MetricFacet place={place} />
      <ProtocolFacet place={place} catalog={catalog} clears={["setting"]} />
      <Facet
        name="Dataset"
        value={filters.dataset}
        options={[["", "All"], ...(catalog?.datasets ?? []).map((info) => [info.id, info.title] as const)]}
        onChoose={(dataset) => choose({ dataset, setting: "" })}
      />
      <Facet
        name="Model"
        value={filters.model}
        options={[["", "All"], ...(catalog?.models ?? []).map((info) => [info.id, info.title] as const)]}
        onChoose={(model) => choose({ model, setting: "" })}
      />
      <Facet
        name="Groups cut by"
        value={filters.cohort}
        options={[
          ["reference", "Reference cohort"],
          ["all", "All that have run"],
        ]}
        onChoose={(cohort) => choose({ cohort })}
      />
      {special.length > 0 && (
        <Facet
          name="Setting"
          isLong
          value={filters.setting}
          options={[
            ["", "The protocol's own"],
            ...special.map((setting) => [setting.id, `${placeOf(setting)}, ${forgetOf(setting)}`] as const),
          ]}
          onChoose={(setting) => choose({ setting, dataset: "", model: "" })}
        />
      )}
    </Facets>
  );
}
