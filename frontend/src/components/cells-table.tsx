// Where an unlearner stands, setting by setting; its variants beside each other.
import type { BoardRow, Leaderboard } from "../api/client";
import { METRIC_SHORT, METRIC_TITLES, placeOf, seedsOf } from "../board";
import type { Table } from "../exports";
import { factor, number, spread } from "../format";
import { GroupBadge } from "./group-badge";
import { TitledTable } from "./titled";

interface Props {
  /** Of the file that it downloads as. */
  file: string;
  board: Leaderboard;
  rows: BoardRow[];
  name: (row: BoardRow) => string;
}

export const CellsTable = ({ file, board, rows, name }: Props) => (
  <TitledTable
    title={rows.length > 1 ? "Its variants, setting by setting" : "Setting by setting"}
    table={tableOf(file, board, rows, name)}
  >
    <table class="cells">
      <caption>
        <span>
          {METRIC_TITLES[board.metric]}: mean ± sample standard deviation over model seeds; a setting leads to
          its runs
        </span>
      </caption>
      <thead>
        <tr>
          <th scope="col">Setting</th>
          {rows.length > 1 && <th scope="col">Method</th>}
          <th scope="col">Group</th>
          <th scope="col" class="figure">
            {METRIC_SHORT[board.metric]} {board.higher_is_better ? "↑" : "↓"}
          </th>
          <th scope="col" class="figure">
            Seeds
          </th>
          <th scope="col" class="figure">
            RTE ↑
          </th>
        </tr>
      </thead>
      <tbody>
        {board.settings.flatMap((setting, index) =>
          rows.map((row) => {
            const cell = row.cells[index];
            return (
              <tr key={setting.id + row.label}>
                <th scope="row">
                  <a href={`/settings/${setting.id}?metric=${board.metric}`}>{placeOf(setting)}</a>
                </th>
                {rows.length > 1 && <td>{name(row)}</td>}
                <td>{cell?.group && <GroupBadge group={cell.group} />}</td>
                <td class="figure">
                  <span class="mean">{number(cell?.mean)}</span>{" "}
                  <span class="quiet sd">{spread(cell?.sd ?? null)}</span>
                </td>
                <td class="figure">{cell && seedsOf(cell)}</td>
                <td class="figure">{factor(cell?.runtime_efficiency)}</td>
              </tr>
            );
          }),
        )}
      </tbody>
    </table>
  </TitledTable>
);

function tableOf(
  file: string,
  _board: Leaderboard,
  rows: BoardRow[],
  name: (row: BoardRow) => string,
): Table {
  return {
    name: file,
    columns: ["setting", "dataset", "model", "method", "group", "mean", "sd", "seeds", "runtime efficiency"],
    rows: rows.flatMap((row) =>
      row.cells.map((cell) => [
        cell.setting,
        cell.dataset,
        cell.model,
        name(row),
        cell.group,
        cell.mean,
        cell.sd,
        cell.seeds,
        cell.runtime_efficiency,
      ]),
    ),
  };
}
