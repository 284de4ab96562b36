// One attack on single samples as plots: its curve, and how it does on each sample.
import { useCallback } from "preact/hooks";
import type { Attack } from "../api/client";
import type { Table } from "../exports";
import { number } from "../format";
import { binsOf, drawAccuracies, spanOf } from "../plots/accuracies";
import { Figure, type Plotting } from "../plots/figure";
import { drawRoc, type RocCurve } from "../plots/roc";
import { accuraciesTitle, attackOn, rocTitle, type Study, subjectKey } from "../privacy";

interface FigureProps {
  study: Study;
  chosen: Attack;
  name: (attack: Attack) => string;
}

export function RocFigure({ study, chosen, name }: FigureProps) {
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
      reading="Bold: the method of the title; thin: the other methods. Dashed: the original, which has had every sample. Dotted: retrained models, which lie at chance."
      description={`True-positive rate over false-positive rate, both logarithmic. Area under the curve: ${auc.join(", ")}.`}
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

export function HistogramFigure({ chosen, retrained, name }: HistogramProps) {
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
      reading={`How many samples the attack classifies how well. Bars: ${name}. Line: retrained models. Dashed: chance.`}
      description={
        `From ${number(low, 2)} to ${number(high, 2)}; ` +
        `median ${number(figures.median?.value)}, 95th percentile ${number(figures.p95?.value)}.`
      }
      table={table}
      draw={draw}
    />
  );
}
