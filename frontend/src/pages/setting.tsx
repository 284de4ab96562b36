// One setting: every method in it, seed by seed, beside the references.
import {
  type BoardRow,
  type BoardSetting,
  type Catalog,
  getBoard,
  getResults,
  getSettings,
  type Leaderboard,
  type Result,
} from "../api/client";
import { forgetOf, METRIC_TITLES, metricIn, namesOf, placeOf } from "../board";
import { Facets, MetricFacet } from "../components/facets";
import { Fact } from "../components/fact";
import { DISTANCE, MethodTable } from "../components/method-table";
import { SeedFigure } from "../components/seed-figure";
import { SelfReported } from "../components/self-reported";
import { Shown } from "../components/states";
import type { Table } from "../exports";
import { number } from "../format";
import { useLoaded } from "../loading";
import { counting, metricOf, type Protocol, runsOf } from "../methods";
import type { Place } from "../router";
import { findSetting } from "../settings";

const REFRESH_SECONDS = 30;

export function SettingPage({ id, place }: { id: string; place: Place }) {
  const found = useLoaded(() => findSetting(id), id);
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
    <Fact name="Forget set, precision, seeds">{forgetOf(setting)}</Fact>
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
      <MethodTable board={board} rows={rows} runs={runs} catalog={catalog} table={table} />
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
