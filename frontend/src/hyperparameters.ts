// An unlearner's hyperparameters, from the JSON schema in the catalogue to words.

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
    meaning: String(field.description ?? ""),
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

function searchOf(space: Json | undefined): string {
  if (!space) return "not searched";
  const { distribution, ...rest } = space;
  const values = Array.isArray(rest.choices)
    ? rest.choices
    : [rest.low, rest.high].filter((value) => value !== undefined);
  return values.length > 0 ? `${distribution}(${values.join(", ")})` : String(distribution);
}
