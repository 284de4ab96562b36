// The paper beside this service: ranks, runtime efficiencies, and which of its claims hold here.
import { useCallback } from "preact/hooks";
import { type Catalog, getCatalog, getClaims, getPaper, type Metric, type Paper } from "../api/client";
import { METRIC_TITLES, metricIn, namesOf, protocolIn } from "../board";
import { ClaimsTable } from "../components/claims-table";
import { Facets, MetricFacet, ProtocolFacet } from "../components/facets";
import { MethodLink } from "../components/method-link";
import { SpeedTable } from "../components/speed-table";
import { Shown } from "../components/states";
import { TitledTable } from "../components/titled";
import type { Table } from "../exports";
import { counted, NOTHING } from "../format";
import { useLoaded } from "../loading";
import { Figure, type Plotting } from "../plots/figure";
import { drawSlopes } from "../plots/slopes";
import type { Place } from "../router";

export function PaperPage({ place }: { place: Place }) {
  const metric = metricIn(place.query);
  const protocol = protocolIn(place.query);
  const catalog = useLoaded(getCatalog, "catalog");
  const paper = useLoaded(() => getPaper(protocol), protocol);
  const claims = useLoaded(() => getClaims(protocol), protocol);
  return (
    <main>
      <h1>The paper, and what comes out here</h1>
      <p class="lead">
        What Cadet et al. 2024, Deep Unlearn, printed for its nine settings, beside what a protocol&rsquo;s
        runs came to here. Only a protocol with the paper&rsquo;s settings can be expected to agree.{" "}
        <a href={`/snapshots/diff?${new URLSearchParams({ from: "paper", protocol, metric })}`}>
          What differs, row by row
        </a>
      </p>
      <Facets>
        <MetricFacet place={place} />
        <ProtocolFacet place={place} catalog={catalog.data} />
      </Facets>
      <Shown what="the paper's tables" loaded={paper}>
        {(data) => (
          <>
            <Ranks paper={data} metric={metric} catalog={catalog.data} />
            <SpeedTable
              name="lethe-paper-runtime-efficiency"
              sides={["Paper", "Here"]}
              speeds={data.speeds.map(({ paper, here, ...of }) => ({ ...of, first: paper, second: here }))}
              catalog={catalog.data}
              protocol={protocol}
            />
          </>
        )}
      </Shown>
      <Shown what="the claims" loaded={claims}>
        {(data) => <ClaimsTable claims={data.claims} protocol={protocol} />}
      </Shown>
    </main>
  );
}

interface RanksProps {
  paper: Paper;
  metric: Metric;
  catalog: Catalog | null;
}

function Ranks({ paper, metric, catalog }: RanksProps) {
  const title = (unlearner: string) => namesOf({ unlearner, variant: null }, catalog).title;
  const rows = paper.ranks
    .filter((row) => row.metric === metric)
    .sort((one, other) => one.paper.rank - other.paper.rank);
  const table: Table = {
    name: `lethe-paper-${metric}`,
    columns: [
      "unlearner",
      "paper rank",
      "paper G1",
      "paper G2",
      "paper G3",
      "paper F",
      "rank",
      "G1",
      "G2",
      "G3",
      "F",
    ],
    rows: rows.map(({ unlearner, paper: there, here }) => [
      title(unlearner),
      ...[there.rank, there.g1, there.g2, there.g3, there.failed],
      ...(here ? [here.rank, here.g1, here.g2, here.g3, here.failed] : [null, null, null, null, null]),
    ]),
  };
  return (
    <>
      <RankFigure rows={rows} metric={metric} title={title} table={table} />
      <TitledTable title="Ranks and groups" table={table}>
        <table class="paper-ranks">
          <caption>
            <span>
              By {METRIC_TITLES[metric].toLowerCase()}, among the reference unlearners that have a rank: rank,
              then settings in G1, G2, G3 and failed
            </span>
          </caption>
          <thead>
            <tr>
              <th scope="col">Unlearner</th>
              {["Paper", "Here"].map((side) => (
                <th key={side} scope="col" class="figure">
                  {side}: rank
                </th>
              ))}
              {["Paper", "Here"].map((side) => (
                <th key={side} scope="col">
                  {side}: G1 · G2 · G3 · F
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(({ unlearner, paper: there, here }) => (
              <tr key={unlearner}>
                <th scope="row">
                  <MethodLink
                    method={{ unlearner, variant: null }}
                    catalog={catalog}
                    protocol={paper.protocol}
                  />
                </th>
                <td class="figure">{there.rank}</td>
                <td class="figure">{here?.rank ?? NOTHING}</td>
                <td>{countsOf(there)}</td>
                <td>{here ? countsOf(here) : NOTHING}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </TitledTable>
    </>
  );
}

type Standing = Paper["ranks"][number]["paper"];

const countsOf = ({ g1, g2, g3, failed }: Standing): string => [g1, g2, g3, failed].join(" · ");

interface RankFigureProps {
  rows: Paper["ranks"];
  metric: Metric;
  title: (unlearner: string) => string;
  table: Table;
}

function RankFigure({ rows, metric, title, table }: RankFigureProps) {
  const slopes = rows.flatMap(({ unlearner, paper, here }) =>
    here ? [{ name: title(unlearner), paper: paper.rank, here: here.rank }] : [],
  );
  const view = JSON.stringify(slopes);
  const draw = useCallback(
    (plotting: Plotting, width: number) => drawSlopes(plotting, width, { slopes }),
    [view],
  );
  if (slopes.length === 0) {
    return <p class="empty">No reference unlearner has a rank here yet, so there is nothing to compare.</p>;
  }
  const same = slopes.filter(({ paper, here }) => paper === here).length;
  const what = `${same} of ${counted(slopes.length, "unlearner")} rank here as in the paper`;
  const description = slopes.map(({ name, paper, here }) => `${name}: ${paper} and ${here}`).join("; ");
  return (
    <Figure
      title={`${what}, by ${METRIC_TITLES[metric].toLowerCase()}`}
      reading="A line per unlearner from its rank in the paper to its rank here; those that keep it are blue."
      description={`${description}.`}
      table={table}
      draw={draw}
    />
  );
}
