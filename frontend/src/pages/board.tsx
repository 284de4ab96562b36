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
  type Leaderboard,
  type Metric,
  type Setting,
} from "../api/client";
import { forgetOf, METRIC_TITLES, METRICS, placeOf } from "../board";
import { BoardTable } from "../components/board-table";
import { Legend } from "../components/legend";
import { Shown } from "../components/states";
import { counted } from "../format";
import { type Loaded, useLoaded } from "../loading";
import { go, type Place } from "../router";

const FORMATS = [
  ["csv", "CSV", "csv"],
  ["json", "JSON", "json"],
  ["markdown", "Markdown", "md"],
  ["latex", "LaTeX", "tex"],
] as const;
const BUSY_SECONDS = 5;
const IDLE_SECONDS = 30;
const DEFAULT_PROTOCOL = "quick/1.0";

function filtersOf(query: URLSearchParams): BoardFilters {
  return {
    metric: METRICS.find((metric) => metric === query.get("metric")) ?? "retention_deviation",
    protocol: query.get("protocol") ?? DEFAULT_PROTOCOL,
    dataset: query.get("dataset") ?? "",
    model: query.get("model") ?? "",
    setting: query.get("setting") ?? "",
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
  const settings = useLoaded(() => getSettings(filters.protocol), filters.protocol, seconds);
  const catalog = useLoaded(getCatalog, "catalog");
  const shownRunning = useRef(running);
  useEffect(() => {
    if (shownRunning.current === running) return;
    shownRunning.current = running;
    for (const loaded of [board, other, settings]) loaded.refresh();
  }, [running]); // what the last unit brought is shown at once, not after the idle pause
  return (
    <main>
      <h1>Which unlearners come closest to retraining?</h1>
      <p class="lead">
        Every unlearner is compared with models retrained without the forget set. Unlearners whose results are
        alike share a group; who is in the best group in the most settings ranks first.
      </p>
      <Facets filters={filters} catalog={catalog.data} settings={settings.data?.items ?? []} />
      <div class="bar">
        <p class="live" role="status">
          {running > 0 && (
            <>
              <span class="pulse" aria-hidden="true" /> {counted(running, "unit")} running; this board
              follows. <a href="/jobs">See the jobs</a>
            </>
          )}
        </p>
        <p class="downloads">
          Download{" "}
          {FORMATS.map(([format, title, extension]) => (
            <a
              key={format}
              href={boardUrl(filters, format)}
              data-outside
              download={`lethe-board.${extension}`}
            >
              {title}
            </a>
          ))}
        </p>
      </div>
      <Shown what="the board" loaded={board}>
        {(data) => <Table board={data} other={other} otherMetric={otherMetric} catalog={catalog.data} />}
      </Shown>
      <Legend />
    </main>
  );
}

interface TableProps {
  board: Leaderboard;
  other: Loaded<Leaderboard>;
  otherMetric: Metric;
  catalog: Catalog | null;
}

function Table({ board, other, otherMetric, catalog }: TableProps) {
  if (board.rows.length + board.references.length === 0) {
    return (
      <p class="empty">
        Nothing has been run for this view yet. <a href="/jobs/new">Submit a job</a> to fill it.
      </p>
    );
  }
  // While the metric is being switched, the two answers may for a moment be by the same one.
  const twin = other.data?.metric === otherMetric && board.metric !== otherMetric ? other.data : null;
  return <BoardTable board={board} other={twin} otherMetric={otherMetric} catalog={catalog} />;
}

interface FacetsProps {
  filters: BoardFilters;
  catalog: Catalog | null;
  settings: Setting[];
}

function Facets({ filters, catalog, settings }: FacetsProps) {
  const choose = (change: Partial<BoardFilters>) => {
    const wanted = Object.entries({ ...filters, ...change }).filter(([, value]) => value);
    go(`/?${new URLSearchParams(wanted)}`);
  };
  const special = settings.filter((setting) => !setting.is_standard);
  return (
    <form class="facets" onSubmit={(event) => event.preventDefault()}>
      <fieldset class="facet">
        <legend>Metric</legend>
        <div class="switch">
          {METRICS.map((metric) => (
            <label key={metric}>
              <input
                type="radio"
                name="metric"
                value={metric}
                checked={filters.metric === metric}
                onChange={() => choose({ metric })}
              />
              <span>{METRIC_TITLES[metric]}</span>
            </label>
          ))}
        </div>
      </fieldset>
      <Facet
        name="Protocol"
        value={filters.protocol}
        options={(catalog?.protocols ?? []).map((info) => [info.id, info.id])}
        onChoose={(protocol) => choose({ protocol, setting: "" })}
      />
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
      {special.length > 0 && (
        <Facet
          name="Setting"
          value={filters.setting}
          options={[
            ["", "The protocol's own"],
            ...special.map((setting) => [setting.id, `${placeOf(setting)}, ${forgetOf(setting)}`] as const),
          ]}
          onChoose={(setting) => choose({ setting, dataset: "", model: "" })}
        />
      )}
    </form>
  );
}

interface FacetProps {
  name: string;
  value: string;
  options: (readonly [string, string])[];
  onChoose: (value: string) => void;
}

function Facet({ name, value, options, onChoose }: FacetProps) {
  // The address may name what the catalogue does not have (yet); the server says so, the select shows it.
  const isKnown = options.some(([id]) => id === value);
  return (
    <label class="facet">
      {name}
      <select value={value} onChange={(event) => onChoose(event.currentTarget.value)}>
        {!isKnown && <option value={value}>{value}</option>}
        {options.map(([id, title]) => (
          <option key={id} value={id}>
            {title}
          </option>
        ))}
      </select>
    </label>
  );
}
