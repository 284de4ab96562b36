// What a view can be narrowed to; every choice is kept in the address.
import type { ComponentChildren } from "preact";
import type { Catalog } from "../api/client";
import { METRIC_TITLES, METRICS, metricIn, protocolIn } from "../board";
import { go, type Place, withChoices } from "../router";

/** The choices of a view, side by side. */
export const Facets = ({ children }: { children: ComponentChildren }) => (
  <form class="facets" onSubmit={(event) => event.preventDefault()}>
    {children}
  </form>
);

/** By which of the two metrics the view is. */
export const MetricFacet = ({ place }: { place: Place }) => (
  <fieldset class="facet metric">
    <legend>Metric</legend>
    <div class="switch">
      {METRICS.map((each) => (
        <label key={each}>
          <input
            type="radio"
            name="metric"
            value={each}
            checked={metricIn(place.query) === each}
            onChange={() => go(withChoices(place, { metric: each }))}
          />
          <span>{METRIC_TITLES[each]}</span>
        </label>
      ))}
    </div>
  </fieldset>
);

interface ProtocolProps {
  place: Place;
  /** Null until it is there. */
  catalog: Catalog | null;
  /** Choices in the address that mean nothing under another protocol. */
  clears?: string[];
}

/** Under which protocol the view is. */
export const ProtocolFacet = ({ place, catalog, clears = [] }: ProtocolProps) => (
  <Facet
    name="Protocol"
    value={protocolIn(place.query)}
    options={(catalog?.protocols ?? []).map(({ id }) => [id, id])}
    onChoose={(protocol) =>
      go(withChoices(place, { protocol, ...Object.fromEntries(clears.map((name) => [name, ""])) }))
    }
  />
);

interface FacetProps {
  name: string;
  value: string;
  options: (readonly [string, string])[];
  /** The options are long: on a phone it stands alone. */
  isLong?: boolean;
  onChoose: (value: string) => void;
}

export function Facet({ name, value, options, isLong = false, onChoose }: FacetProps) {
  // The address may name what the catalogue does not have (yet); the server says so, the select shows it.
  const isKnown = options.some(([id]) => id === value);
  return (
    <label class={isLong ? "facet long" : "facet"}>
      {name}
      <select
        name={name.toLowerCase()}
        value={value}
        onChange={(event) => onChoose(event.currentTarget.value)}
      >
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
