// The leaderboard as a table. Ranks, groups and statistics come from the server; nothing is computed here.
import type { BoardCell, BoardRow, Catalog, Leaderboard } from "../api/client";
import { factor, number, spread } from "../format";
import { GroupBadge } from "./group-badge";
import { Scroll } from "./scroll";

interface Props {
  board: Leaderboard;
  other: Leaderboard | null;
  catalog: Catalog | null;
}

export function BoardTable({ board, other, catalog }: Props) {
  const ranked = board.rows.filter((row) => !row.is_provisional);
  const provisional = board.rows.filter((row) => row.is_provisional);
  const columns = 6 + 3 * board.settings.length;
  const lines = (rows: BoardRow[]) =>
    rows.map((row) => (
      <Line
        key={row.label}
        row={row}
        twin={other?.rows.find((r) => r.label === row.label)}
        name={nameOf(row, catalog)}
      />
    ));
  return (
    <Scroll label="Leaderboard">
      <table class="board">
        <caption>
          {board.protocol}, ranked by {TITLES[board.metric]}
        </caption>
        <Head board={board} />
        <tbody>{lines(ranked)}</tbody>
        {provisional.length > 0 && (
          <tbody class="provisional">
            <Divider
              columns={columns}
              text="Provisional: models are still missing in some setting, so there is no rank yet"
            />
            {lines(provisional)}
          </tbody>
        )}
        {board.references.length > 0 && (
          <tbody class="references">
            <Divider columns={columns} text="References, never ranked" />
            {lines(board.references)}
          </tbody>
        )}
      </table>
    </Scroll>
  );
}

export const TITLES = { retention_deviation: "retention deviation", indiscernibility: "indiscernibility" };
const OTHERS = { retention_deviation: "Indisc.", indiscernibility: "RetDev" };
const COUNTS = [
  ["G1", "settings in the best cluster"],
  ["G2", "settings in the middle cluster"],
  ["G3", "settings in the worst cluster"],
  ["F", "settings in which it failed"],
] as const;

function Head({ board }: { board: Leaderboard }) {
  return (
    <thead>
      <tr>
        <th scope="col" rowSpan={2} class="figure">
          Rank
        </th>
        <th scope="col" rowSpan={2}>
          Unlearner
        </th>
        {COUNTS.map(([name, meaning]) => (
          <th key={name} scope="col" rowSpan={2} class="figure">
            <abbr title={meaning}>{name}</abbr>
          </th>
        ))}
        {board.settings.map((setting) => (
          <th key={setting.id} scope="colgroup" colSpan={3} class="setting">
            {setting.dataset} · {setting.model}
            {setting.is_ambiguous && <abbr title="A tie left the cut between groups open"> *</abbr>}
          </th>
        ))}
      </tr>
      <tr>
        {board.settings.map((setting) => [
          <th key={`${setting.id} value`} scope="col" class="setting">
            {TITLES[board.metric]} {board.higher_is_better ? "↑" : "↓"}
          </th>,
          <th key={`${setting.id} other`} scope="col">
            <abbr title="The group by the other metric">{OTHERS[board.metric]}</abbr>
          </th>,
          <th key={`${setting.id} rte`} scope="col" class="figure">
            <abbr title="Run-time efficiency: retraining time divided by the method's own">RTE ↑</abbr>
          </th>,
        ])}
      </tr>
    </thead>
  );
}

const Divider = ({ columns, text }: { columns: number; text: string }) => (
  <tr class="divider">
    <th scope="rowgroup" colSpan={columns}>
      {text}
    </th>
  </tr>
);

function Line({ row, twin, name }: { row: BoardRow; twin: BoardRow | undefined; name: string }) {
  const counts = [row.g1, row.g2, row.g3, row.failed];
  return (
    <tr>
      <td class="figure rank">{row.rank ?? "–"}</td>
      <th scope="row">
        <span class="title">{name}</span> <code>{row.label}</code>
      </th>
      {counts.map((count, index) => (
        <td key={COUNTS[index]?.[0]} class="figure">
          {row.rank === null ? "" : count}
        </td>
      ))}
      {row.cells.map((cell, index) => [
        <td key={`${cell.setting} value`} class="setting">
          <Value cell={cell} />
        </td>,
        <td key={`${cell.setting} other`}>
          {twin?.cells[index]?.group && <GroupBadge group={twin.cells[index].group} />}
        </td>,
        <td key={`${cell.setting} rte`} class="figure">
          {factor(cell.runtime_efficiency)}
        </td>,
      ])}
    </tr>
  );
}

function Value({ cell }: { cell: BoardCell }) {
  return (
    <>
      {cell.group && <GroupBadge group={cell.group} />} <span class="mean">{number(cell.mean)}</span>{" "}
      <span class="quiet">{spread(cell.sd)}</span>
      {cell.state === "incomplete" && (
        <span class="quiet">
          {" "}
          {cell.seeds} of {cell.required_seeds} seeds
        </span>
      )}
    </>
  );
}

function nameOf(row: BoardRow, catalog: Catalog | null): string {
  const titles: Record<string, string> = { retrained: "Retrained", original: "Original" };
  return titles[row.unlearner] ?? catalog?.unlearners.find((info) => info.id === row.unlearner)?.name ?? "";
}
