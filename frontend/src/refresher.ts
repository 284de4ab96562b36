// Loads again when asked: one at a time, and however often asked, for a fifth of the time at most.

const MIN_PAUSE_SECONDS = 1;
const PAUSE_PER_LOADING_TIME = 4; // so that a long list, reloaded at every event, does not flood the service

export interface Refresher {
  ask(): void;
  stop(): void;
}

/** Runs `load`, which must not throw, at once when first asked, and after a pause when asked meanwhile. */
export function refresher(load: () => Promise<void>): Refresher {
  let isBusy = false;
  let isWanted = false;
  let isStopped = false;

  const run = async () => {
    isBusy = true;
    isWanted = false;
    const started = performance.now();
    await load();
    const pause = Math.max(1000 * MIN_PAUSE_SECONDS, PAUSE_PER_LOADING_TIME * (performance.now() - started));
    setTimeout(() => {
      isBusy = false;
      if (isWanted && !isStopped) void run();
    }, pause);
  };

  return {
    ask: () => {
      isWanted = true;
      if (!isBusy && !isStopped) void run();
    },
    stop: () => {
      isStopped = true;
    },
  };
}
