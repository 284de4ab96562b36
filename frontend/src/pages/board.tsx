// The board: both metrics, the settings' groups, and the view in the address.
import { type BoardFilters, boardUrl, getBoard, getCatalog, type Metric } from "../api/client";
import { BoardTable, TITLES } from "../components/board-table";
import { Failed, Loading, Stale } from "../components/states";
import { useLoaded } from "../loading";
import { go, type Place } from "../router";

const METRICS = Object.keys(TITLES) as Metric[];
const FORMATS = ["csv", "json", "markdown", "latex"];
const REFRESH_SECONDS = 5;

function filtersOf(query: URLSearchParams): BoardFilters {
  const metric = query.get("metric") === "indiscernibility" ? "indiscernibility" : "retention_deviation";
  return {
    metric,
    protocol: query.get("protocol") ?? "quick/1.0",
    dataset: query.get("dataset") ?? "",
    model: query.get("model") ?? "",
  };
}

export function BoardPage({ place }: { place: Place }) {
  const filters = filtersOf(place.query);
  const key = JSON.stringify(filters);
  const otherMetric = METRICS.find((metric) => metric !== filters.metric) ?? filters.metric;
  const board = useLoaded(() => getBoard(filters), key, REFRESH_SECONDS);
  const other = useLoaded(() => getBoard({ ...filters, metric: otherMetric }), key, REFRESH_SECONDS);
  const catalog = useLoaded(getCatalog, "catalog");
  return (
    <main>
      <h1>Which methods unlearn?</h1>
      <p class="lead">
        Every unlearner is compared with a model retrained without the forget set. Methods whose results are
        alike share a group; the best group in the most settings ranks first.
      </p>
      <Facets filters={filters} catalog={catalog.data} />
      {board.error && !board.data && <Failed what="The board" why={board.error} />}
      {board.error && board.data && <Stale why={board.error} />}
      {!board.data && !board.error && <Loading what="the board" />}
      {board.data && board.data.rows.length === 0 && board.data.references.length === 0 && (
        <p class="empty">
          Nothing has been run for this view yet. <a href="/jobs/new">Submit a job</a> to fill it.
        </p>
      )}
      {board.data && board.data.settings.length > 0 && (
        <BoardTable board={board.data} other={other.data} catalog={catalog.data} />
      )}
      <p class="downloads">
        This view as{" "}
        {FORMATS.map((format) => (
          <a key={format} href={boardUrl(filters, format)} data-outside download={`lethe-board.${format}`}>
            {format}
          </a>
        ))}
      </p>
      <Legend />
    </main>
  );
}

function Facets({
  filters,
  catalog,
}: {
  filters: BoardFilters;
  catalog: Awaited<ReturnType<typeof getCatalog>> | null;
}) {
  const choose = (change: Partial<BoardFilters>) => {
    const wanted = { ...filters, ...change };
    go(`/?${new URLSearchParams(Object.entries(wanted).filter(([, value]) => value))}`);
  };
  const options = { protocol: catalog?.protocols, dataset: catalog?.datasets, model: catalog?.models };
  return (
    <form class="facets" onSubmit={(event) => event.preventDefault()}>
      <fieldset class="switch">
        <legend>Metric</legend>
        {METRICS.map((metric) => (
          <label key={metric}>
            <input
              type="radio"
              name="metric"
              checked={filters.metric === metric}
              onChange={() => choose({ metric })}
            />
            <span>{TITLES[metric]}</span>
          </label>
        ))}
      </fieldset>
      {(["protocol", "dataset", "model"] as const).map((name) => (
        <label key={name}>
          {name}
          <select value={filters[name]} onChange={(event) => choose({ [name]: event.currentTarget.value })}>
            {name !== "protocol" && <option value="">all</option>}
            {options[name]?.map((entry) => (
              <option key={entry.id} value={entry.id}>
                {name === "protocol" ? entry.id : entry.title}
              </option>
            ))}
          </select>
        </label>
      ))}
    </form>
  );
}

const Legend = () => (
  <dl class="legend">
    <dt>Retention deviation</dt>
    <dd>
      |RR − 1| + |FR − 1| + |TR − 1|, where RR, FR and TR are the accuracies on retain, forget and test set
      divided by the retrained model's. 0 is best.
    </dd>
    <dt>Indiscernibility</dt>
    <dd>
      1 − |2·MIA − 1|, where MIA is the accuracy with which U-MIA tells the forget set from the test set by
      the loss. 1 means that this attack does not distinguish them; it is no guarantee that nothing can.
    </dd>
    <dt>Groups and rank</dt>
    <dd>
      In each setting Ward clustering of the means over model seeds gives G1, G2 and G3; F has fewer usable
      models than the protocol asks for. Rank is dense, by the number of G1, then G2, then G3.
    </dd>
  </dl>
);
