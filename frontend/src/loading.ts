// Load, keep what is there while loading again, and say when it is stale.
import { useEffect, useState } from "preact/hooks";

export interface Loaded<T> {
  data: T | null;
  error: string | null;
}

/** What `load` brings, asked for again every `refreshSeconds` while the page is visible. */
export function useLoaded<T>(load: () => Promise<T>, key: string, refreshSeconds?: number): Loaded<T> {
  const [loaded, setLoaded] = useState<Loaded<T>>({ data: null, error: null });
  useEffect(() => {
    let isCurrent = true;
    const refresh = async () => {
      try {
        const data = await load();
        if (isCurrent) setLoaded({ data, error: null });
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        if (isCurrent) setLoaded((before) => ({ data: before.data, error: text }));
      }
    };
    void refresh();
    const timer = refreshSeconds
      ? window.setInterval(() => document.hidden || void refresh(), 1000 * refreshSeconds)
      : undefined;
    return () => {
      isCurrent = false;
      window.clearInterval(timer);
    };
  }, [key]);
  return loaded;
}
