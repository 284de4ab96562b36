// Unlearners side by side: their means in every setting, and their differences seed by seed.
import { type Catalog, getBoard, getCatalog, getResults, type Leaderboard, type Result } from "../api/client";
import { metricIn, namesOf, placeOf, protocolIn } from "../board";
import { DifferenceFigure, type Pair } from "../components/difference-figure";
import { Facet, Facets, MetricFacet, ProtocolFacet } from "../components/facets";
import { SideTable } from "../components/side-table";
import { Shown } from "../components/states";
import type { Table } from "../exports";
import { useLoaded } from "../loading";
import { counting, isReference, keyOf, metricOf, type Protocol, paired } from "../methods";
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
      <DifferenceFigure board={board} first={first} pairs={pairs} table={table} name={name} />
      <SideTable board={board} chosen={chosen} pairs={pairs} name={name} table={table} />
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
