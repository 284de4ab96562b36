// Unlearners side by side: their means in every setting, and their differences seed by seed.
import { useCallback } from "preact/hooks";
import { type Catalog, getBoard, getCatalog, getResults, type Leaderboard, type Result } from "../api/client";
import { METRIC_TITLES, metricIn, namesOf, placeOf, protocolIn } from "../board";
import { Facet, Facets, MetricFacet, ProtocolFacet } from "../components/facets";
import { Scroll } from "../components/scroll";
import { Shown } from "../components/states";
import { Titled } from "../components/titled";
import type { Table } from "../exports";
import { counted, NOTHING, number, spread } from "../format";
import { useLoaded } from "../loading";
import { counting, isReference, keyOf, metricOf, type Paired, type Protocol, paired } from "../methods";
import { Figure, type Plotting } from "../plots/figure";
import { drawSeedDots } from "../plots/seed-dots";
import { go, type Place, withChoices } from "../router";

const PLACES = ["a", "b", "c", "d"] as const;
const REFRESH_SECONDS = 30;

export function ComparePage({ place }: { place: Place }) {
  const metric = metricIn(place.query);
  const protocolId = protocolIn(place.query);
  const catalog = useLoaded(getCatalog, "catalog");
  const filters = { protocol: protocolId, metric, dataset: "", model: "", setting: "" } as const;
  const board = useLoaded(
    () => getBoard({ ...filters, cohort: "reference" }),
    protocolId + metric,
    REFRESH_SECONDS,
  );
  const choose = (choices: Record<string, string>) => go(withChoices(place, choices));
  return (
    <main>
      <h1>Unlearners side by side</h1>
      <p class="lead">
        Two unlearners that start from the same models differ seed by seed; the spread of those differences
        says more than that of each alone.
      </p>
      <Shown what="the catalogue" loaded={catalog}>
        {(known) => (
          <Shown what="the board" loaded={board}>
            {(data) => {
              const keys = data.rows.map(keyOf);
              const chosen = chosenIn(place.query, keys);
              const protocol = known.protocols.find((each) => each.id === data.protocol);
              return (
                <>
                  <Facets>
                    <MetricFacet place={place} />
                    <ProtocolFacet place={place} catalog={known} />
                    {PLACES.map((name, index) => (
                      <Facet
                        key={name}
                        name={`Unlearner ${index + 1}`}
                        value={chosen[index] ?? ""}
                        options={[
                          ...(index < 2 && chosen[index] ? [] : [["", "none"] as const]),
                          ...data.rows.map((row) => [keyOf(row), namesOf(row, known).title] as const),
                        ]}
                        onChoose={(value) => choose(addressOf(chosen, index, value))}
                      />
                    ))}
                  </Facets>
                  {chosen.length < 2 || !protocol ? (
                    <p class="empty">Two unlearners that have run under this protocol are needed.</p>
                  ) : (
                    <Comparison chosen={chosen} board={data} catalog={known} protocol={protocol} />
                  )}
                </>
              );
            }}
          </Shown>
        )}
      </Shown>
    </main>
  );
}

/** The methods that an address names; the first two of the board where it names none. */
function chosenIn(query: URLSearchParams, keys: string[]): string[] {
  const named = PLACES.flatMap((name) => query.get(name) ?? []);
  const others = keys.filter((key) => !named.includes(key));
  return [...named, ...others.slice(0, Math.max(0, 2 - named.length))];
}

function addressOf(chosen: string[], index: number, value: string): Record<string, string> {
  const changed = [...chosen];
  changed[index] = value;
  const kept = changed.filter(Boolean);
  return Object.fromEntries(PLACES.map((name, position) => [name, kept[position] ?? ""]));
}

interface ComparisonProps {
  chosen: string[];
  board: Leaderboard;
  catalog: Catalog;
  protocol: Protocol;
}

function Comparison({ chosen, board, catalog, protocol }: ComparisonProps) {
  const unlearners = [...new Set(chosen.map((key) => key.split(":")[0] ?? key))];
  const load = async () =>
    (await Promise.all(unlearners.map((unlearner) => getResults({ unlearner })))).flat();
  const results = useLoaded(load, unlearners.join(), REFRESH_SECONDS);
  return (
    <Shown what="their runs" loaded={results}>
      {(all) => <Sides chosen={chosen} board={board} catalog={catalog} runs={counting(all, protocol)} />}
    </Shown>
  );
}

interface SidesProps {
  chosen: string[];
  board: Leaderboard;
  catalog: Catalog;
  runs: Result[];
}

/** One setting, the first method beside another. */
interface Pair {
  setting: string;
  place: string;
  other: string;
  paired: Paired;
}

function Sides({ chosen, board, catalog, runs }: SidesProps) {
  const [first = "", ...others] = chosen;
  const name = (key: string) => {
    const [unlearner = "", variant = null] = key.split(":");
    return namesOf({ unlearner, variant }, catalog).title;
  };
  const runsIn = (setting: string, key: string) =>
    runs.filter((run) => run.setting_id === setting && keyOf(run) === key && !isReference(run.unlearner));
  const pairs = board.settings.flatMap((setting) =>
    others.map((other) => ({
      setting: setting.id,
      place: placeOf(setting),
      other,
      paired: paired(
        runsIn(setting.id, first),
        runsIn(setting.id, other),
        board.metric,
        board.higher_is_better,
      ),
    })),
  );
  const table = pairTable(board, first, pairs, name, runsIn);
  return (
    <>
      <Differences board={board} first={first} pairs={pairs} table={table} name={name} />
      <Titled title="Setting by setting" table={table} />
      <SideTable board={board} chosen={chosen} pairs={pairs} name={name} />
    </>
  );
}

