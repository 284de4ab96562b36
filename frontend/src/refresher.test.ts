import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { refresher } from "./refresher";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const loading = (milliseconds: number) =>
  vi.fn(() => new Promise<void>((done) => setTimeout(done, milliseconds)));

it("loads at once, and only once more however often it is asked meanwhile", async () => {
  const load = loading(10);
  const { ask } = refresher(load);
  for (let asked = 0; asked < 50; asked++) ask();
  expect(load).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(5000);
  expect(load).toHaveBeenCalledTimes(2);
});

it("rests four times as long as loading took", async () => {
  const load = loading(2000);
  const { ask } = refresher(load);
  ask();
  ask();
  await vi.advanceTimersByTimeAsync(9900);
  expect(load).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(200);
  expect(load).toHaveBeenCalledTimes(2);
});

it("does not load again once it is stopped", async () => {
  const load = loading(10);
  const { ask, stop } = refresher(load);
  ask();
  ask();
  stop();
  await vi.advanceTimersByTimeAsync(5000);
  ask();
  expect(load).toHaveBeenCalledTimes(1);
});
