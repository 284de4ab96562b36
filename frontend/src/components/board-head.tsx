// The heads of the board's columns, each with what it means and a way to sort by it.
import type { BoardSetting, Leaderboard, Metric } from "../api/client";
import { forgetOf, METRIC_FORMULAS, METRIC_SHORT, METRIC_TITLES, placeOf } from "../board";
import { tick } from "../format";
import type { Axis } from "../plots/interval";
import { ariaSort, type Order } from "../sorting";
import { MEANINGS } from "./group-badge";
import { SortButton } from "./sort-head";

export const COLUMNS_OF_A_SETTING = 5;
export const COUNTS = [
  ["G1", `settings in the ${MEANINGS.G1}`],
  ["G2", `settings in the ${MEANINGS.G2}`],
  ["G3", `settings in the ${MEANINGS.G3}`],
  ["F", "settings in which it failed"],
] as const;

interface Sorting {
  order: Order;
  onSort: (by: string) => void;
}

interface Props extends Sorting {
  board: Leaderboard;
  otherMetric: Metric;
  axes: (Axis | null)[];
  hasStrip: boolean;
}

export const BoardHead = ({ board, otherMetric, axes, hasStrip, order, onSort }: Props) => (
  <thead>
    <tr>
      <th scope="col" rowSpan={2} class="position" aria-sort={ariaSort(order, "rank")}>
        <SortButton by="rank" order={order} onSort={onSort}>
          Rank
        </SortButton>
        <abbr
          class="drawn"
          title="Where the rank lies in 95 % of the draws when the model seeds are drawn again"
        >
          95 %
        </abbr>
      </th>
      <th scope="col" rowSpan={2} class="name" aria-sort={ariaSort(order, "name")}>
        <SortButton by="name" order={order} onSort={onSort}>
          Unlearner
        </SortButton>
        <sup class="alike">
          <abbr title="Rows that share a letter are not distinguishable">alike</abbr>
        </sup>
      </th>
      {hasStrip && (
        <th scope="col" rowSpan={2}>
          <abbr title="Its group in each setting, in the order of the columns">Groups</abbr>
        </th>
      )}
      {COUNTS.map(([name, meaning]) => (
        <th key={name} scope="col" rowSpan={2} class="figure count">
          <abbr title={meaning}>{name}</abbr>
        </th>
      ))}
      <th scope="col" rowSpan={2} class="figure count">
        <abbr title={`Rank by ${METRIC_TITLES[otherMetric].toLowerCase()}`}>
          Rank,
          <br />
          {METRIC_SHORT[otherMetric]}
        </abbr>
      </th>
      {board.settings.map((setting) => (
        <SettingHead key={setting.id} setting={setting} metric={board.metric} />
      ))}
    </tr>
    <tr>
      {board.settings.map((setting, index) => (
        <ColumnHeads
          key={setting.id}
          setting={setting.id}
          board={board}
          otherMetric={otherMetric}
          axis={axes[index] ?? null}
          order={order}
          onSort={onSort}
        />
      ))}
    </tr>
  </thead>
);

const SettingHead = ({ setting, metric }: { setting: BoardSetting; metric: Metric }) => (
  <th scope="colgroup" colSpan={COLUMNS_OF_A_SETTING} class="setting">
    <strong>
      <a href={`/settings/${setting.id}?metric=${metric}`}>{placeOf(setting)}</a>
    </strong>{" "}
    <span class="quiet">{forgetOf(setting)}</span>
    {setting.is_ambiguous && (
      <span class="ambiguous" title="A tie left the cut between groups open; another cut is as good">
        ambiguous groups
      </span>
    )}
  </th>
);

interface ColumnsProps extends Sorting {
  setting: string;
  board: Leaderboard;
  otherMetric: Metric;
  axis: Axis | null;
}

const ColumnHeads = ({ setting, board, otherMetric, axis, order, onSort }: ColumnsProps) => (
  <>
    <th scope="col" class="setting">
      Group
    </th>
    <th scope="col" aria-sort={ariaSort(order, setting)}>
      <span class="value">
        <abbr title={`${METRIC_FORMULAS[board.metric]}. Mean ± sample standard deviation over model seeds`}>
          <SortButton by={setting} order={order} onSort={onSort}>
            {METRIC_TITLES[board.metric]} {board.higher_is_better ? "↑" : "↓"}
          </SortButton>
        </abbr>
        <span class="ends" aria-hidden="true">
          <span>{axis && tick(axis.from)}</span>
          <span>{axis && tick(axis.to)}</span>
        </span>
      </span>
    </th>
    <th scope="col" class="figure">
      <abbr title="Models that have run / models that the protocol asks for">Seeds</abbr>
    </th>
    <th scope="col" class="figure" aria-sort={ariaSort(order, `${setting}:rte`)}>
      <abbr title="Runtime efficiency: retraining time divided by the unlearner's own">
        <SortButton by={`${setting}:rte`} order={order} onSort={onSort}>
          RTE ↑
        </SortButton>
      </abbr>
    </th>
    <th scope="col">
      <abbr title={`${METRIC_TITLES[otherMetric]}: ${METRIC_FORMULAS[otherMetric]}. Group and mean`}>
        {METRIC_SHORT[otherMetric]}
      </abbr>
    </th>
  </>
);
