// Everything the page knows comes through here: the public API, and nothing else.
import { followStream } from "./event-stream";
import { askForKey, authorization } from "./key";
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
export type Estimate = Schemas["EstimateAnswer"];
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

const NEEDS_KEY = [401, 403];

/** Ask the service; what only a key allows is asked for again by the reader, once there is one. */
async function act<T>(path: string, init?: RequestInit): Promise<T> {
  try {
    return await request<T>(path, { method: "POST", ...init });
  } catch (error) {
    if (error instanceof Refused && NEEDS_KEY.includes(error.problem.status)) askForKey(error.message);
    throw error;
  }
}

async function request<T>(path: string, init?: RequestInit): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(ROOT + path, { ...init, headers: { ...authorization(), ...init?.headers } });
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
  act<Worker>(`/workers/${encodeURIComponent(id)}/${action}`);
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
export const getFailedUnits = (id: string) => every<Unit>(`/jobs/${id}/units`, { state: "failed" });
export const getJobResults = (id: string) => every<Result>(`/jobs/${id}/results`);
export const getJobTrials = (id: string) => every<Trial>(`/jobs/${id}/trials`);
export const cancelJob = (id: string) => act<Job>(`/jobs/${id}/cancel`);
export const retryJob = (id: string) => act<Job>(`/jobs/${id}/retry`);
const JSON_BODY = { "Content-Type": "application/json" };
export const submitJob = (spec: string) => act<Job>("/jobs", { body: spec, headers: JSON_BODY });
export const estimateJob = (spec: string) =>
  request<Estimate>("/jobs/estimate", { method: "POST", body: spec, headers: JSON_BODY });
/** Refused unless the service knows the key. */
export const checkKey = (key: string) =>
  request<Schemas["JobPage"]>("/jobs?limit=1", { headers: authorization(key) });

export const getSnapshots = () => every<Snapshot>("/snapshots");
export const getSnapshot = (id: string) => request<SnapshotDetail>(`/snapshots/${id}`);
export const getSnapshotDiff = (from: string, to: string, protocol: string) =>
  request<SnapshotDifference>(`/snapshots/${from}/diff?${new URLSearchParams({ to, protocol })}`);
export const createSnapshot = (protocol: string, title: string) =>
  act<Snapshot>("/snapshots", {
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

/** Follow a job's events from its submission on; a cut connection is taken up again. Returns how to stop. */
export function followJob(id: string, listener: JobListener): () => void {
  const stop = followStream(`${ROOT}/jobs/${id}/events`, authorization, {
    onEvent: ({ name, data }) => {
      if (name === "state" || name === "unit") listener.onEvent(JSON.parse(data) as LoggedEvent);
      if (name === "progress") listener.onRunning((JSON.parse(data) as { units: Unit[] }).units);
      if (name === "end") {
        stop();
        listener.onEnd();
      }
    },
    onConnection: listener.onConnection,
  });
  return stop;
}
