// What the ranks hang on: how far each row moves when the same results are ranked otherwise.
import type { Sensitivity } from "./api/client";
import { counted } from "./format";

export type Alternative = Sensitivity["alternatives"][number];

const OF_PART = /^(model|dataset):/;

/** Rankings of a part of the settings: dense ranks over others are not comparable one by one. */
export const isOfPart = (alternative: Alternative): boolean => OF_PART.test(alternative.id);

export interface Span {
  label: string;
  rank: number;
  low: number;
  high: number;
  /** Its rank in each alternative that has one, with the alternative's title. */
  elsewhere: { title: string; rank: number }[];
}

/** How far each ranked row moves over the alternatives that rank all settings, in the board's order. */
export function spansOf({ ranks, alternatives }: Sensitivity): Span[] {
  const whole = alternatives.filter((alternative) => !isOfPart(alternative));
  return Object.entries(ranks).flatMap(([label, rank]) => {
    if (rank === null) return [];
    const elsewhere = whole.flatMap(({ title, ranks: theirs }) => {
      const other = theirs[label] ?? null;
      return other === null ? [] : [{ title, rank: other }];
    });
    const all = [rank, ...elsewhere.map((each) => each.rank)];
    return [{ label, rank, low: Math.min(...all), high: Math.max(...all), elsewhere }];
  });
}

/** The finding, as a sentence. */
export function spanTitle(spans: Span[], titleOf: (label: string) => string): string {
  const still = spans.filter(({ low, high }) => low === high).length;
  if (still === spans.length) return `All ${spans.length} unlearners keep their rank however it is made`;
  const width = Math.max(...spans.map(({ low, high }) => high - low));
  const farthest = spans.filter(({ low, high }) => high - low === width);
  const [first] = farthest;
  const most =
    first && farthest.length === 1
      ? `${titleOf(first.label)} moves most, from ${first.low} to ${first.high}`
      : `${farthest.length} move by ${counted(width, "rank")}`;
  return `${still} of ${counted(spans.length, "unlearner")} keep their rank however it is made; ${most}`;
}

/** What an alternative changes, in words. */
export function movedText({ moved }: Alternative): string {
  const ranks = moved.filter((move) => move.rank_before !== move.rank_after).length;
  if (moved.length === 0) return "nobody moves";
  const others = moved.length - ranks;
  return [
    ...(ranks > 0 ? [`${counted(ranks, "rank")} differ${ranks === 1 ? "s" : ""}`] : []),
    ...(others > 0 ? [`${counted(others, "row")} in other groups at the same rank`] : []),
  ].join(", ");
}
