// Submit a job: a form made of the catalogue, with the same document shown as JSON and as a curl command.
import { useState } from "preact/hooks";
import { type Catalog, getCatalog, type Problem, Refused, submitJob } from "../api/client";
import { Failed, Loading } from "../components/states";
import { useLoaded } from "../loading";
import { go } from "../router";

interface Choices {
  label: string;
  protocol: string;
  dataset: string;
  model: string;
  unlearners: string[];
  seeds: string;
}

export function NewJobPage() {
  const { data, error } = useLoaded(getCatalog, "catalog");
  return (
    <main>
      <h1>Submit a job</h1>
      <p class="lead">
        The reference models are trained, every chosen method unlearns from them, and what comes out is
        attacked. Work that another job has done is reused.
      </p>
      {error && !data && <Failed what="The catalogue" why={error} />}
      {data ? <Form catalog={data} /> : !error && <Loading what="the catalogue" />}
    </main>
  );
}

/** The job spec that the choices stand for; empty choices are left to the protocol. */
export function specOf(choices: Choices, catalog: Catalog): string {
  const isAll = choices.unlearners.length === catalog.unlearners.length;
  const seeds = choices.seeds
    .split(",")
    .map((seed) => seed.trim())
    .filter(Boolean);
  const spec = {
    protocol: choices.protocol,
    ...(choices.label && { label: choices.label }),
    settings: [{ dataset: choices.dataset, model: choices.model }],
    unlearners: isAll ? "all" : choices.unlearners,
    ...(seeds.length > 0 && { model_seeds: seeds.map((seed) => (/^\d+$/.test(seed) ? Number(seed) : seed)) }),
  };
  return JSON.stringify(spec, null, 2);
}

function Form({ catalog }: { catalog: Catalog }) {
  const [choices, setChoices] = useState<Choices>({
    label: "",
    protocol: catalog.protocols[0]?.id ?? "",
    dataset: catalog.datasets[0]?.id ?? "",
    model: catalog.models[0]?.id ?? "",
    unlearners: catalog.unlearners.map((info) => info.id),
    seeds: "",
  });
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isSending, setIsSending] = useState(false);
  const spec = specOf(choices, catalog);
  const change = (part: Partial<Choices>) => setChoices({ ...choices, ...part });

  const submit = async (event: Event) => {
    event.preventDefault();
    setIsSending(true);
    try {
      go(`/jobs/${(await submitJob(spec)).id}`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      setProblem(error.problem);
      setIsSending(false);
    }
  };

  const toggle = (id: string, isOn: boolean) =>
    change({
      unlearners: catalog.unlearners
        .map((u) => u.id)
        .filter((u) => (u === id ? isOn : choices.unlearners.includes(u))),
    });

  return (
    <form class="new-job" onSubmit={submit}>
      <div class="fields">
        <label>
          Label
          <input
            name="label"
            value={choices.label}
            maxLength={200}
            onInput={(e) => change({ label: e.currentTarget.value })}
          />
        </label>
        {(["protocol", "dataset", "model"] as const).map((name) => (
          <Choice
            key={name}
            name={name}
            catalog={catalog}
            value={choices[name]}
            onChange={(value) => change({ [name]: value })}
          />
        ))}
        <label>
          Model seeds
          <input
            name="seeds"
            value={choices.seeds}
            placeholder={catalog.protocols.find((p) => p.id === choices.protocol)?.model_seeds.join(", ")}
            onInput={(e) => change({ seeds: e.currentTarget.value })}
          />
        </label>
        <fieldset class="unlearners">
          <legend>Unlearners</legend>
          <p>
            <button
              type="button"
              onClick={() => change({ unlearners: catalog.unlearners.map((info) => info.id) })}
            >
              All
            </button>{" "}
            <button type="button" onClick={() => change({ unlearners: [] })}>
              None
            </button>
          </p>
          {catalog.unlearners.map((info) => (
            <label key={info.id} title={info.source}>
              <input
                type="checkbox"
                name="unlearner"
                value={info.id}
                checked={choices.unlearners.includes(info.id)}
                onChange={(e) => toggle(info.id, e.currentTarget.checked)}
              />
              {info.name} <code>{info.id}</code>
            </label>
          ))}
        </fieldset>
        {problem && <Problems problem={problem} />}
        <button type="submit" class="primary" disabled={isSending}>
          {isSending ? "Submitting …" : "Submit"}
        </button>
      </div>
      <aside>
        <h2>The same as a request</h2>
        <pre>{`curl -X POST ${window.location.origin}/api/v1/jobs \\\n  -H 'Content-Type: application/json' \\\n  -d '${spec}'`}</pre>
      </aside>
    </form>
  );
}

function Choice({
  name,
  catalog,
  value,
  onChange,
}: {
  name: "protocol" | "dataset" | "model";
  catalog: Catalog;
  value: string;
  onChange: (value: string) => void;
}) {
  const entries = {
    protocol: catalog.protocols.map((p) => ({ id: p.id, text: `${p.id} - ${p.summary}` })),
    dataset: catalog.datasets.map((d) => ({
      id: d.id,
      text: d.is_present ? d.title : `${d.title} (files missing here)`,
    })),
    model: catalog.models.map((m) => ({ id: m.id, text: m.title })),
  }[name];
  return (
    <label>
      {name[0]?.toUpperCase() + name.slice(1)}
      <select name={name} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {entries.map((entry) => (
          <option key={entry.id} value={entry.id}>
            {entry.text}
          </option>
        ))}
      </select>
    </label>
  );
}

const Problems = ({ problem }: { problem: Problem }) => (
  <div class="notice bad" role="alert">
    <p>
      {problem.title}: {problem.detail}
    </p>
    <ul>
      {problem.errors?.map((error) => (
        <li key={error.pointer + error.code}>
          <code>{error.pointer}</code> {error.detail}{" "}
          {error.suggestion && <>Did you mean {error.suggestion}?</>}
        </li>
      ))}
    </ul>
  </div>
);
