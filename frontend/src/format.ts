// The only place that turns numbers and times into text.

export const NOTHING = "–";

type Maybe = number | null | undefined;

export const number = (value: Maybe, digits = 3): string =>
  value === null || value === undefined ? NOTHING : value.toFixed(digits).replace("-", "−");

export const count = (value: number): string => value.toLocaleString("en");

/** A count with its noun: 1 unit, 2 units. */
export const counted = (value: number, noun: string): string =>
  `${count(value)} ${noun}${value === 1 ? "" : "s"}`;

export const percent = (share: Maybe, digits = 1): string =>
  share === null || share === undefined ? NOTHING : `${(100 * share).toFixed(digits)} %`;

/** A ratio with three digits that matter at most: 8.7×, 117×. */
export function factor(value: Maybe): string {
  if (value === null || value === undefined) return NOTHING;
  return `${value.toFixed(value < 99.95 ? 1 : 0)}×`;
}

export const spread = (sd: number | null): string => (sd === null ? "" : `± ${sd.toFixed(3)}`);

/** Names as people list them: A, B and C. */
export const listed = (names: string[]): string =>
  names.length < 2 ? names.join() : `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}`;

/** The end of an axis, without digits that say nothing: 0.2, 1, 2.5. */
export const tick = (value: number): string => String(Number(value.toPrecision(3)));

/** A duration in the two largest units that matter: 42 s, 3 min 5 s, 2 h 10 min. */
export function duration(seconds: Maybe): string {
  if (seconds === null || seconds === undefined) return NOTHING;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const megabytes = (bytes: Maybe): string =>
  bytes === null || bytes === undefined ? NOTHING : `${count(Math.round(bytes / 1e6))} MB`;

/** The time between two moments, or nothing where one of them has not come yet. */
export const between = (start: string | null, end: string | null): string =>
  start === null || end === null ? NOTHING : duration((Date.parse(end) - Date.parse(start)) / 1000);

const CLOCK = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const MOMENT = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });

export const clock = (time: string): string => CLOCK.format(new Date(time));

export const moment = (time: string | null): string =>
  time === null ? NOTHING : MOMENT.format(new Date(time));

export const words = (name: string): string => name.replaceAll("_", " ");
