// A name and what it stands for, in a list of facts.
import type { ComponentChildren } from "preact";

export const Fact = ({ name, children }: { name: string; children: ComponentChildren }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);
