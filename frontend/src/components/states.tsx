// What a view shows while it has nothing, or no longer something fresh, to show.
import type { ComponentChildren } from "preact";
import type { Loaded } from "../loading";

const Loading = ({ what }: { what: string }) => (
  <p class="quiet loading" role="status">
    Loading {what} …
  </p>
);

const Failed = ({ what, why }: { what: string; why: string }) => (
  <p class="notice bad" role="alert">
    Could not load {what}: {why}
  </p>
);

export const Stale = ({ why }: { why: string }) => (
  <p class="notice" role="status">
    What you see may be out of date: {why} Trying again.
  </p>
);

interface Props<T> {
  what: string;
  loaded: Loaded<T>;
  children: (data: T) => ComponentChildren;
}

/** The data of a view once they are there, with a notice while they cannot be refreshed. */
export function Shown<T>({ what, loaded, children }: Props<T>) {
  const { data, error, isPrevious } = loaded;
  if (data === null) return error === null ? <Loading what={what} /> : <Failed what={what} why={error} />;
  return (
    <div class={isPrevious ? "previous" : undefined} aria-busy={isPrevious}>
      {error && <Stale why={error} />}
      {children(data)}
    </div>
  );
}
