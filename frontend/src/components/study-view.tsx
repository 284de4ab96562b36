// One attack on single samples: its curve, its figures for every method, and how it does on each sample.
import { useCallback } from "preact/hooks";
import type { Attack, Catalog } from "../api/client";
import { namesOf } from "../board";
import type { Table } from "../exports";
import { NOTHING, number, percent } from "../format";
import { binsOf, drawAccuracies, spanOf } from "../plots/accuracies";
import { Figure, type Plotting } from "../plots/figure";
import { drawRoc, type RocCurve } from "../plots/roc";
import {
  accuraciesTitle,
  attackOn,
  belowChance,
  figureCells,
  forgetsTooMuch,
  type MiaRow,
  methodOf,
  rocTitle,
  type Study,
  sampleText,
  strongest,
  subjectKey,
} from "../privacy";
import { Fact } from "./fact";
import { MethodLink } from "./method-link";
import { Scroll } from "./scroll";
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

interface FigureProps {
  study: Study;
  chosen: Attack;
  name: (attack: Attack) => string;
}

function RocFigure({ study, chosen, name }: FigureProps) {
  const roleOf = (attack: Attack): RocCurve["role"] => {
    if (attack === chosen) return "chosen";
    return attack.is_calibration ? (attack.subject as "original" | "retrained") : "other";
  };
  const curves = study.attacks.flatMap((attack) =>
    attack.roc ? [{ name: name(attack), role: roleOf(attack), ...attack.roc }] : [],
  );
  const view = JSON.stringify(curves.map((curve) => [curve.name, curve.role, curve.tpr]));
  const draw = useCallback(
    (plotting: Plotting, width: number) => drawRoc(plotting, width, { curves }),
    [view],
  );
  const table: Table = {
    name: `lethe-roc-${study.id}-${subjectKey(chosen)}`,
    columns: ["models", "false-positive rate", "true-positive rate"],
    rows: curves.flatMap((curve) =>
      curve.fpr.map((rate, index) => [curve.name, rate, curve.tpr[index] ?? null]),
    ),
  };
  const auc = study.attacks.flatMap((attack) => {
    const found = attack.figures?.auc?.value;
    return found == null ? [] : [`${name(attack)} ${number(found)}`];
  });
  return (
    <Figure
      title={rocTitle(name(chosen), chosen, attackOn(study, "retrained"))}
      description={
        "True-positive rate over false-positive rate, both logarithmic. Dotted: chance, where retrained models lie. " +
        `Dashed: the original, which has had every sample. Area under the curve: ${auc.join(", ")}.`
      }
      table={table}
      draw={draw}
    />
  );
}

interface HistogramProps {
  chosen: Attack;
  retrained: Attack | undefined;
  name: string;
}

function HistogramFigure({ chosen, retrained, name }: HistogramProps) {
  const bins = chosen.histogram ? binsOf(chosen.histogram) : [];
  const usual = retrained?.histogram ? binsOf(retrained.histogram) : [];
  const view = JSON.stringify([bins, usual]);
  const draw = useCallback(
    (plotting: Plotting, width: number) => drawAccuracies(plotting, width, { bins, retrained: usual }),
    [view],
  );
  const table: Table = {
    name: `lethe-accuracies-${subjectKey(chosen)}`,
    columns: ["accuracy from", "to", `share of samples, ${name}`, "share of samples, Retrained"],
    rows: bins.map((bin, index) => [bin.from, bin.to, bin.share, usual[index]?.share ?? null]),
  };
  const [low, high] = spanOf(bins);
  const figures = chosen.figures ?? {};
  return (
    <Figure
      title={accuraciesTitle(name, chosen, retrained)}
      description={
        `How many samples the attack classifies how well, from ${number(low, 2)} to ${number(high, 2)}; ` +
        `median ${number(figures.median?.value)}, 95th percentile ${number(figures.p95?.value)}. ` +
        "The line is the same for retrained models."
      }
      table={table}
      draw={draw}
    />
  );
}

const COLUMNS = [
  ["mean", "Accuracy", "Mean over samples of the attack's balanced accuracy; 0.5 is no trace", number],
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
        <span>With 95 % intervals by a bootstrap over splits; retrained models must be at chance</span>
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
              {show(inRange(figure.low))} to {show(inRange(figure.high))}
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

/** Ends of an interval that a bootstrap moved beyond what the figure can be are not shown there. */
const inRange = (value: number | null): number | null =>
  value === null ? null : Math.min(Math.max(value, 0), 1);

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
