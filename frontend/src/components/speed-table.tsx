// Runtime efficiencies on two sides, such as the paper and here, by unlearner and dataset.
import type { Catalog } from "../api/client";
import { datasetTitle, namesOf } from "../board";
import { factor } from "../format";
import { MethodLink } from "./method-link";
import { TitledTable } from "./titled";

export interface Speed {
  unlearner: string;
  dataset: string;
  first: number | null;
  second: number | null;
}

interface Props {
  /** Of the file that it downloads as. */
  name: string;
  sides: readonly [string, string];
  speeds: Speed[];
  catalog: Catalog | null;
  protocol: string;
}

export function SpeedTable({ name, sides, speeds, catalog, protocol }: Props) {
  const unlearners = [...new Set(speeds.map(({ unlearner }) => unlearner))];
  const datasets = [...new Set(speeds.map(({ dataset }) => dataset))];
  const table = {
    name,
    columns: ["unlearner", "dataset", ...sides.map((side) => side.toLowerCase())],
    rows: speeds.map((each) => [
      namesOf({ unlearner: each.unlearner, variant: null }, catalog).title,
      each.dataset,
      each.first,
      each.second,
    ]),
  };
  return (
    <TitledTable title="Runtime efficiency on ResNet18" table={table}>
      <table class="speeds">
        <caption>
          <span>How many times faster than retraining; – where it was not measured</span>
        </caption>
        <thead>
          <tr>
            <th scope="col" rowSpan={2}>
              Unlearner
            </th>
            {datasets.map((dataset) => (
              <th key={dataset} scope="colgroup" colSpan={2} class="figure">
                {datasetTitle(dataset, catalog)}
              </th>
            ))}
          </tr>
          <tr>
            {datasets.flatMap((dataset) =>
              sides.map((side) => (
                <th key={dataset + side} scope="col" class="figure">
                  {side}
                </th>
              )),
            )}
          </tr>
        </thead>
        <tbody>
          {unlearners.map((unlearner) => (
            <tr key={unlearner}>
              <th scope="row">
                <MethodLink method={{ unlearner, variant: null }} catalog={catalog} protocol={protocol} />
              </th>
              {datasets.map((dataset) => (
                <Pair
                  key={dataset}
                  speed={speeds.find((each) => each.unlearner === unlearner && each.dataset === dataset)}
                />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </TitledTable>
  );
}

const Pair = ({ speed }: { speed: Speed | undefined }) => (
  <>
    <td class="figure quiet">{factor(speed?.first)}</td>
    <td class="figure">{factor(speed?.second)}</td>
  </>
);
