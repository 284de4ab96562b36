// A method by its short title, which leads to everything about it.
import type { Catalog } from "../api/client";
import { namesOf } from "../board";
import { type Method, pageOf } from "../methods";

interface Props {
  method: Method;
  catalog: Catalog | null;
  protocol: string;
}

export function MethodLink({ method, catalog, protocol }: Props) {
  const page = pageOf(method);
  const { title } = namesOf(method, catalog);
  return page ? <a href={`${page}?${new URLSearchParams({ protocol })}`}>{title}</a> : <span>{title}</span>;
}
