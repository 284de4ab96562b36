// Everything the page knows comes through here: the public API, and nothing else.
import type { components } from "./schema";

type Schemas = components["schemas"];
export type Leaderboard = Schemas["LeaderboardAnswer"];
export type BoardRow = Schemas["BoardRow"];
export type BoardCell = Schemas["BoardCell"];
export type BoardSetting = Schemas["BoardSetting"];
export type Setting = Schemas["SettingAnswer"];
export type Group = Schemas["Group"];
export type Job = Schemas["JobAnswer"];
export type JobState = Schemas["JobState"];
export type Unit = Schemas["UnitAnswer"];
export type Result = Schemas["ResultAnswer"];
export type ResultDetail = Schemas["ResultDetail"];
export type Worker = Schemas["WorkerAnswer"];
export type Cohort = Schemas["Cohort"];
export type Trial = Schemas["TrialAnswer"];
export type Uncertainty = Schemas["UncertaintyAnswer"];
export type Sensitivity = Schemas["SensitivityAnswer"];
export type RowUncertainty = Schemas["RowUncertaintyAnswer"];
export type Paper = Schemas["PaperAnswer"];
export type Claim = Schemas["ClaimAnswer"];
export type Attack = Schemas["AttackAnswer"];
export type Catalog = Schemas["CatalogAnswer"];
export type Snapshot = Schemas["SnapshotAnswer"];
export type SnapshotDetail = Schemas["SnapshotDetail"];
export type SnapshotDifference = Schemas["SnapshotDifference"];
export type BoardChange = Schemas["BoardChangeAnswer"];
export type RowChange = Schemas["RowChangeAnswer"];
export type SelfReport = Schemas["SelfReportAnswer"];
export type ReportedCell = Schemas["ReportedCellAnswer"];
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
  let answer: Response;
  try {
    answer = await fetch(ROOT + path, init);
  } catch {
    throw new Error("the service does not answer.");
  }
  if (answer.ok) return (await answer.json()) as T;
  // Between the page and the service there may be a proxy, whose errors are not problem documents.
  const isProblem = answer.headers.get("Content-Type")?.startsWith("application/problem+json");
  if (isProblem) throw new Refused((await answer.json()) as Problem);
  throw new Error(`the service answered ${answer.status} ${answer.statusText}.`);
}

/** What went wrong, as a sentence. */
export const inWords = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export interface BoardFilters {
  protocol: string;
  metric: Metric;
  dataset: string;
  model: string;
  setting: string;
  cohort: Cohort;
}

function boardQuery(filters: BoardFilters): URLSearchParams {
  const query = new URLSearchParams({ protocol: filters.protocol, metric: filters.metric });
  for (const name of ["dataset", "model", "setting"] as const) {
    if (filters[name]) query.set(name, filters[name]);
  }
  if (filters.cohort !== "reference") query.set("cohort", filters.cohort);
  return query;
}

function boardPath(filters: BoardFilters, format?: string): string {
  const query = boardQuery(filters);
  if (format) query.set("format", format);
  return `/leaderboard?${query}`;
}

// "no-cache" sends the ETag of what the browser holds: a board that has not changed costs a 304.
export const getBoard = (filters: BoardFilters) =>
  request<Leaderboard>(boardPath(filters), { cache: "no-cache" });
export const boardUrl = (filters: BoardFilters, format: string) => ROOT + boardPath(filters, format);
export const getUncertainty = (filters: BoardFilters) =>
  request<Uncertainty>(`/leaderboard/uncertainty?${boardQuery(filters)}`);
export const getSensitivity = (filters: BoardFilters) =>
  request<Sensitivity>(`/leaderboard/sensitivity?${boardQuery({ ...filters, cohort: "reference" })}`);
export const getPaper = (protocol: string) =>
  request<Paper>(`/leaderboard/paper?${new URLSearchParams({ protocol })}`);
export const getAttacks = (setting: string) =>
  request<Schemas["AttacksAnswer"]>(`/attacks/${encodeURIComponent(setting)}`);
export const getClaims = (protocol: string) =>
  request<Schemas["ClaimsAnswer"]>(`/leaderboard/claims?${new URLSearchParams({ protocol })}`);
export const steerWorker = (id: string, action: "drain" | "resume") =>
  request<Worker>(`/workers/${encodeURIComponent(id)}/${action}`, { method: "POST" });
export const getSettings = (protocol: string) =>
  request<Schemas["SettingsAnswer"]>(`/leaderboard/settings?${new URLSearchParams({ protocol })}`);
export const getCatalog = () => request<Catalog>("/catalog");
export const getQueue = () => request<Schemas["QueueAnswer"]>("/queue");
export const getWorkers = () => request<Schemas["WorkersAnswer"]>("/workers");
export const getResults = (filters: { setting?: string; unlearner?: string }) =>
  every<Result>("/results", filters);
export const getResult = (id: string) => request<ResultDetail>(`/results/${id}`);
export const badgeUrl = (unlearner: string, protocol: string, metric: Metric) =>
  `${ROOT}/badges/${unlearner}.svg?${new URLSearchParams({ protocol, metric })}`;
export const getJobs = (cursor: string | null) =>
  request<Schemas["JobPage"]>(`/jobs?${new URLSearchParams({ limit: "50", ...(cursor && { cursor }) })}`);
export const getJob = (id: string) => request<Job>(`/jobs/${id}`);
export const getJobUnits = (id: string) => every<Unit>(`/jobs/${id}/units`);
export const getJobResults = (id: string) => every<Result>(`/jobs/${id}/results`);
export const getJobTrials = (id: string) => every<Trial>(`/jobs/${id}/trials`);
export const cancelJob = (id: string) => request<Job>(`/jobs/${id}/cancel`, { method: "POST" });
export const retryJob = (id: string) => request<Job>(`/jobs/${id}/retry`, { method: "POST" });
export const submitJob = (spec: string) =>
  request<Job>("/jobs", { method: "POST", body: spec, headers: { "Content-Type": "application/json" } });

export const getSnapshots = () => every<Snapshot>("/snapshots");
export const getSnapshot = (id: string) => request<SnapshotDetail>(`/snapshots/${id}`);
export const getSnapshotDiff = (from: string, to: string, protocol: string) =>
  request<SnapshotDifference>(`/snapshots/${from}/diff?${new URLSearchParams({ to, protocol })}`);
export const createSnapshot = (protocol: string, title: string) =>
  request<Snapshot>("/snapshots", {
    method: "POST",
    body: JSON.stringify({ protocol, ...(title && { title }) }),
    headers: { "Content-Type": "application/json" },
  });
export const snapshotBoardUrl = (snapshot: string, metric: Metric, format: string) =>
  `${ROOT}/leaderboard?${new URLSearchParams({ snapshot, metric, format })}`;
export const snapshotContentUrl = (id: string) => `${ROOT}/snapshots/${id}/content`;
export const getSelfReports = (filters: { protocol: string; dataset?: string; model?: string }) =>
  every<SelfReport>("/self-reported", filters);

/** All items of a list, page by page. */
async function every<T>(path: string, filters: Record<string, string> = {}): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({ ...filters, limit: "200", ...(cursor && { cursor }) });
    const page: { items: T[]; next_cursor: string | null } = await request(`${path}?${query}`);
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
