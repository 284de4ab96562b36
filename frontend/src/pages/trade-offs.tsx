// What closeness costs: runtime efficiency against the metric, in one setting.
import { useCallback } from "preact/hooks";
import { type BoardRow, type Catalog, getBoard, getCatalog, type Leaderboard } from "../api/client";
import { METRIC_TITLES, metricIn, namesOf, placeOf, protocolIn } from "../board";
import { Facet, Facets, MetricFacet, ProtocolFacet } from "../components/facets";
import { GroupBadge } from "../components/group-badge";
import { MethodLink } from "../components/method-link";
import { Shown } from "../components/states";
import { TitledTable } from "../components/titled";
import { factor, listed, number } from "../format";
import { useLoaded } from "../loading";
import { Figure, type Plotting } from "../plots/figure";
import { GROUPS_READ } from "../plots/groups";
import { drawTradeOff, frontOf, type TradeOff } from "../plots/trade-off";
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
  const titleOf = (row: BoardRow) => namesOf(row, catalog).title;
  const cellOf = (row: BoardRow | undefined) => row?.cells.find((each) => each.setting === setting);
  const points = board.rows.flatMap((row) => {
    const cell = cellOf(row);
    if (cell?.mean == null || cell.runtime_efficiency == null) return [];
    return [
      { row, name: titleOf(row), group: cell.group, efficiency: cell.runtime_efficiency, value: cell.mean },
    ];
  });
  const front = frontOf(points, board.higher_is_better);
  const retrained = cellOf(board.references.find((row) => row.unlearner === "retrained"))?.mean ?? null;
  const label = `${board.higher_is_better ? "↑" : "↓"} ${METRIC_TITLES[board.metric]}`;
  const view = JSON.stringify({ points, retrained, label });
  const draw = useCallback(
    (plotting: Plotting, width: number) => drawTradeOff(plotting, width, { points, front, retrained, label }),
    [view],
  );
  if (points.length === 0) return <p class="empty">No unlearner has been timed in this setting yet.</p>;
  const isOnFront = (point: TradeOff) => front.some(({ name }) => name === point.name);
  const table = {
    name: `lethe-trade-offs-${board.metric}`,
    columns: ["unlearner", "group", "runtime efficiency", METRIC_TITLES[board.metric], "on the front"],
    rows: points.map((point) => [
      ...[point.name, point.group, point.efficiency, point.value],
      isOnFront(point) ? "yes" : "no",
    ]),
  };
  const description = points
    .map((point) => `${point.name}: ${factor(point.efficiency)}, ${number(point.value)}`)
    .join("; ");
  return (
    <>
      <Figure
        title={`${listed(front.map(({ name }) => name))} ${front.length === 1 ? "is" : "are"} beaten by none in both speed and closeness`}
        reading={`A mark per unlearner. ${GROUPS_READ} Dashed: the front. Solid: the mean of the retrained models.`}
        description={`${description}.`}
        table={table}
        draw={draw}
      />
      <TitledTable title="Every unlearner, the fastest first" table={table}>
        <table class="trade-offs">
          <thead>
            <tr>
              <th scope="col">Unlearner</th>
              <th scope="col">Group</th>
              <th scope="col" class="figure">
                RTE ↑
              </th>
              <th scope="col" class="figure">
                {METRIC_TITLES[board.metric]} {board.higher_is_better ? "↑" : "↓"}
              </th>
              <th scope="col">On the front</th>
            </tr>
          </thead>
          <tbody>
            {[...points]
              .sort((one, other) => other.efficiency - one.efficiency)
              .map((point) => (
                <tr key={point.row.label}>
                  <th scope="row">
                    <MethodLink method={point.row} catalog={catalog} protocol={board.protocol} />
                  </th>
                  <td>{point.group && <GroupBadge group={point.group} />}</td>
                  <td class="figure">{factor(point.efficiency)}</td>
                  <td class="figure">
                    <a href={`/settings/${setting}?metric=${board.metric}`}>{number(point.value)}</a>
                  </td>
                  <td>{isOnFront(point) ? "yes" : ""}</td>
                </tr>
              ))}
          </tbody>
        </table>
      </TitledTable>
    </>
  );
}
