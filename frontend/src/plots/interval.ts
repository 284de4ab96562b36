// A mean with its spread on an axis that all rows of a setting share: numbers to marks.

export interface Interval {
  mean: number | null;
  sd: number | null;
}

export interface Axis {
  from: number;
  to: number;
}

/** Places along the axis, as fractions of its length in [0, 1]. */
export interface IntervalMarks {
  low: number;
  mean: number;
  high: number;
}

/** The smallest axis with round ends that shows every interval, within `limits`; null with nothing to show. */
export function axisOf(intervals: Interval[], limits: Axis): Axis | null {
  const ends = intervals.flatMap(({ mean, sd }) =>
    mean !== null && Number.isFinite(mean) ? [mean - (sd ?? 0), mean + (sd ?? 0)] : [],
  );
  if (ends.length === 0) return null;
  const low = Math.max(Math.min(...ends), limits.from);
  const high = Math.min(Math.max(...ends), limits.to);
  const step = roundStep(high - low || Math.abs(high) || 1);
  const from = Math.max(step * Math.floor(low / step), limits.from);
  const to = Math.min(step * Math.ceil(high / step), limits.to);
  return from < to ? { from, to } : { from: from - step, to: to + step };
}

/** Where an interval lies on an axis, cut at its ends; null without a mean. */
export function intervalMarks({ mean, sd }: Interval, axis: Axis): IntervalMarks | null {
  if (mean === null || !Number.isFinite(mean)) return null;
  const place = (value: number) => Math.min(Math.max((value - axis.from) / (axis.to - axis.from), 0), 1);
  return { low: place(mean - (sd ?? 0)), mean: place(mean), high: place(mean + (sd ?? 0)) };
}

/** 1, 2 or 5 times a power of ten, at most a quarter of the span. */
function roundStep(span: number): number {
  const power = 10 ** Math.floor(Math.log10(span / 4));
  const factor = [5, 2, 1].find((candidate) => candidate * power <= span / 4) ?? 1;
  return factor * power;
}
