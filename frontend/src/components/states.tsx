// What a view shows while it has nothing, or no longer something fresh, to show.

export const Loading = ({ what }: { what: string }) => <p class="quiet">Loading {what} …</p>;

export const Failed = ({ what, why }: { what: string; why: string }) => (
  <p class="notice bad" role="alert">
    {what} could not be loaded: {why}
  </p>
);

export const Stale = ({ why }: { why: string }) => (
  <p class="notice" role="status">
    What you see may be out of date: {why}
  </p>
);
