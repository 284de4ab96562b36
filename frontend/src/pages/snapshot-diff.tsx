// What moved between two frozen boards, or until now, and why.
import {
  type BoardChange,
  type Catalog,
  getCatalog,
  getSnapshotDiff,
  getSnapshots,
  type RowChange,
} from "../api/client";
import { METRIC_TITLES, metricIn, namesOf, protocolIn } from "../board";
import { Facet, Facets, MetricFacet, ProtocolFacet } from "../components/facets";
import { GroupBadge } from "../components/group-badge";
import { MethodLink } from "../components/method-link";
import { Scroll } from "../components/scroll";
import { SpeedTable } from "../components/speed-table";
import { Shown } from "../components/states";
import { Titled } from "../components/titled";
import { counted, NOTHING } from "../format";
import { useLoaded } from "../loading";
import { go, type Place, withChoices } from "../router";
import { countsOf, methodOfLabel, NOW, PAPER, rankOf, tableOfMoves } from "../snapshots";

export function SnapshotDiffPage({ place }: { place: Place }) {
  const metric = metricIn(place.query);
  const from = place.query.get("from") ?? PAPER;
  const to = place.query.get("to") ?? NOW;
  const protocol = protocolIn(place.query);
  const catalog = useLoaded(getCatalog, "catalog");
  const snapshots = useLoaded(getSnapshots, "snapshots");
  const found = useLoaded(() => getSnapshotDiff(from, to, protocol), from + to + protocol);
  const choose = (choices: Record<string, string>) => go(withChoices(place, choices));
  const known = (snapshots.data ?? []).map((each) => [each.id, each.title] as const);
  return (
    <main>
      <h1>What moved, and why</h1>
      <p class="lead">
        Every row whose rank or groups differ between two snapshots, with what caused it: new runs, new
        unlearners, a revision, or others that moved.
      </p>
      <Facets>
        <MetricFacet place={place} />
        <Facet name="From" value={from} options={known} onChoose={(value) => choose({ from: value })} />
        <Facet
          name="To"
          value={to}
          options={[[NOW, "Now"], ...known]}
          onChoose={(value) => choose({ to: value })}
        />
        {from === PAPER && to === NOW && <ProtocolFacet place={place} catalog={catalog.data} />}
      </Facets>
      <Shown what="what moved" loaded={found}>
        {(data) => {
          const board = data.boards.find((each) => each.metric === metric);
          return (
            <>
              {data.notes.map((note) => (
                <p key={note} class="notice">
                  {note}
                </p>
              ))}
              {board && <Moves board={board} catalog={catalog.data} protocol={protocol} />}
              {data.speeds.length > 0 && (
                <SpeedTable
                  name="lethe-speeds"
                  sides={["Before", "After"]}
                  speeds={data.speeds.map(({ before, after, ...of }) => ({
                    ...of,
                    first: before,
                    second: after,
                  }))}
                  catalog={catalog.data}
                  protocol={protocol}
                />
              )}
            </>
          );
        }}
      </Shown>
    </main>
  );
}

interface MovesProps {
  board: BoardChange;
  catalog: Catalog | null;
  protocol: string;
}

const AGREEMENTS = [
  ["ranks", "ranks"],
  ["counts", "group counts"],
  ["groups", "cells\u2019 groups"],
] as const;

function Moves({ board, catalog, protocol }: MovesProps) {
  const { moved, updated, unchanged } = board;
  const same = AGREEMENTS.filter(([name]) => board[name].shared > 0)
    .map(([name, title]) => `${board[name].same} of ${board[name].shared} ${title}`)
    .join(", ");
  const hasCells = moved.some((row) => row.cells.length > 0); // the paper tells none apart
  const names = updated.map((label) => namesOf(methodOfLabel(label), catalog).title).join(", ");
  return (
    <>
      <Titled
        title={`${counted(moved.length, "row")} moved, by ${METRIC_TITLES[board.metric].toLowerCase()}`}
        table={tableOfMoves(`lethe-moves-${board.metric}`, moved)}
      />
      <p>
        The same on both: {same || "nothing that both have"}. {counted(unchanged, "row")} unchanged
        {names && `; other results, same place: ${names}`}.
      </p>
      {moved.length === 0 ? (
        <p class="empty">Nobody stands elsewhere.</p>
      ) : (
        <Scroll label="Rows that moved">
          <table class="moves">
            <thead>
              <tr>
                <th scope="col">Unlearner</th>
                <th scope="col">Rank</th>
                <th scope="col">G1 · G2 · G3 · F</th>
                {hasCells && <th scope="col">Cells</th>}
                <th scope="col">Why</th>
              </tr>
            </thead>
            <tbody>
              {moved.map((row) => (
                <Move key={row.label} row={row} catalog={catalog} protocol={protocol} hasCells={hasCells} />
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </>
  );
}

interface MoveProps {
  row: RowChange;
  catalog: Catalog | null;
  protocol: string;
  hasCells: boolean;
}

const Move = ({ row, catalog, protocol, hasCells }: MoveProps) => (
  <tr>
    <th scope="row">
      <MethodLink method={methodOfLabel(row.label)} catalog={catalog} protocol={protocol} />
    </th>
    <td>
      {rankOf(row.before)} → {rankOf(row.after)}
      {row.is_within_interval && <span class="why">within its earlier interval</span>}
    </td>
    <td>
      {countsOf(row.before)} → {countsOf(row.after)}
    </td>
    {hasCells && (
      <td>
        {row.cells.map((cell) => (
          <span key={cell.dataset + cell.model} class="change">
            {cell.dataset} · {cell.model}: {cell.before ? <GroupBadge group={cell.before} /> : NOTHING} →{" "}
            {cell.after ? <GroupBadge group={cell.after} /> : NOTHING}
          </span>
        ))}
      </td>
    )}
    <td class="wide">
      {row.causes.map((cause) => (
        <span key={cause.text} class="change">
          {cause.text}
        </span>
      ))}
    </td>
  </tr>
);
