// What a job would cost, asked of the service while the form is filled in.
import { useEffect, useState } from "preact/hooks";
import { type Estimate, estimateJob } from "../api/client";
import { count, counted, duration, NOTHING } from "../format";
import { useLoaded } from "../loading";
import { STAGE_TITLES, STAGES } from "../plots/stages";
import { Scroll } from "./scroll";

const PAUSE_MS = 500; // while somebody types or ticks, nothing is asked

export function EstimateView({ spec }: { spec: string }) {
  const [asked, setAsked] = useState(spec);
  useEffect(() => {
    const timer = setTimeout(() => setAsked(spec), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [spec]);
  const estimate = useLoaded(() => estimateJob(asked), asked);
  const isBehind = asked !== spec || estimate.isPrevious;
  return (
    <section class="estimate" aria-labelledby="estimate-title" aria-busy={isBehind}>
      <h2 id="estimate-title">What it would cost</h2>
      {estimate.error && <p class="quiet">Not known for this spec: {estimate.error}</p>}
      {!estimate.error && estimate.data === null && <p class="quiet">Estimating …</p>}
      {!estimate.error && estimate.data && (
        <div class={isBehind ? "previous" : undefined}>
          <Found estimate={estimate.data} />
        </div>
      )}
    </section>
  );
}

type Stage = Pick<Estimate["stages"][string], "units" | "cached" | "seconds">;

function Found({ estimate }: { estimate: Estimate }) {
  const stages = STAGES.flatMap((kind) => {
    const stage = estimate.stages[kind];
    return stage ? [{ kind, ...stage }] : [];
  });
  return (
    <>
      <p>
        <strong>{counted(estimate.units, "unit")}</strong>
        {estimate.cached > 0 && `, ${count(estimate.cached)} of them done already`}. {sentence(estimate)}
      </p>
      <Scroll label="What it would cost, by stage">
        <table>
          <thead>
            <tr>
              <th scope="col">Stage</th>
              <th scope="col" class="figure">
                Units
              </th>
              <th scope="col" class="figure">
                <abbr title="Done already, by this job's spec or another's: they cost nothing">Cached</abbr>
              </th>
              <th scope="col" class="figure">
                <abbr title="Device time that it takes less than with an even chance">p50</abbr>
              </th>
              <th scope="col" class="figure">
                <abbr title="Device time that it takes less than nine times in ten">p90</abbr>
              </th>
            </tr>
          </thead>
          <tbody>
            {stages.map((stage) => (
              <tr key={stage.kind}>
                <th scope="row">{STAGE_TITLES[stage.kind]}</th>
                <td class="figure">{count(stage.units)}</td>
                <td class="figure">{count(stage.cached)}</td>
                <td class="figure">{timeOf(stage, "p50")}</td>
                <td class="figure">{timeOf(stage, "p90")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {estimate.rests_on.map((text) => (
        <p key={text} class="hint">
          {text}
        </p>
      ))}
    </>
  );
}

const timeOf = ({ units, cached, seconds }: Stage, chance: "p50" | "p90"): string =>
  units === cached ? NOTHING : duration(seconds?.[chance]);

function sentence({ seconds, units, cached }: Estimate): string {
  if (units === cached) return "Nothing is left to run.";
  if (seconds === null) return "How long they take is not known yet.";
  return `On one device about ${duration(seconds.p50)}, nine times in ten less than ${duration(seconds.p90)}.`;
}
