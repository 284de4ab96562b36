// Everything the page knows comes through here: the public API, and nothing else.
import type { components } from "./schema";

type Schemas = components["schemas"];
export type Leaderboard = Schemas["LeaderboardAnswer"];
export type BoardRow = Schemas["BoardRow"];
export type BoardCell = Schemas["BoardCell"];
export type BoardSetting = Schemas["BoardSetting"];
export type Job = Schemas["JobAnswer"];
export type Unit = Schemas["UnitAnswer"];
export type Result = Schemas["ResultAnswer"];
export type Catalog = Schemas["CatalogAnswer"];
export type Problem = Schemas["Problem"];
export type Metric = Schemas["Metric"];

const ROOT = "/api/v1";

/** The service refused; `problem` says why, in words. */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}

async function request<T>(path: string, init?: RequestInit): Promise<T> {
  const answer = await fetch(ROOT + path, init);
  if (!answer.ok) {
    throw new Refused((await answer.json()) as Problem);
  }
  return (await answer.json()) as T;
}

export interface BoardFilters {
  protocol: string;
  metric: Metric;
  dataset: string;
  model: string;
}

export function boardPath(filters: BoardFilters, format?: string): string {
  const query = new URLSearchParams({ protocol: filters.protocol, metric: filters.metric });
  for (const name of ["dataset", "model"] as const) {
    if (filters[name]) query.set(name, filters[name]);
  }
  if (format) query.set("format", format);
  return `/leaderboard?${query}`;
}

// The browser revalidates with the ETag by itself, so asking again costs a 304.
export const getBoard = (filters: BoardFilters) => request<Leaderboard>(boardPath(filters));
export const boardUrl = (filters: BoardFilters, format: string) => ROOT + boardPath(filters, format);
export const getCatalog = () => request<Catalog>("/catalog");
export const getJobs = () => request<Schemas["JobPage"]>("/jobs?limit=50");
export const getJob = (id: string) => request<Job>(`/jobs/${id}`);
export const cancelJob = (id: string) => request<Job>(`/jobs/${id}/cancel`, { method: "POST" });
export const retryJob = (id: string) => request<Job>(`/jobs/${id}/retry`, { method: "POST" });
export const submitJob = (spec: string) =>
  request<Job>("/jobs", { method: "POST", body: spec, headers: { "Content-Type": "application/json" } });

/** All results of a job, page by page. */
export async function getJobResults(id: string): Promise<Result[]> {
  const items: Result[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor ? `&cursor=${cursor}` : "";
    const page: Schemas["ResultPage"] = await request(`/jobs/${id}/results?limit=200${query}`);
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor);
  return items;
}

export interface LoggedEvent {
  id: number;
  unit_id: string | null;
  reason: string;
  text: string;
  created_at: string;
}

export interface JobListener {
  onEvent(event: LoggedEvent): void;
  onRunning(units: Unit[]): void;
  onEnd(): void;
  onConnection(isLive: boolean): void;
}

/** Follow a job's events from its submission on; the browser reconnects by itself. Returns how to stop. */
export function followJob(id: string, listener: JobListener): () => void {
  const source = new EventSource(`${ROOT}/jobs/${id}/events`);
  const logged = (message: MessageEvent<string>) => listener.onEvent(JSON.parse(message.data) as LoggedEvent);
  source.addEventListener("state", logged);
  source.addEventListener("unit", logged);
  source.addEventListener("progress", (message: MessageEvent<string>) =>
    listener.onRunning((JSON.parse(message.data) as { units: Unit[] }).units),
  );
  source.addEventListener("end", () => {
    source.close();
    listener.onEnd();
  });
  source.onopen = () => listener.onConnection(true);
  source.onerror = () => listener.onConnection(false);
  return () => source.close();
}
