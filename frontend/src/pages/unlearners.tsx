// All unlearners that can be asked for.
import { type Catalog, getCatalog } from "../api/client";
import { Source } from "../components/source";
import { Shown } from "../components/states";
import { TitledTable } from "../components/titled";
import type { Table } from "../exports";
import { counted } from "../format";
import { useLoaded } from "../loading";

export function UnlearnersPage() {
  const catalog = useLoaded(getCatalog, "catalog");
  return (
    <main>
      <h1>Unlearners</h1>
      <p class="lead">
        What can be asked for, with the paper or the repository that each comes from and the sets that it is
        given. No unlearner sees the test set or a retrained model.
      </p>
      <Shown what="the catalogue" loaded={catalog}>
        {({ unlearners }) => <List unlearners={unlearners} />}
      </Shown>
    </main>
  );
}

const tableOf = (unlearners: Catalog["unlearners"]): Table => ({
  name: "lethe-unlearners",
  columns: ["id", "title", "name", "sets", "source"],
  rows: unlearners.map((info) => [info.id, info.title, info.name, info.uses.join(" "), info.source]),
});

const List = ({ unlearners }: { unlearners: Catalog["unlearners"] }) => (
  <TitledTable
    title={`${counted(unlearners.length, "unlearner")} installed here`}
    table={tableOf(unlearners)}
  >
    <table>
      <thead>
        <tr>
          <th scope="col">Unlearner</th>
          <th scope="col">Name</th>
          <th scope="col">Sets that it reads</th>
          <th scope="col">Source</th>
        </tr>
      </thead>
      <tbody>
        {unlearners.map((info) => (
          <tr key={info.id}>
            <th scope="row">
              <a href={`/unlearners/${info.id}`}>{info.title}</a>
            </th>
            <td>{info.name}</td>
            <td>{info.uses.join(", ") || "none"}</td>
            <td class="wide">
              <Source text={info.source} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </TitledTable>
);
