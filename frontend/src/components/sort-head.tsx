// The head of a column that the rows can be sorted by.
import type { ComponentChildren } from "preact";
import type { Order } from "../sorting";

interface Props {
  by: string;
  order: Order;
  onSort: (by: string) => void;
  children: ComponentChildren;
}

export function SortButton({ by, order, onSort, children }: Props) {
  const sign = order.isDescending ? "▼" : "▲";
  return (
    <button type="button" class="sort" onClick={() => onSort(by)}>
      {children}
      <span aria-hidden="true">{order.by === by ? sign : ""}</span>
    </button>
  );
}
