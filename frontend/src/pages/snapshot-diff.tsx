// What moved between two frozen boards, or until now, and why.
import {
  type BoardChange,
  type Catalog,
  getCatalog,
  getSnapshotDiff,
  getSnapshots,
  type RowChange,
  type SnapshotDifference,
} from "../api/client";
import { METRIC_TITLES, metricIn, protocolIn } from "../board";
import { Downloads } from "../components/downloads";
import { Facet, Facets, MetricFacet, ProtocolFacet } from "../components/facets";
import { GroupBadge } from "../components/group-badge";
import { Scroll } from "../components/scroll";
import { Shown } from "../components/states";
import { counted, factor, NOTHING } from "../format";
import { useLoaded } from "../loading";
import { go, type Place, withChoices } from "../router";
import { countsOf, NOW, PAPER, rankOf, tableOfMoves, titleOfLabel } from "../snapshots";

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
              {board && <Moves board={board} catalog={catalog.data} />}
              <Speeds speeds={data.speeds} catalog={catalog.data} />
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
}

const AGREEMENTS = [
  ["ranks", "ranks"],
  ["counts", "group counts"],
  ["groups", "cells\u2019 groups"],
] as const;

function Moves({ board, catalog }: MovesProps) {
  const { moved, updated, unchanged } = board;
  const same = AGREEMENTS.filter(([name]) => board[name].shared > 0)
    .map(([name, title]) => `${board[name].same} of ${board[name].shared} ${title}`)
    .join(", ");
  const hasCells = moved.some((row) => row.cells.length > 0); // the paper tells none apart
  const names = updated.map((label) => titleOfLabel(label, catalog)).join(", ");
  return (
    <>
      <div class="bar">
        <h2>
          {counted(moved.length, "row")} moved, by {METRIC_TITLES[board.metric].toLowerCase()}
        </h2>
        <Downloads table={tableOfMoves(`lethe-moves-${board.metric}`, moved)} />
      </div>
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
                <Move
                  key={row.label}
                  row={row}
                  title={titleOfLabel(row.label, catalog)}
                  hasCells={hasCells}
                />
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
  title: string;
  hasCells: boolean;
}

const Move = ({ row, title, hasCells }: MoveProps) => (
  <tr>
    <th scope="row">{title}</th>
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

interface SpeedsProps {
  speeds: SnapshotDifference["speeds"];
  catalog: Catalog | null;
}

function Speeds({ speeds, catalog }: SpeedsProps) {
  if (speeds.length === 0) return null;
  const table = {
    name: "lethe-speeds",
    columns: ["unlearner", "dataset", "before", "after"],
    rows: speeds.map((each) => [each.unlearner, each.dataset, each.before, each.after]),
  };
  return (
    <>
      <div class="bar">
        <h2>Runtime efficiency on ResNet18</h2>
        <Downloads table={table} />
      </div>
      <Scroll label="Runtime efficiency on ResNet18">
        <table class="speeds">
          <thead>
            <tr>
              <th scope="col">Unlearner</th>
              <th scope="col">Dataset</th>
              <th scope="col" class="figure">
                Before
              </th>
              <th scope="col" class="figure">
                After
              </th>
            </tr>
          </thead>
          <tbody>
            {speeds.map((each) => (
              <tr key={each.unlearner + each.dataset}>
                <th scope="row">{titleOfLabel(each.unlearner, catalog)}</th>
                <td>{each.dataset}</td>
                <td class="figure">{factor(each.before)}</td>
                <td class="figure">{factor(each.after)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </>
  );
}
