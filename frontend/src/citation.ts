// How to cite an unlearner, from the sources that its catalogue entry names.
import type { Catalog } from "./api/client";

type Unlearner = Pick<Catalog["unlearners"][number], "id" | "title" | "name" | "source">;

/** A text of the catalogue without the sections of our own documents that it cites. */
export const withoutSections = (text: string): string =>
  text.replace(/\s*\((methods|protocol) §[^)]*\)/g, "").trim();

export interface Piece {
  text: string;
  /** Where it leads, for a preprint. */
  address: string | null;
}

const PREPRINT = /(arXiv[: ]\d{4}\.\d{4,5})/;

/** A text cut where it names preprints, each of them with its address. */
export const piecesOf = (text: string): Piece[] =>
  text
    .split(PREPRINT)
    .filter(Boolean)
    .map((piece) => ({
      text: piece,
      address: PREPRINT.test(piece) ? `https://arxiv.org/abs/${piece.slice("arXiv ".length)}` : null,
    }));

/** A BibTeX entry per source; what a source does not say, such as the title, is left out. */
export const bibtexOf = (unlearner: Unlearner): string =>
  unlearner.source
    .split("; ")
    .map((source) => entryOf(source, unlearner))
    .join("\n");

function entryOf(source: string, { id, title, name }: Unlearner): string {
  const [, first, others] = /^([\p{L}-]+) (et al\.|& [\p{L}-]+)(?= \d{4})/u.exec(source) ?? [];
  const year = /\b(?:19|20)\d{2}\b/.exec(source)?.[0];
  const eprint = /arXiv[: ](\d{4}\.\d{4,5})/.exec(source)?.[1];
  const author =
    others === "et al." ? `${first} and others` : first && `${first} ${others}`.replace("&", "and");
  const fields = [
    ["author", author],
    ["year", year],
    ["eprint", eprint],
    ["archivePrefix", eprint && "arXiv"],
    ["howpublished", eprint ? undefined : source],
    ["note", `Source of ${name === title ? title : `${name} (${title})`}`],
  ].flatMap(([field, value]) => (value ? [`  ${field} = {${value.replaceAll("&", "\\&")}}`] : []));
  return `@misc{${first?.toLowerCase() ?? ""}${year ?? ""}${id},\n${fields.join(",\n")}\n}\n`;
}

export interface View {
  /** The file's name without its ending; also the entry's key. */
  name: string;
  title: string;
  url: string;
  /** When it was seen: what is on a page changes. */
  seen: Date;
}

/** A BibTeX entry for a view, which its address brings back. */
export function bibtexOfView({ name, title, url, seen }: View): string {
  const day = seen.toISOString().slice(0, 10);
  const fields = [
    `  title = {${escaped(title)}}`,
    "  author = {{Lethe}}",
    `  year = {${seen.getUTCFullYear()}}`,
    `  url = {${url}}`,
    `  urldate = {${day}}`,
    "  note = {An open leaderboard for machine unlearning}",
  ];
  return `@misc{${name}-${day},\n${fields.join(",\n")}\n}\n`;
}

const escaped = (text: string): string => text.replace(/[&%$#_]/g, "\\$&");
