// A moment in words, exact for machines.
import { clock, moment, NOTHING } from "../format";

export const Moment = ({ at }: { at: string | null }) =>
  at === null ? <span>{NOTHING}</span> : <time dateTime={at}>{moment(at)}</time>;

export const Clock = ({ at }: { at: string }) => <time dateTime={at}>{clock(at)}</time>;
