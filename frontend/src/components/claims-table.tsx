// The paper's claims, each with a verdict on what ran here and on the paper's own numbers.
import type { Claim } from "../api/client";
import type { Table } from "../exports";
import { counted, words } from "../format";
import { TitledTable } from "./titled";

interface Props {
  claims: Claim[];
  protocol: string;
}

export function ClaimsTable({ claims, protocol }: Props) {
  const holding = claims.filter((claim) => claim.verdict === "holds").length;
  const tested = claims.filter((claim) => claim.verdict !== "not_enough_runs").length;
  return (
    <TitledTable title="The paper’s claims" table={tableOf(claims)}>
      <table class="claims">
        <caption>
          <span>
            {holding} of {counted(tested, "claim")} that can be tested under {protocol} hold
            {tested < claims.length && `; ${claims.length - tested} need more runs`}
          </span>
        </caption>
        <thead>
          <tr>
            <th scope="col">Claim</th>
            <th scope="col">Here</th>
            <th scope="col">On the paper&rsquo;s own numbers</th>
          </tr>
        </thead>
        <tbody>
          {claims.map((claim) => (
            <Line key={claim.id} claim={claim} />
          ))}
        </tbody>
      </table>
    </TitledTable>
  );
}

const Line = ({ claim }: { claim: Claim }) => (
  <tr>
    <th scope="row" class="wide">
      {claim.text}
      <span class="why">
        {claim.source}
        {claim.check && `; tested: ${claim.check}`}
      </span>
    </th>
    <td class="wide">
      <Verdict verdict={claim.verdict} />
      <span class="why">{whyOf(claim)}</span>
    </td>
    <td class="wide">
      <Verdict verdict={claim.verdict_on_paper} />
      <span class="why">{claim.evidence_on_paper}</span>
    </td>
  </tr>
);

/** What a claim's verdict here rests on, or what it lacks. */
function whyOf({ evidence, missing, missing_settings }: Claim): string {
  if (missing.length > 0) return `runs missing of ${missing.join(", ")}`;
  if (missing_settings.length === 0) return evidence;
  return `${evidence} so far, without ${missing_settings.length} of the settings that it is about`;
}

const Verdict = ({ verdict }: { verdict: Claim["verdict"] }) => (
  <span class={`verdict ${verdict}`}>{words(verdict)}</span>
);

const tableOf = (claims: Claim[]): Table => ({
  name: "lethe-paper-claims",
  columns: [
    ...["claim", "source", "check", "verdict", "evidence", "missing"],
    ...["settings missing", "on the paper", "evidence on the paper"],
  ],
  rows: claims.map((claim) => [
    ...[claim.text, claim.source, claim.check, claim.verdict, claim.evidence, claim.missing.join(" ")],
    ...[claim.missing_settings.join(" "), claim.verdict_on_paper, claim.evidence_on_paper],
  ]),
});
