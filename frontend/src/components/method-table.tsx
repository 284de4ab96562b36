// One setting as a table: every method with its group, its mean, and a link to each of its runs.
import type { BoardRow, Catalog, Leaderboard, Metric, Result } from "../api/client";
import { METRIC_SHORT, METRIC_TITLES, seedsOf } from "../board";
import type { Table } from "../exports";
import { factor, NOTHING, number, spread } from "../format";
import { metricOf, momentsOf, runsOf, usable } from "../methods";
import { GroupBadge } from "./group-badge";
import { MethodLink } from "./method-link";
import { TitledTable } from "./titled";

export const DISTANCE = "relative_distance"; // protocol §5.5

interface Props {
  board: Leaderboard;
  rows: BoardRow[];
  runs: Result[];
  catalog: Catalog;
  table: Table;
}

export const MethodTable = ({ board, rows, runs, catalog, table }: Props) => (
  <TitledTable title="Every method, every seed" table={table}>
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
  </TitledTable>
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
