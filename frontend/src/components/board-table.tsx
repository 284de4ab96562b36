// The leaderboard as a table. Ranks, groups and statistics come from the server; nothing is computed here.

import { alikeGroups, lettersOf } from "../alike";
import type { BoardCell, BoardRow, Catalog, Leaderboard, Metric, Uncertainty } from "../api/client";
import {
  forgetOf,
  intervalOf,
  METRIC_FORMULAS,
  METRIC_LIMITS,
  METRIC_SHORT,
  METRIC_TITLES,
  namesOf,
  placeOf,
  seedsOf,
  summaryOf,
  whyProvisional,
} from "../board";
import { factor, NOTHING, number, spread, tick } from "../format";
import { pageOf } from "../methods";
import { type Axis, axisOf } from "../plots/interval";
import { IntervalPlot } from "../plots/interval-plot";
import { ariaSort, type Order, sortRows } from "../sorting";
import { GroupBadge, MEANINGS } from "./group-badge";
import { Scroll } from "./scroll";
import { SortButton } from "./sort-head";

const COLUMNS_OF_A_ROW = 9;
const COLUMNS_OF_A_SETTING = 5;
const COUNTS = [
  ["G1", `settings in the ${MEANINGS.G1}`],
  ["G2", `settings in the ${MEANINGS.G2}`],
  ["G3", `settings in the ${MEANINGS.G3}`],
  ["F", "settings in which it failed"],
] as const;

interface Props {
  board: Leaderboard;
  /** The same view by the other metric, once it is there. */
  other: Leaderboard | null;
  otherMetric: Metric;
  catalog: Catalog | null;
  order: Order;
  onSort: (by: string) => void;
  /** How sure the ranks are, once that is there. */
  uncertainty: Uncertainty | null;
}

export function BoardTable({ board, other, otherMetric, catalog, order, onSort, uncertainty }: Props) {
  const titleOf = (row: BoardRow) => namesOf(row, catalog).title;
  const ranked = sortRows(
    board.rows.filter((row) => !row.is_provisional),
    order,
    titleOf,
  );
  const provisional = sortRows(
    board.rows.filter((row) => row.is_provisional),
    order,
    titleOf,
  );
  const axes = board.settings.map((_, index) => axisOfSetting(board, index));
  const retrained = board.references.find((row) => row.unlearner === "retrained");
  const others = new Map(
    [...(other?.rows ?? []), ...(other?.references ?? [])].map((row) => [row.label, row]),
  );
  const sure = new Map(uncertainty?.rows.map((row) => [row.label, row]));
  const groups = alikeGroups(uncertainty?.rows ?? []);
  const width = COLUMNS_OF_A_ROW + COLUMNS_OF_A_SETTING * board.settings.length;
  const lines = (rows: BoardRow[]) =>
    rows.map((row) => (
      <Line
        key={row.label}
        row={row}
        other={others.get(row.label)}
        interval={intervalOf(sure.get(row.label))}
        alike={lettersOf(row.label, groups)}
        why={provisional.includes(row) ? whyProvisional(row) : null}
        axes={axes}
        view={{ ...(board.tier !== "published" && { protocol: board.protocol }), metric: board.metric }}
        retrained={retrained}
        {...namesOf(row, catalog)}
      />
    ));
  return (
    <Scroll label="Leaderboard">
      <table class="board">
        <caption>
          <span>{summaryOf(board)}</span>
        </caption>
        <Head board={board} otherMetric={otherMetric} axes={axes} order={order} onSort={onSort} />
        {board.references.length > 0 && (
          <tbody class="references">
            <Divider columns={width} text="References, never ranked" />
            {lines(board.references)}
          </tbody>
        )}
        {ranked.length > 0 && (
          <tbody class="ranked">
            {board.references.length > 0 && (
              <Divider columns={width} text={order.by === "rank" ? "Unlearners, by rank" : "Unlearners"} />
            )}
            {lines(ranked)}
          </tbody>
        )}
        {provisional.length > 0 && (
          <tbody class="provisional">
            <Divider columns={width} text="Provisional: not ranked while models are missing" />
            {lines(provisional)}
          </tbody>
        )}
      </table>
    </Scroll>
  );
}

function axisOfSetting(board: Leaderboard, index: number): Axis | null {
  const cells = [...board.rows, ...board.references].flatMap((row) => row.cells[index] ?? []);
  return axisOf(cells, METRIC_LIMITS[board.metric]);
}

