// The order of the board's rows: the server's ranks, or what the reader asks for in the address.
import type { BoardRow } from "./api/client";

export interface Order {
  /** `rank`, `name`, a setting's id for its mean, or `<id>:rte` for its runtime efficiency. */
  by: string;
  isDescending: boolean;
}

const DEFAULT = "rank";
const DOWN = "-";

/** The order that an address asks for: `sort=name`, or `sort=-name` for the other way round. */
export function orderIn(query: URLSearchParams): Order {
  const asked = query.get("sort") || DEFAULT;
  return asked.startsWith(DOWN)
    ? { by: asked.slice(1), isDescending: true }
    : { by: asked, isDescending: false };
}

/** What the address says once a column's head is pressed: by it, then the other way round. */
export function pressed(order: Order, by: string): string {
  const asked = order.by === by && !order.isDescending ? `${DOWN}${by}` : by;
  return asked === DEFAULT ? "" : asked;
}

export const ariaSort = (order: Order, by: string): "ascending" | "descending" | "none" => {
  if (order.by !== by) return "none";
  return order.isDescending ? "descending" : "ascending";
};

/** Rows that have nothing to sort by come last either way; equal ones keep the server's order. */
export function sortRows(rows: BoardRow[], order: Order, titleOf: (row: BoardRow) => string): BoardRow[] {
  const sign = order.isDescending ? -1 : 1;
  const keyed = rows.map((row) => ({ row, key: sortKey(row, order.by, titleOf) }));
  keyed.sort(({ key: one }, { key: other }) => {
    if (one === null || other === null) return Number(one === null) - Number(other === null);
    if (typeof one === "string" || typeof other === "string") {
      return sign * String(one).localeCompare(String(other), "en");
    }
    return sign * (one - other);
  });
  return keyed.map(({ row }) => row);
}

function sortKey(row: BoardRow, by: string, titleOf: (row: BoardRow) => string): number | string | null {
  if (by === "rank") return row.rank;
  if (by === "name") return titleOf(row);
  const [setting, what] = by.split(":");
  const cell = row.cells.find((each) => each.setting === setting);
  return (what === "rte" ? cell?.runtime_efficiency : cell?.mean) ?? null;
}
