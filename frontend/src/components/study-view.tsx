// One attack on single samples: its plots, and its figures for every method.
import type { Attack, Catalog } from "../api/client";
import { namesOf } from "../board";
import type { Table } from "../exports";
import { NOTHING, number, percent } from "../format";
import {
  attackOn,
  belowChance,
  figureCells,
  forgetsTooMuch,
  type MiaRow,
  methodOf,
  type Study,
  sampleText,
  strongest,
  subjectKey,
} from "../privacy";
import { Fact } from "./fact";
import { MethodLink } from "./method-link";
import { Scroll } from "./scroll";
import { HistogramFigure, RocFigure } from "./study-figures";
import { Titled } from "./titled";

interface Props {
  study: Study;
  /** Whose curves are shown; nobody's where only the references were attacked. */
  chosen: Attack | undefined;
  studies: Study[];
  mia: MiaRow[];
  catalog: Catalog;
}

export function StudyView({ study, chosen, studies, mia, catalog }: Props) {
  const name = (attack: Attack) => namesOf(methodOf(attack), catalog).title;
  const retrained = attackOn(study, "retrained");
  if (!chosen) return <p class="empty">This study attacked the reference models alone.</p>;
  const table = figureTable(study, studies, mia, name);
  return (
    <>
      <dl class="facts">
        <Fact name="Models of each method">
          {study.splits * study.forgetSets}: {study.splits} splits of {study.forgetSets} forget sets
        </Fact>
        <Fact name="Samples">{sampleText(chosen)}</Fact>
      </dl>
      {chosen.reason && <p class="notice">{`${name(chosen)} could not be attacked: ${chosen.reason}.`}</p>}
      {chosen.roc && <RocFigure study={study} chosen={chosen} name={name} />}
      {chosen.histogram && <HistogramFigure chosen={chosen} retrained={retrained} name={name(chosen)} />}
      <Titled title="Every method" table={table} />
      <FigureTable study={study} studies={studies} mia={mia} catalog={catalog} />
    </>
  );
}

const COLUMNS = [
  ["mean", "Accuracy", "Mean over samples of the attack's balanced accuracy; 0.5 is no trace", number],
  ["sd", "s.d.", "Standard deviation of that accuracy over samples; the paper's Figure 1 shows both", number],
  ["auc", "AUC", "All observations ranked together; 0.5 is no trace", number],
  ["tpr_at_fpr_1pct", "TPR at 1 % FPR", "Share of forgotten samples found at 1 % false alarms", percent],
  ["tpr_at_fpr_0.1pct", "TPR at 0.1 % FPR", "The same at 0.1 % false alarms", percent],
  ["p95", "95th percentile", "One sample in twenty is classified better than this", number],
] as const;

function figureTable(study: Study, studies: Study[], mia: MiaRow[], name: (attack: Attack) => string): Table {
  return {
    name: `lethe-privacy-${study.id}`,
    columns: [
      "method",
      ...COLUMNS.flatMap(([id]) => [id, `${id} low`, `${id} high`]),
      "samples",
      "strongest attack",
      "its accuracy",
      "over-unlearning",
      "reason",
    ],
    rows: study.attacks.map((attack) => {
      const best = strongest(methodOf(attack), studies, mia);
      return [
        name(attack),
        ...COLUMNS.flatMap(([id]) => figureCells(attack, id)),
        attack.num_attacked,
        best?.attack ?? null,
        best?.accuracy ?? null,
        flagsOf(attack, study, mia).join("; "),
        attack.reason,
      ];
    }),
  };
}

/** Signs that a method did more than forget; the references are what it is measured by. */
function flagsOf(attack: Attack, study: Study, mia: MiaRow[]): string[] {
  if (attack.is_calibration) return [];
  const runsOf = (key: string) => mia.find((row) => row.key === key)?.runs ?? [];
  return [
    ...belowChance(attack, attackOn(study, "retrained")),
    ...forgetsTooMuch(runsOf(subjectKey(attack)), runsOf("retrained")),
  ];
}

interface TableProps {
  study: Study;
  studies: Study[];
  mia: MiaRow[];
  catalog: Catalog;
}

const FigureTable = ({ study, studies, mia, catalog }: TableProps) => (
  <Scroll label="Every method">
    <table class="privacy">
      <caption>
        <span>With 95 % intervals that let splits vary; retrained models must be at chance</span>
      </caption>
      <thead>
        <tr>
          <th scope="col">Models</th>
          {COLUMNS.map(([id, title, meaning]) => (
            <th key={id} scope="col" class="figure">
              <abbr title={meaning}>{title}</abbr>
            </th>
          ))}
          <th scope="col">
            <abbr title="Of all attacks that were run on it here">Strongest attack known</abbr>
          </th>
          <th scope="col">
            <abbr title="An attack that does worse than a coin, or a forget accuracy far below retraining's: a leak as well">
              Over-unlearning
            </abbr>
          </th>
        </tr>
      </thead>
      <tbody>
        {study.attacks.map((attack) => (
          <Line
            key={attack.unit_id}
            attack={attack}
            best={strongest(methodOf(attack), studies, mia)}
            flags={flagsOf(attack, study, mia)}
            catalog={catalog}
          />
        ))}
      </tbody>
    </table>
  </Scroll>
);

interface LineProps {
  attack: Attack;
  best: ReturnType<typeof strongest>;
  flags: string[];
  catalog: Catalog;
}

const Line = ({ attack, best, flags, catalog }: LineProps) => (
  <tr>
    <th scope="row">
      <MethodLink method={methodOf(attack)} catalog={catalog} protocol="" />
      {attack.reason && <span class="why">{attack.reason}</span>}
    </th>
    {COLUMNS.map(([id, , , show]) => {
      const figure = attack.figures?.[id];
      return (
        <td key={id} class="figure">
          <span class="mean">{show(figure?.value)}</span>{" "}
          {figure?.low != null && (
            <span class="why">
              {show(figure.low)} to {show(figure.high)}
            </span>
          )}
        </td>
      );
    })}
    <td>
      {best
        ? `${catalog.attacks.find((info) => info.id === best.attack)?.title ?? best.attack}, ${number(best.accuracy)}`
        : NOTHING}
    </td>
    <td class="wide">{!attack.is_calibration && <Flags flags={flags} />}</td>
  </tr>
);

export const Flags = ({ flags }: { flags: string[] }) =>
  flags.length === 0 ? (
    <span class="quiet">no sign</span>
  ) : (
    flags.map((flag) => (
      <span key={flag} class="flag">
        <span aria-hidden="true">▲ </span>
        {flag}
      </span>
    ))
  );
