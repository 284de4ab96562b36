// One setting: every method in it, seed by seed, beside the references.
import { useCallback } from "preact/hooks";
import {
  type BoardRow,
  type BoardSetting,
  type Catalog,
  getBoard,
  getCatalog,
  getResults,
  getSettings,
  type Leaderboard,
  type Metric,
  type Result,
} from "../api/client";
import { forgetOf, METRIC_SHORT, METRIC_TITLES, metricIn, namesOf, placeOf, seedsOf } from "../board";
import { Facets, MetricFacet } from "../components/facets";
import { Fact } from "../components/fact";
import { GroupBadge } from "../components/group-badge";
import { MethodLink } from "../components/method-link";
import { Scroll } from "../components/scroll";
import { SelfReported } from "../components/self-reported";
import { Shown } from "../components/states";
import { Titled } from "../components/titled";
import type { Table } from "../exports";
import { factor, NOTHING, number, spread } from "../format";
import { useLoaded } from "../loading";
import { counting, isReference, keyOf, metricOf, momentsOf, type Protocol, usable } from "../methods";
import { Figure, type Plotting } from "../plots/figure";
import { drawSeedDots } from "../plots/seed-dots";
import type { Place } from "../router";

const REFRESH_SECONDS = 30;
const DISTANCE = "relative_distance"; // protocol §5.5

/** The protocol that a setting belongs to, as boards never mix them. */
async function protocolOf(id: string): Promise<{ catalog: Catalog; protocol: Protocol }> {
  const catalog = await getCatalog();
  for (const protocol of catalog.protocols) {
    const { items } = await getSettings(protocol.id);
    if (items.some((setting) => setting.id === id)) return { catalog, protocol };
  }
  throw new Error(`no setting that has results is called ${id}.`);
}

export function SettingPage({ id, place }: { id: string; place: Place }) {
  const found = useLoaded(() => protocolOf(id), id);
  return (
    <main>
      {!found.data && <h1>Setting</h1>}
      <Shown what="the setting" loaded={found}>
        {({ catalog, protocol }) => <View id={id} place={place} catalog={catalog} protocol={protocol} />}
      </Shown>
    </main>
  );
}

interface ViewProps {
  id: string;
  place: Place;
  catalog: Catalog;
  protocol: Protocol;
}

function View({ id, place, catalog, protocol }: ViewProps) {
  const metric = metricIn(place.query);
  const filters = { protocol: protocol.id, metric, dataset: "", model: "", setting: id } as const;
  const board = useLoaded(() => getBoard({ ...filters, cohort: "reference" }), id + metric, REFRESH_SECONDS);
  const results = useLoaded(() => getResults({ setting: id }), id, REFRESH_SECONDS);
  const settings = board.data?.settings ?? [];
  const all = useLoaded(() => getSettings(protocol.id), protocol.id);
  return (
    <>
      <h1>{settings[0] ? placeOf(settings[0]) : "Setting"}</h1>
      {settings[0] && <Facts setting={settings[0]} protocol={protocol} />}
      <Facets>
        <MetricFacet place={place} />
      </Facets>
      <Shown what="the methods" loaded={board}>
        {(data) => (
          <Shown what="the runs" loaded={results}>
            {(all) => <Methods board={data} runs={counting(all, protocol)} catalog={catalog} />}
          </Shown>
        )}
      </Shown>
      {settings[0] && all.data?.items.some((each) => each.id === id && each.is_standard) && (
        <SelfReported protocol={protocol.id} dataset={settings[0].dataset} model={settings[0].model} />
      )}
    </>
  );
}

const Facts = ({ setting, protocol }: { setting: BoardSetting; protocol: Protocol }) => (
  <dl class="facts">
    <Fact name="Protocol">
      <a href={`/?${new URLSearchParams({ protocol: protocol.id })}`}>{protocol.id}</a>
    </Fact>
    <Fact name="Forget set and precision">{forgetOf(setting)}</Fact>
    <Fact name="Cut points between groups">
      {setting.cuts.length > 0 ? setting.cuts.map((cut) => number(cut)).join(" and ") : "not yet"}
      {setting.is_ambiguous && " (a tie left them open)"}
    </Fact>
    <Fact name="Model seeds">{protocol.model_seeds.join(", ")}</Fact>
    {setting.indiscernibility_floor != null && (
      <Fact name="Noise of one model">
        indiscernibility above {number(setting.indiscernibility_floor)} is not told from 1 at these set sizes
      </Fact>
    )}
  </dl>
);

interface MethodsProps {
  board: Leaderboard;
  runs: Result[];
  catalog: Catalog;
}

function Methods({ board, runs, catalog }: MethodsProps) {
  const rows = sorted(board);
  const name = (row: Pick<BoardRow, "unlearner" | "variant">) => namesOf(row, catalog).title;
  const table = seedTable(board, rows, runs, name);
  return (
    <>
      <SeedFigure board={board} rows={rows} runs={runs} table={table} name={name} />
      <Titled title="Every method, every seed" table={table} />
      <MethodTable board={board} rows={rows} runs={runs} catalog={catalog} />
    </>
  );
}

/** The references first, then the best first; without a mean last. */
function sorted({ rows, references, higher_is_better }: Leaderboard): BoardRow[] {
  const worst = Number.POSITIVE_INFINITY;
  const badness = (row: BoardRow) => {
    const mean = row.cells[0]?.mean ?? null;
    return mean === null ? worst : higher_is_better ? -mean : mean;
  };
  const ranked = [...rows].sort((one, other) => (badness(one) < badness(other) ? -1 : 1));
  return [...references, ...ranked];
}

