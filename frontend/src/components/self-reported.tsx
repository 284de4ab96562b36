// What others say they measured: apart from what was run here, with its origin, and never ranked.
import { getSelfReports, type ReportedCell, type SelfReport } from "../api/client";
import { METRIC_TITLES, METRICS } from "../board";
import type { Table } from "../exports";
import { factor, number, spread } from "../format";
import { useLoaded } from "../loading";
import { COLUMN_OF } from "../methods";
import { Scroll } from "./scroll";
import { Moment } from "./time";
import { Titled } from "./titled";

interface Props {
  protocol: string;
  dataset: string;
  model: string;
}

export function SelfReported({ protocol, dataset, model }: Props) {
  const filters = { protocol, ...(dataset && { dataset }), ...(model && { model }) };
  const loaded = useLoaded(() => getSelfReports(filters), JSON.stringify(filters));
  const lines = (loaded.data ?? []).flatMap((report) => report.cells.map((cell) => ({ report, cell })));
  if (loaded.error)
    return <p class="notice bad">Could not load what was measured elsewhere: {loaded.error}</p>;
  if (lines.length === 0) return null;
  return (
    <div class="self-reported">
      <Titled title="Measured elsewhere" table={tableOf(lines)} />
      <p class="notice">
        Self-reported: not run here, not checked, and in no rank or group above. Whoever is named as origin
        vouches for it.
      </p>
      <Scroll label="Measured elsewhere">
        <table class="reported">
          <thead>
            <tr>
              <th scope="col">Unlearner</th>
              <th scope="col">Setting</th>
              {METRICS.map((metric) => (
                <th key={metric} scope="col">
                  {METRIC_TITLES[metric]}
                </th>
              ))}
              <th scope="col" class="figure">
                RTE
              </th>
              <th scope="col" class="figure">
                <abbr title="Models that were reported / models that the protocol asks for">Seeds</abbr>
              </th>
              <th scope="col">Origin</th>
            </tr>
          </thead>
          <tbody>
            {lines.map(({ report, cell }) => (
              <Line
                key={`${report.id} ${cell.unlearner} ${cell.dataset} ${cell.model}`}
                report={report}
                cell={cell}
              />
            ))}
          </tbody>
        </table>
      </Scroll>
    </div>
  );
}

interface LineProps {
  report: SelfReport;
  cell: ReportedCell;
}

function Line({ report, cell }: LineProps) {
  const isShort = cell.seeds < cell.required_seeds;
  return (
    <tr>
      <th scope="row">{cell.unlearner}</th>
      <td>
        {cell.dataset} · {cell.model}
      </td>
      {METRICS.map((metric) => {
        const found = cell.metrics[COLUMN_OF[metric]];
        return (
          <td key={metric}>
            {number(found?.mean)} <span class="quiet">{spread(found?.sd ?? null)}</span>
          </td>
        );
      })}
      <td class="figure">{factor(cell.metrics.runtime_efficiency?.mean)}</td>
      <td class="figure">
        {cell.seeds}/{cell.required_seeds}
        {isShort && <span class="why">fewer than asked for</span>}
      </td>
      <td class="wide">
        <a href={report.link} rel="noreferrer noopener nofollow">
          {report.origin}
        </a>
        <span class="why">
          measured {report.measured_on}; imported by {report.owner} <Moment at={report.created_at} />
          {report.contact && `; ask ${report.contact}`}
        </span>
      </td>
    </tr>
  );
}

const tableOf = (lines: LineProps[]): Table => ({
  name: "lethe-self-reported",
  columns: [
    ...["tier", "unlearner", "dataset", "model", ...METRICS, "runtime efficiency", "seeds", "required seeds"],
    ...["origin", "link", "contact", "measured on", "imported by", "report"],
  ],
  rows: lines.map(({ report, cell }) => [
    ...[report.tier, cell.unlearner, cell.dataset, cell.model],
    ...METRICS.map((metric) => cell.metrics[COLUMN_OF[metric]]?.mean ?? null),
    ...[cell.metrics.runtime_efficiency?.mean ?? null, cell.seeds, cell.required_seeds],
    ...[report.origin, report.link, report.contact, report.measured_on, report.owner, report.id],
  ]),
});
