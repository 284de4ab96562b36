// What attacks found: studies of single samples, U-MIA over whole forget sets, and forgetting that shows.
import type { Attack, Catalog, Result } from "./api/client";
import type { Value } from "./exports";
import { counted, percent } from "./format";
import { isReference, keyOf, type Method, momentsOf, paired, usable } from "./methods";

/** What no trace gives: the attack is right as often as a coin. */
export const CHANCE = 0.5;
const GIVEN = "given";
const INDISCERNIBILITY = "indiscernibility_test";
const SIGMAS = 3; // how many standard errors, or deviations, a difference from retrained models must have

/** One attack on all methods of a setting, with the models that calibrate it. */
export interface Study {
  id: string;
  attack: string;
  out: string;
  splits: number;
  forgetSets: number;
  /** One on each method, the references first: the newest whose hyperparameters nobody gave, if there is one. */
  attacks: Attack[];
}

export const methodOf = ({ subject, variant }: Pick<Attack, "subject" | "variant">): Method => ({
  unlearner: subject,
  variant,
});

/** An attacked method as addresses name it: `ft`, or `bt:fixed`. */
export const subjectKey = (attack: Attack): string => keyOf(methodOf(attack));

/** The studies among the attacks beside a setting, that of the most models first. */
export function studiesOf(attacks: Attack[]): Study[] {
  const studies = new Map<string, Study>();
  for (const attack of attacks) {
    const id = [attack.attack, attack.out, `${attack.splits}x${attack.forget_sets}`].join("-");
    const study = studies.get(id) ?? {
      id,
      attack: attack.attack,
      out: attack.out,
      splits: attack.splits,
      forgetSets: attack.forget_sets,
      attacks: [],
    };
    studies.set(id, study);
    const known = study.attacks.findIndex((other) => subjectKey(other) === subjectKey(attack));
    if (known < 0)
      study.attacks.push(attack); // they come newest first
    else if (study.attacks[known]?.tuning === GIVEN && attack.tuning !== GIVEN) study.attacks[known] = attack;
  }
  for (const study of studies.values()) study.attacks.sort(inOrder);
  const models = (study: Study) => study.splits * study.forgetSets;
  return [...studies.values()].sort((one, other) => models(other) - models(one));
}

/** The references first, then the attack that finds the least; those that could not be attacked last. */
function inOrder(one: Attack, other: Attack): number {
  const key = (attack: Attack) =>
    attack.is_calibration ? -1 : (attack.mean_accuracy ?? Number.POSITIVE_INFINITY);
  if (one.is_calibration && other.is_calibration) return other.subject.localeCompare(one.subject);
  return key(one) < key(other) ? -1 : 1;
}

const OUT_TITLES: Record<string, string> = {
  retrain: "against retrained models",
  same_method: "against the method's own models",
};

export const studyTitle = (study: Study, catalog: Catalog | null): string =>
  [
    catalog?.attacks.find((info) => info.id === study.attack)?.title ?? study.attack,
    OUT_TITLES[study.out] ?? study.out,
    `${study.splits} × ${study.forgetSets} models`,
  ].join(", ");

export const attackOn = (study: Study, subject: string): Attack | undefined =>
  study.attacks.find((attack) => subjectKey(attack) === subject);

type FigureName = "mean" | "auc";
const FIGURES: Record<FigureName, string> = { mean: "accuracy", auc: "AUC" };

/** Whose curves are shown: who is asked for, else the method of which the attack finds the most. */
export function chosenIn(study: Study, asked: string | null): Attack | undefined {
  const methods = study.attacks.filter((attack) => !attack.is_calibration);
  return (
    methods.find((attack) => subjectKey(attack) === asked) ??
    methods.filter((attack) => attack.figures).at(-1) ??
    methods[0]
  );
}

/** Why an attack says that the method did more than forget: it does worse than a coin, and retrained models
 * do not explain it. */
export function belowChance(attack: Attack, retrained: Attack | undefined): string[] {
  return (["mean", "auc"] as const).flatMap((name) => {
    const found = attack.figures?.[name];
    const usual = retrained?.figures?.[name];
    if (found?.value == null || found.high == null || found.high >= CHANCE) return [];
    if (usual?.low != null && found.high >= usual.low) return [];
    return [`the attack's ${FIGURES[name]} is below chance: forgetting itself shows`];
  });
}

/** Why the forget accuracies say so: they are far below what retraining gives. */
export function forgetsTooMuch(runs: Result[], retrained: Result[]): string[] {
  const usual = momentsOf(usable(retrained, "forget_accuracy"));
  const own = momentsOf(usable(runs, "forget_accuracy"));
  if (usual.mean === null || usual.sd === null || own.mean === null) return [];
  if (own.mean >= usual.mean - SIGMAS * usual.sd) return [];
  return [
    `forget accuracy ${percent(own.mean)}, more than ${SIGMAS} s.d. below the retrained models' ${percent(usual.mean)}`,
  ];
}

/** What U-MIA found of one method: its accuracies per model seed, beside the retrained models'. */
export interface MiaRow {
  key: string;
  method: Method;
  runs: Result[];
  values: { seed: number; value: number }[];
  mean: number;
  sd: number | null;
  /** The mean of the runs' indiscernibilities, as on the board. */
  indiscernibility: number | null;
  /** Whether its runs are, seed by seed, no further below the retrained models' than by chance. */
  isNoise: boolean | null;
  flags: string[];
}

