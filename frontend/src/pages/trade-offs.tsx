// What closeness costs: runtime efficiency against the metric, in one setting.
import { useCallback } from "preact/hooks";
import { type Catalog, getBoard, getCatalog, type Leaderboard } from "../api/client";
import { METRIC_TITLES, metricIn, namesOf, placeOf, protocolIn } from "../board";
import { Downloads } from "../components/downloads";
import { Facet, Facets, MetricFacet, ProtocolFacet } from "../components/facets";
import { Shown } from "../components/states";
import { factor, number } from "../format";
import { useLoaded } from "../loading";
import { Figure, type Plotting } from "../plots/figure";
import { drawTradeOff, frontOf } from "../plots/trade-off";
import { go, type Place, withChoices } from "../router";

const REFRESH_SECONDS = 30;

export function TradeOffsPage({ place }: { place: Place }) {
  const metric = metricIn(place.query);
  const protocol = protocolIn(place.query);
  const catalog = useLoaded(getCatalog, "catalog");
  const board = useLoaded(
    () => getBoard({ protocol, metric, dataset: "", model: "", setting: "", cohort: "reference" }),
    protocol + metric,
    REFRESH_SECONDS,
  );
  const settings = board.data?.settings ?? [];
  const setting = place.query.get("setting") ?? settings[0]?.id ?? "";
  const choose = (choices: Record<string, string>) => go(withChoices(place, choices));
  return (
    <main>
      <h1>What closeness to retraining costs</h1>
      <p class="lead">
        An unlearner is worth its name only while it is faster than retraining. Those on the dashed front are
        beaten by no other in both speed and closeness.
      </p>
      <Facets>
        <MetricFacet place={place} />
        <ProtocolFacet place={place} catalog={catalog.data} clears={["setting"]} />
        <Facet
          name="Setting"
          value={setting}
          options={settings.map((each) => [each.id, placeOf(each)])}
          onChoose={(value) => choose({ setting: value })}
        />
      </Facets>
      <Shown what="the board" loaded={board}>
        {(data) => <TradeOffs board={data} setting={setting} catalog={catalog.data} />}
      </Shown>
    </main>
  );
}

interface Props {
  board: Leaderboard;
  setting: string;
  catalog: Catalog | null;
}

function TradeOffs({ board, setting, catalog }: Props) {
  const points = board.rows.flatMap((row) => {
    const cell = row.cells.find((each) => each.setting === setting);
    if (cell?.mean == null || cell.runtime_efficiency == null) return [];
    const name = namesOf(row, catalog).title;
    return [{ name, group: cell.group, efficiency: cell.runtime_efficiency, value: cell.mean }];
  });
  const front = frontOf(points, board.higher_is_better);
  const label = `${board.higher_is_better ? "↑" : "↓"} ${METRIC_TITLES[board.metric]}`;
  const view = JSON.stringify({ points, label });
  const draw = useCallback(
    (plotting: Plotting, width: number) => drawTradeOff(plotting, width, { points, front, label }),
    [view],
  );
  if (points.length === 0) return <p class="empty">No unlearner has been timed in this setting yet.</p>;
  const table = {
    name: `lethe-trade-offs-${board.metric}`,
    columns: ["unlearner", "group", "runtime efficiency", METRIC_TITLES[board.metric], "on the front"],
    rows: points.map((point) => [
      point.name,
      point.group,
      point.efficiency,
      point.value,
      front.includes(point) ? "yes" : "no",
    ]),
  };
  const named = front.map((point) => point.name).join(", ");
  const title = `${named} ${front.length === 1 ? "is" : "are"} beaten by none in both speed and closeness`;
  const description = points
    .map((point) => `${point.name}: ${factor(point.efficiency)}, ${number(point.value)}`)
    .join("; ");
  return (
    <>
      <Figure title={title} description={`${description}.`} table={table} draw={draw} />
      <Downloads table={table} />
    </>
  );
}
