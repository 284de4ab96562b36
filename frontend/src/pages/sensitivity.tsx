// What the ranks hang on: chance in the model seeds, and choices that could have been made otherwise.
import { alikeGroups } from "../alike";
import {
  type Catalog,
  getBoard,
  getCatalog,
  getSensitivity,
  getUncertainty,
  type Leaderboard,
  type Sensitivity,
  type Uncertainty,
} from "../api/client";
import { metricIn, namesOf, protocolIn } from "../board";
import { Facets, MetricFacet, ProtocolFacet } from "../components/facets";
import { RankSpansFigure } from "../components/rank-spans-figure";
import { RanksTable } from "../components/ranks-table";
import { Shown } from "../components/states";
import { useLoaded } from "../loading";
import type { Place } from "../router";
import { isOfPart } from "../sensitivity";

const REFRESH_SECONDS = 60;

interface Found {
  board: Leaderboard;
  sensitivity: Sensitivity;
  uncertainty: Uncertainty;
}

export function SensitivityPage({ place }: { place: Place }) {
  const metric = metricIn(place.query);
  const protocol = protocolIn(place.query);
  const filters = { protocol, metric, dataset: "", model: "", setting: "", cohort: "reference" } as const;
  const catalog = useLoaded(getCatalog, "catalog");
  const load = async (): Promise<Found> => {
    const [board, sensitivity, uncertainty] = await Promise.all([
      getBoard(filters),
      getSensitivity(filters),
      getUncertainty(filters),
    ]);
    return { board, sensitivity, uncertainty };
  };
  const found = useLoaded(load, protocol + metric, REFRESH_SECONDS);
  return (
    <main>
      <h1>What the ranks hang on</h1>
      <p class="lead">
        A rank rests on the model seeds that were drawn and on choices that could have been made otherwise:
        how groups are cut, on which scale, on which seeds, in which settings. Here are the same results,
        ranked in all of these ways. How fast the unlearners are, beside the paper&rsquo;s Table 2, is on the{" "}
        <a href="/paper">page of the paper</a>.
      </p>
      <Facets>
        <MetricFacet place={place} />
        <ProtocolFacet place={place} catalog={catalog.data} />
      </Facets>
      <Shown what="the rankings" loaded={found}>
        {(data) =>
          data.board.rows.some((row) => row.rank !== null) ? (
            <Rankings found={data} catalog={catalog.data} />
          ) : (
            <p class="empty">
              No unlearner has a rank under {data.board.protocol} yet. <a href="/jobs/new">Submit a job</a> to
              give them one.
            </p>
          )
        }
      </Shown>
    </main>
  );
}

interface Props {
  found: Found;
  catalog: Catalog | null;
}

function Rankings({ found: { board, sensitivity, uncertainty }, catalog }: Props) {
  const whole = sensitivity.alternatives.filter((alternative) => !isOfPart(alternative));
  const parts = sensitivity.alternatives.filter(isOfPart);
  const titles = new Map(board.rows.map((row) => [row.label, namesOf(row, catalog).title]));
  const titleOf = (label: string) => titles.get(label) ?? label;
  const ranks = { board, uncertainty, catalog };
  return (
    <>
      <RankSpansFigure sensitivity={sensitivity} uncertainty={uncertainty} titleOf={titleOf} />
      <RanksTable title="Ranked otherwise" name="otherwise" alternatives={whole} withChance {...ranks} />
      {parts.length > 0 && (
        <RanksTable title="Each model and each dataset alone" name="alone" alternatives={parts} {...ranks} />
      )}
      <Alike uncertainty={uncertainty} titleOf={titleOf} />
    </>
  );
}

interface AlikeProps {
  uncertainty: Uncertainty;
  titleOf: (label: string) => string;
}

function Alike({ uncertainty, titleOf }: AlikeProps) {
  const groups = alikeGroups(uncertainty.rows);
  return (
    <section>
      <h2>Who cannot be told apart</h2>
      {groups.length === 0 ? (
        <p>Every unlearner is strictly ahead of or behind every other in 95 % of the draws.</p>
      ) : (
        <>
          <p class="lead">
            In each of these groups no unlearner is strictly ahead of another in 95 % of the draws of the
            model seeds, so their order says nothing. The board shows the letters.
          </p>
          <dl class="legend">
            {groups.map((group) => (
              <div key={group.letter} class="pair">
                <dt>{group.letter}</dt>
                <dd>{group.labels.map(titleOf).join(", ")}</dd>
              </div>
            ))}
          </dl>
        </>
      )}
    </section>
  );
}
