// A group as letter, shape and colour, so that none of them carries the meaning alone.
import type { Group } from "../api/client";
import { Shape } from "./shape";

export const MEANINGS: Record<Group, string> = {
  G1: "best group",
  G2: "middle group",
  G3: "worst group",
  F: "failed: too few usable models",
};

export const GroupBadge = ({ group }: { group: Group }) => (
  <span class={`group ${group.toLowerCase()}`} title={MEANINGS[group]}>
    <svg viewBox="-6 -6 12 12" width="12" height="12" aria-hidden="true">
      <Shape group={group} x={0} y={0} />
    </svg>
    {group}
  </span>
);
