// What the board says in words about rows and settings. Ranks, groups and statistics come from the server.
import type {
  BoardCell,
  BoardRow,
  BoardSetting,
  Catalog,
  Leaderboard,
  Metric,
  RowUncertainty,
} from "./api/client";
import { counted, percent } from "./format";

export const METRICS: Metric[] = ["retention_deviation", "indiscernibility"];

export const METRIC_TITLES: Record<Metric, string> = {
  retention_deviation: "Retention deviation",
  indiscernibility: "Indiscernibility",
};
export const METRIC_SHORT: Record<Metric, string> = {
  retention_deviation: "RetDev",
  indiscernibility: "Indisc.",
};
export const METRIC_FORMULAS: Record<Metric, string> = {
  retention_deviation: "|RR − 1| + |FR − 1| + |TR − 1|; 0 is best",
  indiscernibility: "1 − |2·MIA − 1|; 1 is best",
};
/** What the metrics can be. */
export const METRIC_LIMITS: Record<Metric, { from: number; to: number }> = {
  retention_deviation: { from: 0, to: Number.POSITIVE_INFINITY },
  indiscernibility: { from: 0, to: 1 },
};

const DEFAULT_PROTOCOL = "quick/1.0";

/** The protocol that an address asks for. */
export const protocolIn = (query: URLSearchParams): string => query.get("protocol") ?? DEFAULT_PROTOCOL;

/** The metric that an address asks for. */
export const metricIn = (query: URLSearchParams): Metric =>
  METRICS.find((metric) => metric === query.get("metric")) ?? "retention_deviation";

const REFERENCE_TITLES: Record<string, string> = { retrained: "Retrained", original: "Original" };
const REFERENCE_NAMES: Record<string, string> = {
  retrained: "without the forget set",
  original: "before unlearning",
};

type Method = Pick<BoardRow, "unlearner" | "variant">;

/** What a row is called: the short title, and the name in full. */
export function namesOf(method: Method, catalog: Catalog | null): { title: string; name: string } {
  const { unlearner, variant } = method;
  const reference = REFERENCE_TITLES[unlearner];
  if (reference) return { title: reference, name: REFERENCE_NAMES[unlearner] ?? "" };
  const info = catalog?.unlearners.find((candidate) => candidate.id === unlearner);
  const suffix = variant && variant !== "official" ? ` (${variant})` : "";
  return {
    title: (info?.title ?? unlearner) + suffix,
    name: info && info.name !== info.title ? info.name : "",
  };
}

export const placeOf = (setting: Pick<BoardSetting, "dataset" | "model">): string =>
  `${setting.dataset} · ${setting.model}`;

/** What a dataset is called; its id where it is not installed. */
export const datasetTitle = (dataset: string, catalog: Catalog | null): string =>
  catalog?.datasets.find((info) => info.id === dataset)?.title ?? dataset;

type Setting = Pick<BoardSetting, "forget" | "precision"> & Partial<Pick<BoardSetting, "run_seed">>;

/** What is special about a setting. What seeds its runs is not told by boards that were frozen long ago. */
export const forgetOf = ({ forget, precision, run_seed }: Setting): string =>
  [
    `forget ${ruleOf(forget)}`,
    precision,
    ...(run_seed === undefined ? [] : [`run ${seedOf(run_seed)}`]),
  ].join("; ");

/** Whether each model seed has a forget set of its own. */
export const variesForget = ({ forget }: Pick<BoardSetting, "forget">): boolean =>
  [forget, ...(forget.before ?? [])].some(({ seed }) => seed === "model_seed");

const seedOf = (seed: number | "model_seed"): string =>
  seed === "model_seed" ? "seed per model" : `seed ${seed}`;

type Forget = BoardSetting["forget"];

/** The forget set, and which step of a sequence it is, with those before it; equal ones in a row are counted. */
function ruleOf(forget: Forget): string {
  if (forget.step == null) return setOf(forget);
  const runs: { set: string; times: number }[] = [];
  for (const set of (forget.before ?? []).map(setOf)) {
    const last = runs.at(-1);
    if (last?.set === set) last.times += 1;
    else runs.push({ set, times: 1 });
  }
  const before = runs.map(({ set, times }) => (times === 1 ? set : `${times} times ${set}`)).join("; ");
  return `${setOf(forget)}, step ${forget.step + 1}${before && ` after ${before}`}`;
}

function setOf(forget: Forget): string {
  const size = forget.count ? counted(forget.count, "sample") : percent(forget.fraction, 0);
  const seed = forget.seed == null ? "" : seedOf(forget.seed);
  switch (forget.rule) {
    case "class":
      return `${size} of class ${(forget.labels ?? []).join(", ")}, ${seed}`;
    case "hard":
      return `${size} of highest loss`;
    case "indices":
      return counted(forget.count ?? 0, "listed sample");
    default:
      return `${size} at ${forget.rule}, ${seed}`;
  }
}

const MAX_REASONS = 2;

/** Why a row has no rank yet. */
export function whyProvisional(row: BoardRow): string {
  const reasons = row.cells.filter((cell) => cell.group === null).map(whyNoGroup);
  const more = reasons.length - MAX_REASONS;
  return [
    ...reasons.slice(0, MAX_REASONS),
    ...(more > 0 ? [`and ${counted(more, "more setting")}`] : []),
  ].join("; ");
}

function whyNoGroup(cell: BoardCell): string {
  if (cell.state === "missing") return `no models on ${placeOf(cell)}`;
  if (cell.state === "undefined") return `no such metric on ${placeOf(cell)}`;
  return `${cell.seeds} of ${cell.required_seeds} seeds on ${placeOf(cell)}`;
}

/** How many models a cell rests on, and how many of them are usable where that is not all. */
export function seedsOf(cell: BoardCell): string {
  const usable = cell.usable_seeds < cell.seeds ? `, ${cell.usable_seeds} usable` : "";
  return `${cell.seeds}/${cell.required_seeds}${usable}`;
}

type Range = RowUncertainty["over_seeds"] | undefined;

/** The ends of a range of ranks, or the one rank that it holds: `2–5`, or `3`; nothing without one. */
export const rangeOf = (range: Range): string => {
  if (!range) return "";
  return range.low === range.high ? `${range.low}` : `${range.low}–${range.high}`;
};

/** Where a rank lies in most draws of the model seeds. */
export const intervalOf = (row: RowUncertainty | undefined): string => rangeOf(row?.over_seeds);

/** What the table shows, in one sentence. */
export function summaryOf(board: Leaderboard): string {
  const ranked = board.rows.filter((row) => !row.is_provisional).length;
  const provisional = board.rows.length - ranked;
  const models = [...board.rows, ...board.references].flatMap((row) => row.cells.map((cell) => cell.seeds));
  return [
    `${counted(ranked, "unlearner")} ranked by ${METRIC_TITLES[board.metric].toLowerCase()}`,
    ...(provisional > 0 ? [`${provisional} provisional`] : []),
    board.tier === "published"
      ? "totals over its settings, as printed"
      : `${counted(board.settings.length, "setting")}, ${counted(sum(models), "model")}, protocol ${board.protocol}`,
  ].join(" · ");
}

const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
