// A view to take elsewhere: as a file, or as the link that brings it back.
import { useState } from "preact/hooks";
import { bibtexOfView } from "../citation";
import { type Table, toCsv, toJson, toLatex } from "../exports";

const FORMATS = [
  ["CSV", "csv", "text/csv", toCsv],
  ["JSON", "json", "application/json", toJson],
  ["LaTeX", "tex", "application/x-tex", toLatex],
] as const;
const SHOWN_SECONDS = 2;

/** Downloads of what a page shows. */
export const Downloads = ({ table }: { table: Table }) => (
  <p class="downloads">
    Download{" "}
    {FORMATS.map(([title, extension, type, write]) => (
      <button
        key={title}
        type="button"
        class="link"
        onClick={() => save(write(table), `${table.name}.${extension}`, type)}
      >
        {title}
      </button>
    ))}
    <Cite name={table.name} />
    <CopyLink />
  </p>
);

/** A citation of the view: its heading, its address, and the day. */
export function Cite({ name }: { name: string }) {
  const download = () => {
    const title = `${document.querySelector("h1")?.textContent ?? ""} (${document.title})`;
    const entry = bibtexOfView({ name, title, url: window.location.href, seen: new Date() });
    save(entry, `${name}.bib`, "application/x-bibtex");
  };
  return (
    <button type="button" class="link" onClick={download}>
      BibTeX
    </button>
  );
}

/** Hand a text to the reader as a file. */
export function save(text: string, name: string, type: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

/** The address holds the whole view, so it is all there is to copy. */
export function CopyLink() {
  const [isCopied, setIsCopied] = useState(false);
  if (!window.isSecureContext) return null; // browsers give the clipboard to secure origins only
  const copy = async () => {
    await navigator.clipboard.writeText(window.location.href);
    setIsCopied(true);
    setTimeout(() => setIsCopied(false), 1000 * SHOWN_SECONDS);
  };
  return (
    <button type="button" class="link" onClick={() => void copy()}>
      {isCopied ? "Copied" : "Copy link"}
    </button>
  );
}