function Head({
  board,
  otherMetric,
  axes,
  order,
  onSort,
}: {
  board: Leaderboard;
  otherMetric: Metric;
  axes: (Axis | null)[];
  order: Order;
  onSort: (by: string) => void;
}) {
  const arrow = board.higher_is_better ? "↑" : "↓";
  return (
    <thead>
      <tr>
        <th scope="col" rowSpan={2} class="figure rank" aria-sort={ariaSort(order, "rank")}>
          <SortButton by="rank" order={order} onSort={onSort}>
            Rank
          </SortButton>
        </th>
        <th scope="col" rowSpan={2} class="figure">
          <abbr title="Where the rank lies in 95 % of the draws when the model seeds are drawn again">
            Interval
          </abbr>
        </th>
        <th scope="col" rowSpan={2}>
          <abbr title="Rows that share a letter are not distinguishable">Alike</abbr>
        </th>
        <th scope="col" rowSpan={2} class="name" aria-sort={ariaSort(order, "name")}>
          <SortButton by="name" order={order} onSort={onSort}>
            Unlearner
          </SortButton>
        </th>
        {COUNTS.map(([name, meaning]) => (
          <th key={name} scope="col" rowSpan={2} class="figure count">
            <abbr title={meaning}>{name}</abbr>
          </th>
        ))}
        <th scope="col" rowSpan={2} class="figure">
          <abbr title={`Rank by ${METRIC_TITLES[otherMetric].toLowerCase()}`}>
            Rank,
            <br />
            {METRIC_SHORT[otherMetric]}
          </abbr>
        </th>
        {board.settings.map((setting) => (
          <th key={setting.id} scope="colgroup" colSpan={COLUMNS_OF_A_SETTING} class="setting">
            <strong>
              <a href={`/settings/${setting.id}?metric=${board.metric}`}>{placeOf(setting)}</a>
            </strong>{" "}
            <span class="quiet">{forgetOf(setting)}</span>
            {setting.is_ambiguous && (
              <span class="ambiguous" title="A tie left the cut between groups open; another cut is as good">
                ambiguous groups
              </span>
            )}
          </th>
        ))}
      </tr>
      <tr>
        {board.settings.map((setting, index) => [
          <th key={`${setting.id} group`} scope="col" class="setting">
            Group
          </th>,
          <th key={`${setting.id} value`} scope="col" aria-sort={ariaSort(order, setting.id)}>
            <span class="value">
              <abbr
                title={`${METRIC_FORMULAS[board.metric]}. Mean ± sample standard deviation over model seeds`}
              >
                <SortButton by={setting.id} order={order} onSort={onSort}>
                  {METRIC_TITLES[board.metric]} {arrow}
                </SortButton>
              </abbr>
              <AxisEnds axis={axes[index] ?? null} />
            </span>
          </th>,
          <th key={`${setting.id} seeds`} scope="col" class="figure">
            <abbr title="Models that have run / models that the protocol asks for">Seeds</abbr>
          </th>,
          <th
            key={`${setting.id} rte`}
            scope="col"
            class="figure"
            aria-sort={ariaSort(order, `${setting.id}:rte`)}
          >
            <abbr title="Runtime efficiency: retraining time divided by the unlearner's own">
              <SortButton by={`${setting.id}:rte`} order={order} onSort={onSort}>
                RTE ↑
              </SortButton>
            </abbr>
          </th>,
          <th key={`${setting.id} other`} scope="col">
            <abbr title={`${METRIC_TITLES[otherMetric]}: ${METRIC_FORMULAS[otherMetric]}. Group and mean`}>
              {METRIC_SHORT[otherMetric]}
            </abbr>
          </th>,
        ])}
      </tr>
    </thead>
  );
}

const AxisEnds = ({ axis }: { axis: Axis | null }) => (
  <span class="ends" aria-hidden="true">
    <span>{axis && tick(axis.from)}</span>
    <span>{axis && tick(axis.to)}</span>
  </span>
);

const Divider = ({ columns, text }: { columns: number; text: string }) => (
  <tr class="divider">
    <th scope="rowgroup" colSpan={columns}>
      <span>{text}</span>
    </th>
  </tr>
);

interface LineProps {
  row: BoardRow;
  /** What a row's own page is opened with; the paper is no protocol. */
  view: { protocol?: string; metric: Metric };
  other: BoardRow | undefined;
  interval: string;
  alike: string;
  axes: (Axis | null)[];
  retrained: BoardRow | undefined;
  why: string | null;
  title: string;
  name: string;
}

function Line({ row, view, other, interval, alike, axes, retrained, why, title, name }: LineProps) {
  const counts = [row.g1, row.g2, row.g3, row.failed];
  const page = pageOf(row);
  return (
    <tr>
      <td class="figure rank">{row.rank ?? NOTHING}</td>
      <td class="figure quiet">{interval}</td>
      <td class="quiet">{alike}</td>
      <th scope="row" class="name">
        <span class="title">
          {page ? <a href={`${page}?${new URLSearchParams(view)}`}>{title}</a> : title}
        </span>{" "}
        <span class="quiet">{name}</span>
        {why && <span class="why">{why}</span>}
      </th>
      {counts.map((count, index) => (
        <td key={COUNTS[index]?.[0]} class={count ? "figure count" : "figure count quiet"}>
          {row.rank === null ? "" : count}
        </td>
      ))}
      <td class="figure">{row.rank === null ? "" : (other?.rank ?? NOTHING)}</td>
      {row.cells.map((cell, index) => (
        <Cell
          key={cell.setting}
          cell={cell}
          other={other?.cells.find((candidate) => candidate.setting === cell.setting)}
          axis={axes[index] ?? null}
          retrained={retrained?.cells[index]}
          metric={view.metric}
        />
      ))}
    </tr>
  );
}

interface CellProps {
  cell: BoardCell;
  other: BoardCell | undefined;
  axis: Axis | null;
  retrained: BoardCell | undefined;
  metric: Metric;
}

const Cell = ({ cell, other, axis, retrained, metric }: CellProps) => (
  <>
    <td class="setting">{cell.group && <GroupBadge group={cell.group} />}</td>
    <td>
      <span class="value">
        <span>
          <span class="mean">
            {cell.mean === null ? (
              NOTHING
            ) : (
              <a href={`/settings/${cell.setting}?metric=${metric}`}>{number(cell.mean)}</a>
            )}
          </span>{" "}
          <span class="quiet sd">{spread(cell.sd)}</span>
        </span>
        {axis && <IntervalPlot interval={cell} axis={axis} group={cell.group} retrained={retrained} />}
      </span>
    </td>
    <td class="figure">{seedsOf(cell)}</td>
    <td class="figure">{factor(cell.runtime_efficiency)}</td>
    <td>
      {other?.group && <GroupBadge group={other.group} />} <span class="quiet">{number(other?.mean)}</span>
    </td>
  </>
);
