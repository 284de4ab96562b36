// Tables as text that people take elsewhere; always with a decimal point, whatever the reader's language.

export type Value = string | number | boolean | null;

export interface Table {
  /** The name of the file, without its ending. */
  name: string;
  columns: string[];
  rows: Value[][];
}

export const toCsv = ({ columns, rows }: Table): string =>
  [columns, ...rows].map((row) => `${row.map(csvField).join(",")}\r\n`).join("");

function csvField(value: Value): string {
  const text = value === null ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A list of objects, one per row. */
export const toJson = ({ columns, rows }: Table): string =>
  `${JSON.stringify(
    rows.map((row) => Object.fromEntries(columns.map((column, index) => [column, row[index] ?? null]))),
    null,
    2,
  )}\n`;

/** A `tabular` with the rules of booktabs. */
export function toLatex({ columns, rows }: Table): string {
  const line = (cells: Value[]) => `${cells.map(latexCell).join(" & ")} \\\\`;
  return [
    `\\begin{tabular}{${"l".repeat(columns.length)}}`,
    "\\toprule",
    line(columns),
    "\\midrule",
    ...rows.map(line),
    "\\bottomrule",
    "\\end{tabular}",
    "",
  ].join("\n");
}

const LATEX: Record<string, string> = {
  "\\": "\\textbackslash{}",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
};

function latexCell(value: Value): string {
  if (value === null) return "--";
  return String(value).replace(/[\\~^&%$#_{}]/g, (sign) => LATEX[sign] ?? `\\${sign}`);
}