/** Whether the mean loss of indiscernibility, paired by model seed, is within its standard errors; null where
 * fewer than two pairs leave none. Where the forget set is the same for all seeds, what another draw of it would
 * change is not in it; of the test set that always holds. */
function isWithinNoise(runs: Result[], retrained: Result[]): boolean | null {
  const { differences, mean, sd } = paired(runs, retrained, "indiscernibility", true);
  if (mean === null || sd === null) return null;
  return mean <= (SIGMAS * sd) / Math.sqrt(differences.length);
}

/** U-MIA's accuracies by method, the closest to chance first, the references before all. */
export function miaRows(runs: Result[]): MiaRow[] {
  const byMethod = new Map<string, Result[]>();
  for (const run of runs) byMethod.set(keyOf(run), [...(byMethod.get(keyOf(run)) ?? []), run]);
  const retrained = byMethod.get("retrained") ?? [];
  const rows = [...byMethod].flatMap(([key, mine]) => {
    const [first] = mine;
    const { mean, sd } = momentsOf(usable(mine, "mia_test"));
    if (!first || mean === null) return [];
    const values = mine.flatMap((run) =>
      run.is_usable && run.metrics.mia_test != null
        ? [{ seed: run.model_seed, value: run.metrics.mia_test }]
        : [],
    );
    const method = { unlearner: first.unlearner, variant: first.variant };
    const indiscernibility = momentsOf(usable(mine, INDISCERNIBILITY)).mean;
    const isNoise = isWithinNoise(mine, retrained);
    const flags = isReference(first.unlearner)
      ? []
      : [...losesTooMuch(mine, retrained), ...forgetsTooMuch(mine, retrained)];
    return [{ key, method, runs: mine, values, mean, sd, indiscernibility, isNoise, flags }];
  });
  const rank = (row: MiaRow) => (isReference(row.method.unlearner) ? -1 : Math.abs(row.mean - CHANCE));
  return rows.sort((one, other) => rank(one) - rank(other));
}

/** Why the losses say so: the attack's accuracy is as high for forget losses that are too high as for those
 * that are too low, so it takes their reading; retrained models with the same one explain it. */
function losesTooMuch(runs: Result[], retrained: Result[]): string[] {
  const isOver = (all: Result[]) => {
    const read = all.filter((run) => run.is_usable);
    return read.length > 0 && read.every((run) => run.forget_reading === "over_unlearned");
  };
  if (!isOver(runs) || isOver(retrained)) return [];
  return ["forget losses above the test set's for every model seed: forgetting itself shows"];
}

/** The attack that finds the most of a method, over all that were run: the best known. */
export function strongest(
  method: Method,
  studies: Study[],
  mia: MiaRow[],
): { attack: string; accuracy: number } | null {
  const found = studies.flatMap((study) =>
    study.attacks.flatMap((attack) =>
      subjectKey(attack) === keyOf(method) && attack.mean_accuracy !== null
        ? [{ attack: study.attack, accuracy: attack.mean_accuracy }]
        : [],
    ),
  );
  const row = mia.find((each) => each.key === keyOf(method));
  if (row) found.push({ attack: "u_mia", accuracy: row.mean });
  return found.sort((one, other) => other.accuracy - one.accuracy)[0] ?? null;
}

/** The finding of a ROC curve: how many of the forgotten samples are found at a false-positive rate of 1 %. */
export function rocTitle(name: string, attack: Attack, retrained: Attack | undefined): string {
  const found = attack.figures?.tpr_at_fpr_1pct?.value;
  if (found == null) return `${name}: too few observations for a false-positive rate of 1 %`;
  const usual = retrained?.figures?.tpr_at_fpr_1pct?.value;
  const beside = usual == null ? "" : `, ${percent(usual)} of those of retrained models`;
  return `At 1 % false alarms the attack finds ${percent(found)} of what ${name} forgot${beside}`;
}

/** The finding of a histogram: how many samples are classified clearly better than by a coin. */
export function accuraciesTitle(name: string, attack: Attack, retrained: Attack | undefined): string {
  const share = attack.figures?.["share_above_0.6"]?.value;
  const usual = retrained?.figures?.["share_above_0.6"]?.value;
  const what = `${percent(share, 0)} of the samples that ${name} forgot are told with an accuracy above 0.6`;
  return usual == null ? what : `${what}; after retraining ${percent(usual, 0)}`;
}

/** How much a study saw, in words. */
export function sampleText(attack: Attack): string {
  const left = Object.entries(attack.left_out ?? {})
    .filter(([, number]) => number > 0)
    .map(([why, number]) => `${number} left out (${why})`);
  return [
    attack.num_attacked === null ? "none attacked" : `${counted(attack.num_attacked, "sample")} attacked`,
    ...left,
  ].join("; ");
}

/** A figure with its interval as cells of a table. */
export const figureCells = (attack: Attack, name: string): Value[] => {
  const found = attack.figures?.[name];
  return [found?.value ?? null, found?.low ?? null, found?.high ?? null];
};
