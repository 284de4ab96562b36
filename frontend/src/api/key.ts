// The key that requests are sent with. It is kept for this tab alone, and is gone when the tab is closed.
const KEPT = "lethe-key";
const CHANGED = "lethe:key-changed";
const WANTED = "lethe:key-wanted";

export const keptKey = (): string | null => sessionStorage.getItem(KEPT);

export function keepKey(key: string | null): void {
  if (key === null) sessionStorage.removeItem(KEPT);
  else sessionStorage.setItem(KEPT, key);
  window.dispatchEvent(new Event(CHANGED));
}

/** What a key, or the one that is kept, adds to a request. */
export const authorization = (key: string | null = keptKey()): Record<string, string> =>
  key === null ? {} : { Authorization: `Bearer ${key}` };

/** Say that the service refused for want of a key, and why. */
export const askForKey = (why: string): void => {
  window.dispatchEvent(new CustomEvent(WANTED, { detail: why }));
};

export interface KeyListener {
  onChanged(): void;
  onWanted(why: string): void;
}

/** Hear of both; returns how to stop. */
export function listenForKey(listener: KeyListener): () => void {
  const wanted = (event: Event) => listener.onWanted((event as CustomEvent<string>).detail);
  window.addEventListener(CHANGED, listener.onChanged);
  window.addEventListener(WANTED, wanted);
  return () => {
    window.removeEventListener(CHANGED, listener.onChanged);
    window.removeEventListener(WANTED, wanted);
  };
}
