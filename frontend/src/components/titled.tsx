// A table under its heading, with its contents to take elsewhere beside it.
import type { ComponentChildren } from "preact";
import type { Table } from "../exports";
import { Downloads } from "./downloads";
import { Scroll } from "./scroll";

interface Props {
  title: string;
  table: Table;
}

export const Titled = ({ title, table }: Props) => (
  <div class="bar">
    <h2>{title}</h2>
    <Downloads table={table} />
  </div>
);

export const TitledTable = ({ title, table, children }: Props & { children: ComponentChildren }) => (
  <>
    <Titled title={title} table={table} />
    <Scroll label={title}>{children}</Scroll>
  </>
);
