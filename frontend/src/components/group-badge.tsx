// A group as letter, shape and colour, so that none of them carries the meaning alone.

const MEANINGS: Record<string, string> = {
  G1: "best cluster",
  G2: "middle cluster",
  G3: "worst cluster",
  F: "failed: too few usable models",
};
const SHAPES: Record<string, string> = { G1: "●", G2: "◆", G3: "▲", F: "✕" };

export const GroupBadge = ({ group }: { group: string }) => (
  <span class={`group ${group.toLowerCase()}`} title={MEANINGS[group]}>
    <span aria-hidden="true">{SHAPES[group]}</span> {group}
  </span>
);
