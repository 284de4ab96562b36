// Methods side by side in every setting, with their differences from the first.
import type { Leaderboard } from "../api/client";
import { METRIC_TITLES, placeOf } from "../board";
import type { Table } from "../exports";
import { counted, NOTHING, number, spread } from "../format";
import { keyOf } from "../methods";
import type { Pair } from "./difference-figure";
import { TitledTable } from "./titled";

interface Props {
  board: Leaderboard;
  chosen: string[];
  pairs: Pair[];
  name: (key: string) => string;
  table: Table;
}

export function SideTable({ board, chosen, pairs, name, table }: Props) {
  const [first = "", ...others] = chosen;
  const cellOf = (key: string, setting: string) =>
    board.rows.find((row) => keyOf(row) === key)?.cells.find((cell) => cell.setting === setting);
  return (
    <TitledTable title="Setting by setting" table={table}>
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
    </TitledTable>
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
