// The address is the state: which page, and which view of it.
import { useEffect, useState } from "preact/hooks";

export interface Place {
  path: string;
  query: URLSearchParams;
}

const here = (): Place => ({
  path: window.location.pathname,
  query: new URLSearchParams(window.location.search),
});

/** Go to an address of this page without loading it anew. */
export function go(address: string): void {
  const before = window.location.pathname;
  window.history.pushState(null, "", address);
  window.dispatchEvent(new PopStateEvent("popstate"));
  if (window.location.pathname !== before) window.scrollTo(0, 0);
}

/** The same page with other choices in its address; an empty one is left out. */
export function withChoices(place: Place, choices: Record<string, string>): string {
  const query = new URLSearchParams(place.query);
  for (const [name, value] of Object.entries(choices)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const asked = query.toString();
  return asked ? `${place.path}?${asked}` : place.path;
}

/** The present address; the component is drawn again when it changes. */
export function usePlace(): Place {
  const [place, setPlace] = useState(here);
  useEffect(() => {
    const update = () => setPlace(here());
    window.addEventListener("popstate", update);
    return () => window.removeEventListener("popstate", update);
  }, []);
  return place;
}

/** Let plain links inside the page change the address without loading it anew. */
export function followLinks(event: MouseEvent): void {
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  const isPlain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
  if (!link || !isPlain || link.origin !== window.location.origin) return;
  if (link.hash || link.hasAttribute("data-outside")) return;
  event.preventDefault();
  go(link.pathname + link.search);
}
