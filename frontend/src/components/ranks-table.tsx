// The board's ranks beside those of other rankings of the same results.
import { alikeGroups, lettersOf } from "../alike";
import type { Catalog, Leaderboard, Uncertainty } from "../api/client";
import { intervalOf, METRIC_TITLES, namesOf, rangeOf } from "../board";
import type { Table } from "../exports";
import { NOTHING } from "../format";
import { type Alternative, movedText } from "../sensitivity";
import { MethodLink } from "./method-link";
import { TitledTable } from "./titled";

interface Props {
  title: string;
  /** Which rankings they are, for the name of the file. */
  name: string;
  board: Leaderboard;
  uncertainty: Uncertainty;
  catalog: Catalog | null;
  alternatives: Alternative[];
  /** Also show how sure the board's own ranks are. */
  withChance?: boolean;
}

export function RanksTable(props: Props) {
  const { title, name, board, uncertainty, catalog, alternatives, withChance = false } = props;
  const rows = board.rows.filter((row) => row.rank !== null);
  const sure = new Map(uncertainty.rows.map((row) => [row.label, row]));
  const groups = alikeGroups(uncertainty.rows);
  const table: Table = {
    name: `lethe-ranked-${name}-${board.metric}`,
    columns: ["unlearner", "rank", ...alternatives.map((alternative) => alternative.id)],
    rows: rows.map((row) => [
      namesOf(row, catalog).title,
      row.rank,
      ...alternatives.map((alternative) => alternative.ranks[row.label] ?? null),
    ]),
  };
  return (
    <TitledTable title={title} table={table}>
      <table class="ranks">
        <caption>
          <span>
            Ranks by {METRIC_TITLES[board.metric].toLowerCase()}; those that differ from the board&rsquo;s are
            marked
          </span>
        </caption>
        <thead>
          <tr>
            <th scope="col" class="name">
              Unlearner
            </th>
            <th scope="col" class="figure">
              Rank
            </th>
            {withChance && (
              <>
                <th scope="col" class="figure">
                  <abbr title="Where the rank lies in 95 % of the draws when the model seeds are drawn again">
                    Seeds redrawn
                  </abbr>
                </th>
                <th scope="col" class="figure">
                  <abbr title="The same with the settings drawn again as well; needs several">
                    Settings too
                  </abbr>
                </th>
                <th scope="col">
                  <abbr title="Rows that share a letter are not distinguishable">Alike</abbr>
                </th>
              </>
            )}
            {alternatives.map((alternative) => (
              <th key={alternative.id} scope="col" class="figure alternative">
                {alternative.title}
                <span class="why">{movedText(alternative)}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.label}>
              <th scope="row" class="name">
                <MethodLink method={row} catalog={catalog} protocol={board.protocol} />
              </th>
              <td class="figure">{row.rank}</td>
              {withChance && (
                <>
                  <td class="figure quiet">{intervalOf(sure.get(row.label)) || NOTHING}</td>
                  <td class="figure quiet">{rangeOf(sure.get(row.label)?.over_settings) || NOTHING}</td>
                  <td class="quiet">{lettersOf(row.label, groups)}</td>
                </>
              )}
              {alternatives.map((alternative) => (
                <td key={alternative.id} class="figure">
                  <Rank before={row.rank} after={alternative.ranks[row.label] ?? null} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </TitledTable>
  );
}

/** A rank elsewhere; a smaller one is better. */
function Rank({ before, after }: { before: number | null; after: number | null }) {
  if (after === null) return <>{NOTHING}</>;
  if (before === null || before === after) return <span class="quiet">{after}</span>;
  return (
    <strong>
      <span aria-hidden="true">{after < before ? "▲ " : "▼ "}</span>
      <span class="unseen">{after < before ? "better: " : "worse: "}</span>
      {after}
    </strong>
  );
}
