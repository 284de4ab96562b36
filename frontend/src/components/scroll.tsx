// A table that may be wider than the screen: it scrolls inside its own frame, by keyboard too.
import type { ComponentChildren } from "preact";

export const Scroll = ({ label, children }: { label: string; children: ComponentChildren }) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: without it the keyboard cannot scroll the frame
  <section class="scroll" aria-label={label} tabIndex={0}>
    {children}
  </section>
);
