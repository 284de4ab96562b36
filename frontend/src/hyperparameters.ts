// An unlearner's hyperparameters, from the JSON schema in the catalogue to words.

import { withoutSections } from "./citation";

type Json = Record<string, unknown>;

export interface Hyperparameter {
  name: string;
  meaning: string;
  fallback: string;
  bounds: string;
  search: string;
}

export function hyperparametersOf(schema: Json): Hyperparameter[] {
  return Object.entries((schema.properties ?? {}) as Record<string, Json>).map(([name, field]) => ({
    name,
    meaning: withoutSections(String(field.description ?? "")),
    fallback: field.default === undefined ? "" : String(field.default),
    bounds: boundsOf(field),
    search: searchOf(field.search as Json | undefined),
  }));
}

/** An interval, the choices, or the type. */
function boundsOf(field: Json): string {
  if (Array.isArray(field.enum)) return field.enum.join(", ");
  const low = bound(field, "minimum", "exclusiveMinimum", "[", "(");
  const high = bound(field, "maximum", "exclusiveMaximum", "]", ")");
  if (!low && !high) return String(field.type ?? "");
  const from = low ? low.sign + low.value : "(−∞";
  return `${from}, ${high ? high.value + high.sign : "∞)"}`;
}

function bound(field: Json, closed: string, open: string, closedSign: string, openSign: string) {
  if (field[closed] !== undefined) return { value: String(field[closed]), sign: closedSign };
  if (field[open] !== undefined) return { value: String(field[open]), sign: openSign };
  return null;
}

/** Where a sweep draws it from. */
function searchOf(space: Json | undefined): string {
  if (!space) return "not searched";
  const { distribution, choices, low, high } = space;
  if (Array.isArray(choices)) return `one of ${choices.join(", ")}`;
  if (low === undefined) return words(String(distribution));
  return `${words(String(distribution))} from ${low} to ${high}`;
}

/** `LogUniform` as people write it: log uniform. */
const words = (name: string): string => name.replace(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase();
