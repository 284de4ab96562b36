// What a view can be narrowed to; every choice is kept in the address.
import type { Metric } from "../api/client";
import { METRIC_TITLES, METRICS } from "../board";

export const MetricSwitch = ({
  metric,
  onChoose,
}: {
  metric: Metric;
  onChoose: (metric: Metric) => void;
}) => (
  <fieldset class="facet">
    <legend>Metric</legend>
    <div class="switch">
      {METRICS.map((each) => (
        <label key={each}>
          <input
            type="radio"
            name="metric"
            value={each}
            checked={metric === each}
            onChange={() => onChoose(each)}
          />
          <span>{METRIC_TITLES[each]}</span>
        </label>
      ))}
    </div>
  </fieldset>
);

interface FacetProps {
  name: string;
  value: string;
  options: (readonly [string, string])[];
  onChoose: (value: string) => void;
}

export function Facet({ name, value, options, onChoose }: FacetProps) {
  // The address may name what the catalogue does not have (yet); the server says so, the select shows it.
  const isKnown = options.some(([id]) => id === value);
  return (
    <label class="facet">
      {name}
      <select value={value} onChange={(event) => onChoose(event.currentTarget.value)}>
        {!isKnown && <option value={value}>{value}</option>}
        {options.map(([id, title]) => (
          <option key={id} value={id}>
            {title}
          </option>
        ))}
      </select>
    </label>
  );
}
