// All frozen boards, and how to freeze another.
import { useState } from "preact/hooks";
import { createSnapshot, getCatalog, getSnapshots, inWords, type Snapshot } from "../api/client";
import { protocolIn } from "../board";
import { ProtocolFacet } from "../components/facets";
import { Shown } from "../components/states";
import { Moment } from "../components/time";
import { TitledTable } from "../components/titled";
import { count } from "../format";
import { useLoaded } from "../loading";
import { go, type Place } from "../router";

const SHOWN_DIGITS = 12;

export function SnapshotsPage({ place }: { place: Place }) {
  const snapshots = useLoaded(getSnapshots, "snapshots");
  return (
    <main>
      <h1>Boards that can be cited</h1>
      <p class="lead">
        A board changes with every result. A snapshot is a board as it was at one moment: nobody can change
        it, and anyone can check it by its hash.
      </p>
      <Freeze place={place} />
      <Shown what="the snapshots" loaded={snapshots}>
        {(items) => <List items={items} />}
      </Shown>
    </main>
  );
}

/** Only administrators may; the service says so to others. */
function Freeze({ place }: { place: Place }) {
  const catalog = useLoaded(getCatalog, "catalog");
  const protocol = protocolIn(place.query);
  const [title, setTitle] = useState("");
  const [refusal, setRefusal] = useState<string | null>(null);
  const freeze = async () => {
    try {
      const made = await createSnapshot(protocol, title.trim());
      go(`/snapshots/${made.id}`);
    } catch (error) {
      setRefusal(inWords(error));
    }
  };
  return (
    <form
      class="facets"
      onSubmit={(event) => {
        event.preventDefault();
        void freeze();
      }}
    >
      <ProtocolFacet place={place} catalog={catalog.data} />
      <label class="facet">
        Title
        <input
          type="text"
          name="title"
          maxLength={200}
          placeholder="The protocol and the date"
          value={title}
          onInput={(event) => setTitle(event.currentTarget.value)}
        />
      </label>
      <button type="submit">Freeze the board</button>
      {refusal && (
        <p class="notice bad" role="alert">
          The board was not frozen: {refusal}
        </p>
      )}
    </form>
  );
}

function List({ items }: { items: Snapshot[] }) {
  const table = {
    name: "lethe-snapshots",
    columns: ["id", "title", "protocol", "tier", "frozen", "results", "sha256", "owner"],
    rows: items.map((each) => [
      ...[each.id, each.title, each.protocol, each.tier, each.created_at],
      ...[each.num_results, each.sha256, each.owner],
    ]),
  };
  return (
    <TitledTable title="Snapshots" table={table}>
      <table class="snapshots">
        <thead>
          <tr>
            <th scope="col">Snapshot</th>
            <th scope="col">Protocol</th>
            <th scope="col">Frozen</th>
            <th scope="col" class="figure">
              Results
            </th>
            <th scope="col">
              <abbr title="The first digits of the SHA-256 of its content">Hash</abbr>
            </th>
            <th scope="col">Compare</th>
          </tr>
        </thead>
        <tbody>
          {items.map((each) => (
            <tr key={each.id}>
              <th scope="row">
                <a href={`/snapshots/${each.id}`}>{each.title}</a>
              </th>
              <td>{each.protocol}</td>
              <td>{each.created_at ? <Moment at={each.created_at} /> : "as printed"}</td>
              <td class="figure">{count(each.num_results)}</td>
              <td>
                <code>{each.sha256.slice(0, SHOWN_DIGITS)}</code>
              </td>
              <td>
                <a href={`/snapshots/diff?${new URLSearchParams({ from: each.id })}`}>
                  What moved <span class="unseen">since {each.title}</span>
                </a>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </TitledTable>
  );
}
