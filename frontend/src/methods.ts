// Methods, the runs that count for them, and how two of them compare seed by seed.
import type { BoardRow, Catalog, Metric, Result } from "./api/client";
import { listed } from "./format";

export type Method = Pick<BoardRow, "unlearner" | "variant">;
export type Protocol = Catalog["protocols"][number];

const PUBLISHED = "official";

/** A method as addresses name it: `bt`, or `bt:fixed`. */
export const keyOf = ({ unlearner, variant }: Method): string =>
  variant && variant !== PUBLISHED ? `${unlearner}:${variant}` : unlearner;

export const COLUMN_OF: Record<Metric, string> = {
  retention_deviation: "retention_deviation",
  indiscernibility: "indiscernibility_test",
};

export const isReference = (unlearner: string): boolean =>
  unlearner === "original" || unlearner === "retrained";

/** Where everything about a method is; the references have no page of their own. */
export const pageOf = ({ unlearner }: Method): string | null =>
  isReference(unlearner) ? null : `/unlearners/${unlearner}`;

/** The runs that a protocol's board rests on. */
export const counting = (results: Result[], protocol: Protocol): Result[] =>
  results.filter(
    (result) =>
      !result.is_superseded &&
      protocol.model_seeds.includes(result.model_seed) &&
      (result.tuning === null || result.tuning === protocol.ranked_tuning),
  );

/** The runs of a method, by model seed. */
export const runsOf = (method: Method, runs: Result[]): Result[] =>
  runs.filter((run) => keyOf(run) === keyOf(method)).sort((one, other) => one.model_seed - other.model_seed);

/** The value of a usable run; null where there is none. */
export const metricOf = (result: Result, metric: Metric): number | null =>
  result.is_usable ? (result.metrics[COLUMN_OF[metric]] ?? null) : null;

/** The metric of the usable runs that have it. */
export const usable = (runs: Result[], metric: string): number[] =>
  runs.flatMap((run) => (run.is_usable ? (run.metrics[metric] ?? []) : []));

export interface Paired {
  /** The difference per model seed, the second method's value minus the first's. */
  differences: { seed: number; difference: number }[];
  mean: number | null;
  /** The sample standard deviation of the differences; null with fewer than two. */
  sd: number | null;
  firstIsBetter: number;
  secondIsBetter: number;
}

/** Two methods in one setting, over the model seeds that both have a usable run for. */
export function paired(first: Result[], second: Result[], metric: Metric, higherIsBetter: boolean): Paired {
  const values = new Map(second.map((result) => [result.model_seed, metricOf(result, metric)]));
  const differences = first.flatMap((result) => {
    const [mine, theirs] = [metricOf(result, metric), values.get(result.model_seed) ?? null];
    return mine === null || theirs === null ? [] : [{ seed: result.model_seed, difference: theirs - mine }];
  });
  differences.sort((one, other) => one.seed - other.seed);
  const plain = differences.map(({ difference }) => difference);
  const gains = plain.map((difference) => (higherIsBetter ? difference : -difference));
  return {
    differences,
    ...momentsOf(plain),
    firstIsBetter: gains.filter((gain) => gain < 0).length,
    secondIsBetter: gains.filter((gain) => gain > 0).length,
  };
}

/** Mean and sample standard deviation; null where they do not exist. */
export function momentsOf(values: number[]): { mean: number | null; sd: number | null } {
  if (values.length === 0) return { mean: null, sd: null };
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length === 1) return { mean, sd: null };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, sd: Math.sqrt(squares / (values.length - 1)) };
}

/** Who is better in how many pairs of runs, as a sentence: `B is better than A in 2 of 3 pairs of runs, C in none`. */
export function comparisonText(first: string, others: { name: string; paired: Paired[] }[]): string {
  const told = others.map(({ name, paired: pairs }, index) => {
    const all = pairs.reduce((sum, { differences }) => sum + differences.length, 0);
    const wins = pairs.reduce((sum, { secondIsBetter }) => sum + secondIsBetter, 0);
    const share = `${wins === 0 ? "none" : wins} of ${all}`;
    return index === 0 ? `${name} is better than ${first} in ${share} pairs of runs` : `${name} in ${share}`;
  });
  return listed(told);
}
