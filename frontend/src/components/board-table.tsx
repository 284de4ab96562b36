// The leaderboard as a table. Ranks, groups and statistics come from the server; nothing is computed here.

import { alikeGroups, lettersOf } from "../alike";
import type { BoardCell, BoardRow, Catalog, Leaderboard, Metric, Uncertainty } from "../api/client";
import { intervalOf, METRIC_LIMITS, namesOf, placeOf, seedsOf, summaryOf, whyProvisional } from "../board";
import { factor, NOTHING, number, spread } from "../format";
import { pageOf } from "../methods";
import { type Axis, axisOf } from "../plots/interval";
import { IntervalPlot } from "../plots/interval-plot";
import { type Order, sortRows } from "../sorting";
import { BoardHead, COLUMNS_OF_A_SETTING, COUNTS } from "./board-head";
import { GroupBadge } from "./group-badge";
import { Scroll } from "./scroll";
import { Shape } from "./shape";

const COLUMNS_OF_A_ROW = 7;

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
  const hasStrip = board.settings.length > 1; // of one setting it would repeat the column beside it
  const width = COLUMNS_OF_A_ROW + Number(hasStrip) + COLUMNS_OF_A_SETTING * board.settings.length;
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
        hasStrip={hasStrip}
        view={{ ...(board.tier !== "published" && { protocol: board.protocol }), metric: board.metric }}
        retrained={retrained}
        {...namesOf(row, catalog)}
      />
    ));
  return (
    <Scroll label="Leaderboard" isWide>
      <table class="board">
        <caption>
          <span>{summaryOf(board)}</span>
        </caption>
        <BoardHead
          board={board}
          otherMetric={otherMetric}
          axes={axes}
          hasStrip={hasStrip}
          order={order}
          onSort={onSort}
        />
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
  hasStrip: boolean;
  retrained: BoardRow | undefined;
  why: string | null;
  title: string;
  name: string;
}

function Line({ row, view, other, interval, alike, axes, hasStrip, retrained, why, title, name }: LineProps) {
  const counts = [row.g1, row.g2, row.g3, row.failed];
  const page = pageOf(row);
  return (
    <tr>
      <td class="position">
        <span class="rank">{row.rank}</span>
        <span class="drawn">{interval}</span>
      </td>
      <th scope="row" class="name">
        <span class="called">
          <span class="title">
            {page ? <a href={`${page}?${new URLSearchParams(view)}`}>{title}</a> : title}
          </span>
          {alike && <sup class="alike">{alike}</sup>}
        </span>{" "}
        <span class="quiet">{name}</span>
        {why && <span class="why">{why}</span>}
      </th>
      {hasStrip && <td class="strip">{page && <Strip cells={row.cells} />}</td>}
      {counts.map((count, index) => (
        <td key={COUNTS[index]?.[0]} class={count ? "figure count" : "figure count quiet"}>
          {row.rank === null ? "" : count}
        </td>
      ))}
      <td class="figure count">{row.rank === null ? "" : (other?.rank ?? NOTHING)}</td>
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

/** Its groups at a glance; the columns of the settings have them in words. */
const Strip = ({ cells }: { cells: BoardCell[] }) => (
  <span class="shapes">
    {cells.map((cell) => (
      <span key={cell.setting} title={`${placeOf(cell)}: ${cell.group ?? "not yet"}`}>
        <svg viewBox="-6 -6 12 12" width="14" height="14" aria-hidden="true">
          <Shape group={cell.group} x={0} y={0} />
        </svg>
      </span>
    ))}
  </span>
);

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
    <td class={cell.usable_seeds < cell.required_seeds ? "figure" : "figure quiet"}>{seedsOf(cell)}</td>
    <td class="figure">{factor(cell.runtime_efficiency)}</td>
    <td>
      {other?.group && <GroupBadge group={other.group} />} <span class="quiet">{number(other?.mean)}</span>
    </td>
  </>
);
