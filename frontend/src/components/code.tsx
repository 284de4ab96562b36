// Text to take elsewhere, with a button that copies it.
import { useState } from "preact/hooks";

const SHOWN_SECONDS = 2;

export function Code({ title, text }: { title: string; text: string }) {
  const [isCopied, setIsCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setIsCopied(true);
    setTimeout(() => setIsCopied(false), 1000 * SHOWN_SECONDS);
  };
  return (
    <figure class="code">
      <figcaption>
        {title}
        {/* Browsers give the clipboard to secure origins only. */}
        {window.isSecureContext && (
          <button type="button" class="small" onClick={() => void copy()} aria-label={`Copy ${title}`}>
            {isCopied ? "Copied" : "Copy"}
          </button>
        )}
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: without it the keyboard cannot scroll it */}
      <pre tabIndex={0}>{text}</pre>
    </figure>
  );
}