const runsOf = (row: BoardRow, runs: Result[]): Result[] =>
  runs.filter((run) => keyOf(run) === keyOf(row)).sort((one, other) => one.model_seed - other.model_seed);

function seedTable(
  board: Leaderboard,
  rows: BoardRow[],
  runs: Result[],
  name: (row: BoardRow) => string,
): Table {
  return {
    name: `lethe-${board.settings[0]?.dataset}-${board.settings[0]?.model}-${board.metric}`,
    columns: [
      "unlearner",
      "variant",
      "group",
      "model seed",
      METRIC_TITLES[board.metric],
      "runtime efficiency",
      "relative distance",
    ],
    rows: rows.flatMap((row) =>
      runsOf(row, runs).map((run) => [
        name(row),
        run.variant,
        row.cells[0]?.group ?? null,
        run.model_seed,
        metricOf(run, board.metric),
        run.metrics.runtime_efficiency ?? null,
        run.metrics[DISTANCE] ?? null,
      ]),
    ),
  };
}

interface FigureProps {
  board: Leaderboard;
  rows: BoardRow[];
  runs: Result[];
  table: Table;
  name: (row: BoardRow) => string;
}

function SeedFigure({ board, rows, runs, table, name }: FigureProps) {
  const { metric, higher_is_better } = board;
  const methods = rows.filter((row) => !isReference(row.unlearner) && row.cells[0]?.mean != null);
  const dots = methods.flatMap((row) =>
    runsOf(row, runs).flatMap((run) => {
      const value = metricOf(run, metric);
      return value === null ? [] : [{ row: name(row), seed: run.model_seed, value }];
    }),
  );
  const lines = board.references.flatMap((row) => {
    const value = row.cells[0]?.mean ?? null;
    return value === null ? [] : [{ title: name(row), value }];
  });
  const label = `${METRIC_TITLES[metric]} ${higher_is_better ? "→ better" : "← better"}`;
  const view = JSON.stringify({ dots, lines, label });
  const draw = useCallback(
    (plotting: Plotting, width: number) =>
      drawSeedDots(plotting, width, { dots, lines, label, rows: methods.map(name) }),
    [view],
  );
  const [best] = methods;
  if (!best) return <p class="empty">No unlearner has run in this setting yet.</p>;
  const title = `${name(best)} is best by ${METRIC_TITLES[metric].toLowerCase()}: ${number(best.cells[0]?.mean)}`;
  const description =
    `One dot per model seed and a line at the mean, for ${methods.length} unlearners, best first: ` +
    `${methods.map((row) => `${name(row)} ${number(row.cells[0]?.mean)}`).join(", ")}. ` +
    `Dashed: ${lines.map((line) => `${line.title} ${number(line.value)}`).join(", ")}.`;
  return <Figure title={title} description={description} table={table} draw={draw} />;
}

interface TableProps {
  board: Leaderboard;
  rows: BoardRow[];
  runs: Result[];
  catalog: Catalog;
}

const MethodTable = ({ board, rows, runs, catalog }: TableProps) => (
  <Scroll label="Methods">
    <table class="methods">
      <caption>
        <span>Mean ± sample standard deviation over model seeds; every value leads to its run</span>
      </caption>
      <thead>
        <tr>
          <th scope="col">Method</th>
          <th scope="col">Group</th>
          <th scope="col" class="figure">
            {METRIC_TITLES[board.metric]} {board.higher_is_better ? "↑" : "↓"}
          </th>
          <th scope="col">{METRIC_SHORT[board.metric]} per model seed</th>
          <th scope="col" class="figure">
            Seeds
          </th>
          <th scope="col" class="figure">
            RTE ↑
          </th>
          <th scope="col" class="figure">
            <abbr title="How far the weights are from the retrained model's, relative to their own length; mean over model seeds">
              Distance
            </abbr>
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <Line
            key={row.label}
            row={row}
            runs={runsOf(row, runs)}
            metric={board.metric}
            protocol={board.protocol}
            catalog={catalog}
          />
        ))}
      </tbody>
    </table>
  </Scroll>
);

interface LineProps {
  row: BoardRow;
  runs: Result[];
  metric: Metric;
  protocol: string;
  catalog: Catalog;
}

function Line({ row, runs, metric, protocol, catalog }: LineProps) {
  const cell = row.cells[0];
  return (
    <tr>
      <th scope="row">
        <MethodLink method={row} catalog={catalog} protocol={protocol} />
      </th>
      <td>{cell?.group && <GroupBadge group={cell.group} />}</td>
      <td class="figure">
        <span class="mean">{number(cell?.mean)}</span>{" "}
        <span class="quiet sd">{spread(cell?.sd ?? null)}</span>
      </td>
      <td>
        <span class="seeds">
          {runs.map((run) => (
            <a key={run.id} href={`/results/${run.id}`} aria-label={seedLabel(run, metric)}>
              {number(metricOf(run, metric))}
            </a>
          ))}
        </span>
      </td>
      <td class="figure">{cell ? seedsOf(cell) : NOTHING}</td>
      <td class="figure">{factor(cell?.runtime_efficiency)}</td>
      <td class="figure">{number(momentsOf(usable(runs, DISTANCE)).mean)}</td>
    </tr>
  );
}

const seedLabel = (run: Result, metric: Metric): string =>
  `Seed ${run.model_seed}: ${number(metricOf(run, metric))}, to the run`;
