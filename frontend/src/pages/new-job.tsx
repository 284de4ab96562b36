// Submit a job: a form made of the catalogue, with what it would cost, and the same request in other words.
import { useEffect, useRef, useState } from "preact/hooks";
import { type Catalog, getCatalog, inWords, type Problem, Refused, submitJob } from "../api/client";
import { keptKey } from "../api/key";
import { withoutSections } from "../citation";
import { Code } from "../components/code";
import { EstimateView } from "../components/estimate";
import { Choice, Errors, Labelled } from "../components/fields";
import { Shown } from "../components/states";
import { useLoaded } from "../loading";
import { go, type Place } from "../router";
import { type Choices, commandOf, curlOf, errorsAt, firstChoices, pythonOf, specOf } from "../spec";

export function NewJobPage({ place }: { place: Place }) {
  const catalog = useLoaded(getCatalog, "catalog");
  return (
    <main>
      <h1>Submit a job</h1>
      <p class="lead">
        The reference models are trained, every chosen unlearner works on them, and what comes out is
        evaluated and attacked. Work that another job has done is reused.
      </p>
      <Shown what="the catalogue" loaded={catalog}>
        {(data) => <Form catalog={data} query={place.query} />}
      </Shown>
    </main>
  );
}

function Form({ catalog, query }: { catalog: Catalog; query: URLSearchParams }) {
  const [choices, setChoices] = useState<Choices>(() => firstChoices(catalog, query));
  const [problem, setProblem] = useState<Problem | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const [isSending, setIsSending] = useState(false);
  const spec = specOf(choices, catalog);
  const { origin } = window.location;
  const withKey = keptKey() !== null;
  const change = (part: Partial<Choices>) => setChoices({ ...choices, ...part });
  const protocol = catalog.protocols.find((info) => info.id === choices.protocol);
  const dataset = catalog.datasets.find((info) => info.id === choices.dataset);
  const model = catalog.models.find((info) => info.id === choices.model);

  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector<HTMLElement>("[aria-invalid='true']")?.focus(), [problem]);

  const submit = async (event: Event) => {
    event.preventDefault();
    setIsSending(true);
    setProblem(null);
    setFailure(null);
    try {
      go(`/jobs/${(await submitJob(spec)).id}`);
    } catch (error) {
      if (error instanceof Refused) setProblem(error.problem);
      setFailure(inWords(error));
      setIsSending(false);
    }
  };

  return (
    <form ref={form} class="new-job" onSubmit={submit} noValidate>
      <div class="fields">
        <Labelled field="label" title="Label" hint="For people; optional." problem={problem}>
          {(described) => (
            <input
              name="label"
              type="text"
              value={choices.label}
              onInput={(event) => change({ label: event.currentTarget.value })}
              {...described}
            />
          )}
        </Labelled>
        <Choice
          field="protocol"
          title="Protocol"
          hint={protocol?.summary}
          value={choices.protocol}
          options={catalog.protocols.map((info) => [info.id, `${info.title} (${info.id})`])}
          problem={problem}
          onChoose={(value) => change({ protocol: value })}
        />
        <Choice
          field="dataset"
          title="Dataset"
          hint={withoutSections(dataset?.source ?? "")}
          value={choices.dataset}
          options={catalog.datasets.map((info) => [
            info.id,
            info.is_present ? info.title : `${info.title} (files missing here)`,
          ])}
          problem={problem}
          onChoose={(value) => change({ dataset: value })}
        />
        <Choice
          field="model"
          title="Model"
          hint={withoutSections(model?.source ?? "")}
          value={choices.model}
          options={catalog.models.map((info) => [info.id, info.title])}
          problem={problem}
          onChoose={(value) => change({ model: value })}
        />
        <Labelled
          field="seeds"
          title="Model seeds"
          hint="Separated by commas; empty means the protocol's. With fewer, rows stay provisional."
          problem={problem}
        >
          {(described) => (
            <input
              name="seeds"
              type="text"
              value={choices.seeds}
              placeholder={protocol?.model_seeds.join(", ")}
              onInput={(event) => change({ seeds: event.currentTarget.value })}
              {...described}
            />
          )}
        </Labelled>
        <Unlearners
          catalog={catalog}
          chosen={choices.unlearners}
          problem={problem}
          onChoose={(unlearners) => change({ unlearners })}
        />
        <div>
          {failure && (
            <div class="notice bad" role="alert">
              {problem ? `${problem.title}: ${failure}` : `The job was not submitted: ${failure}`}
              <Errors errors={errorsAt(problem, null)} withPointer />
            </div>
          )}
          <button type="submit" class="primary" disabled={isSending}>
            {isSending ? "Submitting …" : "Submit"}
          </button>
        </div>
      </div>
      <aside aria-label="What it costs, and the same as a request">
        <EstimateView spec={spec} />
        <Code title="Job spec, job.json" text={spec} />
        <Code title="curl" text={curlOf(spec, origin, withKey)} />
        <Code title="Command line" text={commandOf(origin)} />
        <Code title="Python" text={pythonOf(origin, withKey)} />
        <p class="quiet">
          A spec can say more than this form: several settings, hyperparameters, other forget sets. Its schema
          is at{" "}
          <a href="/docs" data-outside>
            /docs
          </a>
          .
        </p>
      </aside>
    </form>
  );
}

interface UnlearnersProps {
  catalog: Catalog;
  chosen: string[];
  problem: Problem | null;
  onChoose: (ids: string[]) => void;
}

function Unlearners({ catalog, chosen, problem, onChoose }: UnlearnersProps) {
  const all = catalog.unlearners.map((info) => info.id);
  const toggle = (id: string, isOn: boolean) =>
    onChoose(all.filter((other) => (other === id ? isOn : chosen.includes(other))));
  return (
    <fieldset class="field unlearners">
      <legend class="title">
        Unlearners{" "}
        <span class="hint">
          {chosen.length} of {all.length}
        </span>
      </legend>
      <p>
        <button type="button" class="small" onClick={() => onChoose(all)}>
          All
        </button>{" "}
        <button type="button" class="small" onClick={() => onChoose([])}>
          None
        </button>
      </p>
      <ul>
        {catalog.unlearners.map((info) => (
          <li key={info.id}>
            <label title={info.source}>
              <input
                type="checkbox"
                name="unlearner"
                value={info.id}
                checked={chosen.includes(info.id)}
                onChange={(event) => toggle(info.id, event.currentTarget.checked)}
              />
              <strong>{info.title}</strong> {info.name}
            </label>
          </li>
        ))}
      </ul>
      <Errors errors={errorsAt(problem, "unlearners")} />
    </fieldset>
  );
}
