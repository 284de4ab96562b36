// The only place that turns numbers and times into text.

export const NOTHING = "–";

export const number = (value: number | null | undefined, digits = 3): string =>
  value === null || value === undefined ? NOTHING : value.toFixed(digits);

export const percent = (share: number | null | undefined): string =>
  share === null || share === undefined ? NOTHING : `${(100 * share).toFixed(1)} %`;

export const factor = (value: number | null): string => (value === null ? NOTHING : `${value.toFixed(1)}×`);

export const spread = (sd: number | null): string => (sd === null ? "" : `± ${sd.toFixed(3)}`);

/** A duration in the two largest units that matter: 42 s, 3 min 5 s, 2 h 10 min. */
export function duration(seconds: number | null): string {
  if (seconds === null) return NOTHING;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const clock = (time: string): string => new Date(time).toLocaleTimeString();

export const moment = (time: string | null): string =>
  time === null ? NOTHING : new Date(time).toLocaleString();

export const words = (name: string): string => name.replaceAll("_", " ");
