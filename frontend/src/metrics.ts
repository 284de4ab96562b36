// What the metrics of a run are called, and how they are written.
import { duration, factor, number, percent, words } from "./format";

const TITLES: Record<string, string> = {
  retention_deviation: "Retention deviation ↓",
  indiscernibility_test: "Indiscernibility, test set ↑",
  indiscernibility_validation: "Indiscernibility, validation set ↑",
  indiscernibility_floor_test: "Indiscernibility that chance seldom falls below, test set",
  indiscernibility_floor_validation: "Indiscernibility that chance seldom falls below, validation set",
  forget_auc_test: "Chance that a forget sample has a lower loss than a test sample (0.5: like unseen)",
  forget_auc_p_value_test: "Chance of that difference, were there none",
  forget_reading: "Losses of the forget set",
  runtime_efficiency: "Runtime efficiency ↑",
  runtime_seconds: "Run time",
  mia_test: "Accuracy of U-MIA, test set",
  mia_validation: "Accuracy of U-MIA, validation set",
  mia_ten_fold_test: "Accuracy of U-MIA over ten folds, test set",
  l2_distance: "L2 distance from the retrained model",
  relative_distance: "Distance from the retrained model, relative to its length",
};

export function metricTitle(name: string): string {
  const plain = words(name);
  return TITLES[name] ?? plain.charAt(0).toUpperCase() + plain.slice(1);
}

export function metricText(name: string, value: number | null): string {
  if (name.endsWith("_seconds")) return duration(value);
  if (name.endsWith("_accuracy")) return percent(value, 2);
  if (name.endsWith("_efficiency")) return factor(value);
  return number(value, 4);
}

/** A nested document as pairs of path and text, in its own order. */
export function flat(value: unknown, path = ""): [string, string][] {
  if (value === null || typeof value !== "object") return [[path, String(value ?? "–")]];
  const parts = Object.entries(value);
  if (Array.isArray(value) && value.every((part) => typeof part !== "object")) {
    return [[path, value.join(", ")]];
  }
  return parts.flatMap(([name, part]) => flat(part, path ? `${path} · ${words(name)}` : words(name)));
}
