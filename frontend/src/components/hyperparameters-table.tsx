// What an unlearner can be given, with defaults, bounds and search spaces.
import type { Catalog } from "../api/client";
import { hyperparametersOf } from "../hyperparameters";
import { Scroll } from "./scroll";

type Info = Pick<Catalog["unlearners"][number], "hyperparameters">;

export const HyperparametersTable = ({ info }: { info: Info }) => (
  <Scroll label="Hyperparameters">
    <table class="hyperparameters">
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col" class="figure">
            Default
          </th>
          <th scope="col">Bounds</th>
          <th scope="col">Search space</th>
          <th scope="col">Meaning</th>
        </tr>
      </thead>
      <tbody>
        {hyperparametersOf(info.hyperparameters).map((each) => (
          <tr key={each.name}>
            <th scope="row">
              <code>{each.name}</code>
            </th>
            <td class="figure">{each.fallback}</td>
            <td>{each.bounds}</td>
            <td>{each.search}</td>
            <td class="wide">{each.meaning}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </Scroll>
);
