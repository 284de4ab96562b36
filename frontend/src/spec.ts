// The form's choices as a job spec, and the service's pointers into it as fields of the form.
import type { BoardSetting, Catalog, Problem } from "./api/client";

export interface Choices {
  label: string;
  protocol: string;
  dataset: string;
  model: string;
  unlearners: string[];
  seeds: string;
}

export type Field = keyof Choices;

/** The choices before the user made any: what the address asks for, else what can run here, every unlearner. */
export function firstChoices(catalog: Catalog, query = new URLSearchParams()): Choices {
  const dataset = catalog.datasets.find((info) => info.is_present) ?? catalog.datasets[0];
  const unlearner = askedFor(query, "unlearner", catalog.unlearners);
  return {
    label: "",
    protocol: askedFor(query, "protocol", catalog.protocols) ?? catalog.protocols[0]?.id ?? "",
    dataset: dataset?.id ?? "",
    model: catalog.models[0]?.id ?? "",
    unlearners: unlearner ? [unlearner] : catalog.unlearners.map((info) => info.id),
    seeds: "",
  };
}

const askedFor = (query: URLSearchParams, name: string, known: { id: string }[]): string | undefined =>
  known.find((info) => info.id === query.get(name))?.id;

/** The job spec, as JSON; what is left empty is left to the protocol. What is not a number is sent as it is. */
export function specOf(choices: Choices, catalog: Catalog): string {
  const isAll = choices.unlearners.length === catalog.unlearners.length;
  const seeds = choices.seeds.split(/[\s,]+/).filter(Boolean);
  const spec = {
    protocol: choices.protocol,
    ...(choices.label && { label: choices.label }),
    settings: [{ dataset: choices.dataset, model: choices.model }],
    unlearners: isAll ? "all" : choices.unlearners,
    ...(seeds.length > 0 && {
      model_seeds: seeds.map((seed) => (/^-?\d+$/.test(seed) ? Number(seed) : seed)),
    }),
  };
  return documentOf(spec);
}

/** A job spec that attacks single samples in a setting: what is known to work first, to be changed at will. */
export function studySpecOf(setting: BoardSetting, protocol: string): string {
  const { dataset, model, forget, precision, run_seed } = setting;
  return documentOf({
    protocol,
    settings: [{ dataset, model, ...forgetField(forget), precision, run_seed }],
    unlearners: ["ft", "msg"],
    attacks: [{ id: "u_mia" }, { id: "u_lira", splits: 64, forget_sets: 10 }],
  });
}

type Forget = BoardSetting["forget"];

/** A forget set as a spec asks for it, a step's by the sequence up to it; one that a list made cannot be asked
 * for again from its fingerprint. */
function forgetField(forget: Forget): { forget?: object } {
  const steps = [...(forget.before ?? []), forget];
  if (steps.some((each) => each.sha256)) return {};
  return { forget: forget.step == null ? ruleOf(forget) : { rule: "sequence", steps: steps.map(ruleOf) } };
}

function ruleOf({ step, before, ...rule }: Forget): object {
  return Object.fromEntries(Object.entries(rule).filter(([, value]) => value !== null));
}

/** A field on each line. */
function documentOf(spec: object): string {
  const lines = Object.entries(spec).map(([name, value]) => `  "${name}": ${inline(value)}`);
  return `{\n${lines.join(",\n")}\n}`;
}

/** A value as JSON on one line, with the spaces that people put. */
function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(([name, part]) => `${JSON.stringify(name)}: ${inline(part)}`);
  return `{${fields.join(", ")}}`;
}

/** The same request as a shell command. */
export function curlOf(spec: string, origin: string, withKey = false): string {
  const quoted = spec.replaceAll("'", `'\\''`);
  const lines = [
    `curl -X POST ${origin}/api/v1/jobs`,
    ...(withKey ? [`-H "Authorization: Bearer $LETHE_KEY"`] : []),
    "-H 'Content-Type: application/json'",
    `-d '${quoted}'`,
  ];
  return lines.join(" \\\n  ");
}

/** The same from a machine that has Lethe installed, the spec being in a file; a key is read from LETHE_KEY. */
export const commandOf = (origin: string): string => `lethe submit job.json --url ${origin} --wait`;

/** The same in Python, with the thin client that the command is made of. */
export function pythonOf(origin: string, withKey = false): string {
  const key = withKey ? ', key=os.environ["LETHE_KEY"]' : "";
  return [
    ...(withKey ? ["import os"] : []),
    "from pathlib import Path",
    "",
    "from api.client import Client",
    "",
    `with Client("${origin}"${key}) as client:`,
    '    job = client.submit_job(Path("job.json").read_bytes())',
    "    for event in client.follow_job(job.id):",
    "        print(event.name, event.data)",
  ].join("\n");
}

const FIELDS: [string, Field][] = [
  ["#/label", "label"],
  ["#/protocol", "protocol"],
  ["#/settings/0/dataset", "dataset"],
  ["#/settings/0/model", "model"],
  ["#/settings", "dataset"],
  ["#/unlearners", "unlearners"],
  ["#/model_seeds", "seeds"],
];

/** The field that a pointer leads to; null where the form has none. */
export function fieldOf(pointer: string): Field | null {
  return FIELDS.find(([start]) => pointer === start || pointer.startsWith(`${start}/`))?.[1] ?? null;
}

type Errors = NonNullable<Problem["errors"]>;

/** The errors of a problem that belong to a field, or, for null, to no field. */
export const errorsAt = (problem: Problem | null, field: Field | null): Errors =>
  (problem?.errors ?? []).filter((error) => fieldOf(error.pointer) === field);
