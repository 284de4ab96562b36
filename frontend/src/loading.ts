// Load, keep what is there while loading again, and say when it is stale.
import { useEffect, useRef, useState } from "preact/hooks";
import { inWords } from "./api/client";
import { type Refresher, refresher } from "./refresher";

export interface Loaded<T> {
  data: T | null;
  error: string | null;
  /** The data are those of the previous view, shown until this one's are there. */
  isPrevious: boolean;
  /** Load again, soon. */
  refresh: () => void;
}

interface Held<T> {
  view: string;
  data: T | null;
  error: string | null;
}

/** What `load` brings for a view, asked for again every `seconds` while the page is visible. */
export function useLoaded<T>(load: () => Promise<T>, view: string, seconds?: number): Loaded<T> {
  const [held, setHeld] = useState<Held<T>>({ view, data: null, error: null });
  const current = useRef<Refresher | null>(null);

  // `load` is another function at every drawing; `view` says when it is another question.
  useEffect(() => {
    let isCurrent = true;
    const mine = refresher(async () => {
      try {
        const data = await load();
        if (isCurrent) setHeld({ view, data, error: null });
      } catch (error) {
        const keep = (before: Held<T>) => (before.view === view ? before.data : null);
        if (isCurrent) setHeld((before) => ({ view, data: keep(before), error: inWords(error) }));
      }
    });
    current.current = mine;
    mine.ask();
    return () => {
      isCurrent = false;
      mine.stop();
    };
  }, [view]);

  useEffect(() => {
    if (!seconds) return;
    const ask = () => document.hidden || current.current?.ask();
    const timer = window.setInterval(ask, 1000 * seconds);
    document.addEventListener("visibilitychange", ask);
    return () => {
      window.clearInterval(timer);
      document.removeEventListener("visibilitychange", ask);
    };
  }, [seconds]);

  return {
    data: held.data,
    error: held.view === view ? held.error : null,
    isPrevious: held.view !== view,
    refresh: () => current.current?.ask(),
  };
}
