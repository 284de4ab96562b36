// What the ranks hang on: chance in the model seeds, and choices that could have been made otherwise.
import { useCallback } from "preact/hooks";
import { alikeGroups, lettersOf } from "../alike";
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
import { intervalOf, METRIC_TITLES, metricIn, namesOf, protocolIn } from "../board";
import { Facets, MetricFacet, ProtocolFacet } from "../components/facets";
import { MethodLink } from "../components/method-link";
import { Shown } from "../components/states";
import { TitledTable } from "../components/titled";
import type { Table } from "../exports";
import { NOTHING } from "../format";
import { useLoaded } from "../loading";
import { Figure, type Plotting } from "../plots/figure";
import { drawRankSpans } from "../plots/rank-spans";
import type { Place } from "../router";
import { type Alternative, isOfPart, movedText, spansOf, spanTitle } from "../sensitivity";

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

function Rankings({ found, catalog }: Props) {
  const { sensitivity } = found;
  const whole = sensitivity.alternatives.filter((alternative) => !isOfPart(alternative));
  const parts = sensitivity.alternatives.filter(isOfPart);
  return (
    <>
      <SpanFigure found={found} catalog={catalog} />
      <Ranks
        title="Ranked otherwise"
        name="otherwise"
        alternatives={whole}
        found={found}
        catalog={catalog}
        withChance
      />
      {parts.length > 0 && (
        <Ranks
          title="Each model and each dataset alone"
          name="alone"
          alternatives={parts}
          found={found}
          catalog={catalog}
        />
      )}
      <Alike found={found} catalog={catalog} />
    </>
  );
}

const titlesOf = ({ board }: Found, catalog: Catalog | null): Map<string, string> =>
  new Map(board.rows.map((row) => [row.label, namesOf(row, catalog).title]));

function SpanFigure({ found, catalog }: Props) {
  const titles = titlesOf(found, catalog);
  const titleOf = (label: string) => titles.get(label) ?? label;
  const sure = new Map(found.uncertainty.rows.map((row) => [row.label, row.over_seeds]));
  const spans = spansOf(found.sensitivity).map((span) => ({
    ...span,
    name: titleOf(span.label),
    drawn: sure.get(span.label) ?? null,
  }));
  const view = JSON.stringify(spans);
  const draw = useCallback(
    (plotting: Plotting, width: number) => drawRankSpans(plotting, width, { spans }),
    [view],
  );
  const table: Table = {
    name: `lethe-rank-spans-${found.board.metric}`,
    columns: ["unlearner", "rank", "best rank otherwise", "worst rank otherwise", "95 % low", "95 % high"],
    rows: spans.map((span) => [
      span.name,
      span.rank,
      span.low,
      span.high,
      span.drawn?.low ?? null,
      span.drawn?.high ?? null,
    ]),
  };
  return (
    <Figure
      title={spanTitle(spans, titleOf)}
      description={
        "A filled dot at each unlearner's rank, an open dot at its rank in every other ranking of all settings, " +
        `and a band where it lies in 95 % of the draws of the model seeds: ${spans
          .map((span) => `${span.name} ${span.rank}, ${span.low} to ${span.high}`)
          .join("; ")}.`
      }
      table={table}
      draw={draw}
    />
  );
}

interface RanksProps extends Props {
  title: string;
  name: string;
  alternatives: Alternative[];
  /** Also show how sure the board's own ranks are. */
  withChance?: boolean;
}

function Ranks({ title, name, alternatives, found, catalog, withChance = false }: RanksProps) {
  const { board, uncertainty } = found;
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
    <section>
      <TitledTable title={title} table={table}>
        <table class="ranks">
          <caption>
            <span>
              Ranks by {METRIC_TITLES[board.metric].toLowerCase()}; those that differ from the board&rsquo;s
              are marked
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
                    <td class="figure quiet">{spelt(sure.get(row.label)?.over_settings ?? null)}</td>
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
    </section>
  );
}

const spelt = (interval: { low: number; high: number } | null): string => {
  if (interval === null) return NOTHING;
  return interval.low === interval.high ? `${interval.low}` : `${interval.low}–${interval.high}`;
};

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

function Alike({ found, catalog }: Props) {
  const titles = titlesOf(found, catalog);
  const groups = alikeGroups(found.uncertainty.rows);
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
                <dd>{group.labels.map((label) => titles.get(label) ?? label).join(", ")}</dd>
              </div>
            ))}
          </dl>
        </>
      )}
    </section>
  );
}
