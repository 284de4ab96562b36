// A table that may be wider than the screen: it scrolls inside its own frame, by keyboard too.
import type { ComponentChildren } from "preact";

interface Props {
  label: string;
  /** Beyond the text, to the right edge of the screen. */
  isWide?: boolean;
  children: ComponentChildren;
}

export const Scroll = ({ label, isWide = false, children }: Props) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: without it the keyboard cannot scroll the frame
  <section class={isWide ? "scroll wide-frame" : "scroll"} aria-label={label} tabIndex={0}>
    {children}
  </section>
);
