// A board as the files that the service writes of it.
import { Cite, CopyLink } from "./downloads";

const FORMATS = [
  ["csv", "CSV", "csv"],
  ["json", "JSON", "json"],
  ["markdown", "Markdown", "md"],
  ["latex", "LaTeX", "tex"],
] as const;

interface Props {
  /** The file's name, without its ending. */
  name: string;
  urlOf: (format: string) => string;
}

export const BoardDownloads = ({ name, urlOf }: Props) => (
  <p class="downloads">
    Download{" "}
    {FORMATS.map(([format, title, extension]) => (
      <a key={format} href={urlOf(format)} data-outside download={`${name}.${extension}`}>
        {title}
      </a>
    ))}
    <Cite name={name} />
    <CopyLink />
  </p>
);