function pairTable(
  board: Leaderboard,
  first: string,
  pairs: Pair[],
  name: (key: string) => string,
  runsIn: (setting: string, key: string) => Result[],
): Table {
  const valueAt = (setting: string, key: string, seed: number) => {
    const run = runsIn(setting, key).find((each) => each.model_seed === seed);
    return run ? metricOf(run, board.metric) : null;
  };
  return {
    name: `lethe-compare-${board.metric}`,
    columns: [
      "setting",
      "place",
      "first",
      "second",
      "model seed",
      "first value",
      "second value",
      "difference",
    ],
    rows: pairs.flatMap(({ setting, place, other, paired: { differences } }) =>
      differences.map(({ seed, difference }) => [
        setting,
        place,
        name(first),
        name(other),
        seed,
        valueAt(setting, first, seed),
        valueAt(setting, other, seed),
        difference,
      ]),
    ),
  };
}

interface DifferencesProps {
  board: Leaderboard;
  first: string;
  pairs: Pair[];
  table: Table;
  name: (key: string) => string;
}

function Differences({ board, first, pairs, table, name }: DifferencesProps) {
  const rowOf = (pair: Pair) => `${name(pair.other)}, ${pair.place}`;
  const dots = pairs.flatMap((pair) =>
    pair.paired.differences.map(({ seed, difference }) => ({ row: rowOf(pair), seed, value: difference })),
  );
  const rows = pairs.map(rowOf);
  const metric = METRIC_TITLES[board.metric].toLowerCase();
  const label = `Difference in ${metric} from ${name(first)}`;
  const view = JSON.stringify({ dots, label });
  const draw = useCallback(
    (plotting: Plotting, width: number) =>
      drawSeedDots(plotting, width, { dots, rows, lines: [{ title: name(first), value: 0 }], label }),
    [view],
  );
  if (dots.length === 0) return <p class="empty">They have no model seed in common yet.</p>;
  const wins = pairs.reduce((sum, pair) => sum + pair.paired.firstIsBetter, 0);
  const losses = pairs.reduce((sum, pair) => sum + pair.paired.secondIsBetter, 0);
  const others = [...new Set(pairs.map((pair) => name(pair.other)))].join(" and ");
  const [better, worse, count] = losses > wins ? [others, name(first), losses] : [name(first), others, wins];
  const title = `${better} beat ${worse} by ${metric} in ${count} of ${counted(dots.length, "pair")} of runs`;
  const means = pairs.map((pair) => `${rowOf(pair)}: ${number(pair.paired.mean)}`).join("; ");
  return (
    <Figure
      title={title}
      description={`One dot per model seed and a line at the mean of the differences. Means: ${means}.`}
      table={table}
      draw={draw}
    />
  );
}

interface SideTableProps {
  board: Leaderboard;
  chosen: string[];
  pairs: Pair[];
  name: (key: string) => string;
}

function SideTable({ board, chosen, pairs, name }: SideTableProps) {
  const [first = "", ...others] = chosen;
  const cellOf = (key: string, setting: string) =>
    board.rows.find((row) => keyOf(row) === key)?.cells.find((cell) => cell.setting === setting);
  return (
    <Scroll label="Setting by setting">
      <table class="sides">
        <caption>
          <span>
            {METRIC_TITLES[board.metric]} {board.higher_is_better ? "↑" : "↓"}: mean ± sample standard
            deviation over model seeds, and of the differences from {name(first)} over the seeds that both
            have
          </span>
        </caption>
        <thead>
          <tr>
            <th scope="col">Setting</th>
            {chosen.map((key) => (
              <th key={key} scope="col" class="figure">
                {name(key)}
              </th>
            ))}
            {others.map((key) => (
              <th key={key} scope="col" class="figure">
                {name(key)} − {name(first)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {board.settings.map((setting) => (
            <tr key={setting.id}>
              <th scope="row">
                <a href={`/settings/${setting.id}?metric=${board.metric}`}>{placeOf(setting)}</a>
              </th>
              {chosen.map((key) => (
                <td key={key} class="figure">
                  {number(cellOf(key, setting.id)?.mean)}{" "}
                  <span class="quiet">{spread(cellOf(key, setting.id)?.sd ?? null)}</span>
                </td>
              ))}
              {others.map((key) => (
                <Difference
                  key={key}
                  pair={pairs.find((pair) => pair.setting === setting.id && pair.other === key)}
                  first={name(first)}
                />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

const Difference = ({ pair, first }: { pair: Pair | undefined; first: string }) => {
  const { mean, sd, differences, firstIsBetter } = pair?.paired ?? { differences: [] };
  if (differences.length === 0) return <td class="figure">{NOTHING}</td>;
  return (
    <td class="figure">
      {number(mean)} <span class="quiet">{spread(sd ?? null)}</span>
      <span class="why">
        {first} better on {firstIsBetter} of {counted(differences.length, "seed")}
      </span>
    </td>
  );
};
