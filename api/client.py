"""A thin, typed client of the API: each of its operations is a method, named by its `operationId`.

The command line is built on it; what it can do, anyone can do with curl.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self, TypedDict, TypeVar, Unpack

import httpx
from httpx_sse import connect_sse
from pydantic import BaseModel, ValidationError

from api.attack_answers import AttacksAnswer
from api.board_schemas import LeaderboardAnswer
from api.honesty_schemas import ClaimsAnswer, PaperAnswer, SensitivityAnswer, UncertaintyAnswer
from api.key_schemas import KeyAnswer, KeysAnswer, MeAnswer, NewKeyAnswer, RevokedKeyAnswer
from api.log_schemas import LogAnswer
from api.schemas import (
    CatalogAnswer,
    EstimateAnswer,
    HealthAnswer,
    JobAnswer,
    QueueAnswer,
    ResultAnswer,
    ResultDetail,
    SettingsAnswer,
    TrialAnswer,
    UnitAnswer,
    WorkerAnswer,
    WorkersAnswer,
)
from api.self_report_schemas import SelfReportAnswer, SelfReportDetail
from api.snapshot_schemas import SnapshotAnswer, SnapshotDetail, SnapshotDifference
from api.steering_schemas import BulkCancelAnswer
from api.webhook_schemas import DeliveryAnswer, NewWebhookAnswer, WebhookAnswer, WebhooksAnswer
from core.errors import LetheError
from core.spec.job import JobSpec
from core.store.states import FINAL_JOB

TIMEOUT = httpx.Timeout(30.0, read=90.0)  # a long poll takes up to a minute
LONG_POLL_SECONDS = 60

JSON = {"Content-Type": "application/json"}

Model = TypeVar("Model", bound=BaseModel)
Spec = JobSpec | dict[str, Any] | bytes


class Filters(TypedDict, total=False):
    """Which of a protocol's settings count; None is as good as nothing."""

    protocol: str | None
    dataset: str | None
    model: str | None
    setting: str | None


class BoardFilters(Filters, total=False):
    """Which board: also the `metric`, and the `cohort` that fixes its groups."""

    metric: str | None
    cohort: str | None


class JobChanges(TypedDict, total=False):
    """What may be changed about a job."""

    label: str
    priority: int
    visibility: Literal["public", "private"]


class KeyFields(TypedDict, total=False):
    """What a new key may have besides its name; `days` and `device_seconds` of None are no limit."""

    owner: str
    scope: Literal["read", "submit", "admin"]
    days: float | None
    device_seconds: float | None


class RequestRefused(LetheError):
    """The service answered with a problem; the message carries all it said."""

    def __init__(self, problem: dict[str, Any]) -> None:
        self.problem = problem
        lines = [f"{problem.get('title', 'The request was refused')}: {problem.get('detail', '')}"]
        for error in problem.get("errors") or []:
            hint = f" Did you mean {error['suggestion']!r}?" if error.get("suggestion") else ""
            lines.append(f"  {error['pointer']}: {error['detail']}{hint}")
        super().__init__("\n".join(lines))

    @property
    def code(self) -> str | None:
        """The stable code of the problem; what there is, is listed at `/docs/problems`."""
        return self.problem.get("code")


class ServiceUnreachable(LetheError):
    """Nothing answers at the service's address."""


class ServiceOutdated(LetheError):
    """The service is of an older release, whose answers lack what is read here."""

    def __init__(self, lacking: str) -> None:
        super().__init__(f"The service is older than this command: its answer lacks {lacking}. Upgrade it.")


@dataclass(frozen=True)
class ServerEvent:
    """One server-sent event: `name` is `state`, `unit`, `progress` or `end`."""

    name: str
    data: dict[str, Any]


class Client:
    """One Lethe service. Use as a context manager; every method may raise `RequestRefused`,
    `ServiceUnreachable` and `ServiceOutdated`.

    Lists come as iterators over all pages. An answer's fields that are newer than this client are left out.
    """

    def __init__(self, url: str = "http://127.0.0.1:8000", key: str = "") -> None:
        self.url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(base_url=self.url, timeout=TIMEOUT, headers=headers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection, where the client is not used as a context manager."""
        self._http.close()

    def submit_job(self, spec: Spec, *, idempotency_key: str | None = None) -> JobAnswer:
        """Submit a job spec; the job as the service accepted it. Sent again with the same key, it is the
        same job.
        """
        more = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self._sent(JobAnswer, "/jobs", content=_document(spec), headers={**JSON, **more})

    def estimate_job(self, spec: Spec) -> EstimateAnswer:
        """What a job spec would cost; nothing is submitted."""
        return self._sent(EstimateAnswer, "/jobs/estimate", content=_document(spec), headers=JSON)

    def list_jobs(
        self, *, state: Sequence[str] = (), owner: str | None = None, protocol: str | None = None
    ) -> Iterator[JobAnswer]:
        """Jobs, newest first, in one of the states, or in any."""
        return self._pages(JobAnswer, "/jobs", state=list(state), owner=owner, protocol=protocol)

    def get_job(self, job_id: str, *, wait: float = 0) -> JobAnswer:
        """One job as it is now, or once its state has changed, after `wait` seconds (60) at most."""
        return self._got(JobAnswer, f"/jobs/{job_id}", wait=wait or None)

    def wait_for_end(self, job_id: str) -> JobAnswer:
        """The job once it has ended."""
        job = self.get_job(job_id)
        while job.state not in FINAL_JOB:
            job = self.get_job(job_id, wait=LONG_POLL_SECONDS)
        return job

    def list_job_units(self, job_id: str, *, state: Sequence[str] = ()) -> Iterator[UnitAnswer]:
        """A job's units in one of the states, or in any, in the order of its plan."""
        return self._pages(UnitAnswer, f"/jobs/{job_id}/units", state=list(state))

    def list_job_results(self, job_id: str) -> Iterator[ResultAnswer]:
        """A job's results so far, in the order of its plan."""
        return self._pages(ResultAnswer, f"/jobs/{job_id}/results")

    def list_job_trials(self, job_id: str) -> Iterator[TrialAnswer]:
        """What a job's sweeps have tried so far, in the order of its plan."""
        return self._pages(TrialAnswer, f"/jobs/{job_id}/trials")

    def list_job_attacks(self, job_id: str) -> AttacksAnswer:
        """A job's attacks on single samples so far."""
        return self._got(AttacksAnswer, f"/jobs/{job_id}/attacks")

    def get_job_logs(self, job_id: str, *, tail: int = 200, after: int = 0) -> LogAnswer:
        """The last lines that a job's units logged, behind the one with the id `after`."""
        return self._got(LogAnswer, f"/jobs/{job_id}/logs", tail=tail, after=after)

    def get_unit_logs(self, job_id: str, unit_id: str, *, tail: int = 200, after: int = 0) -> LogAnswer:
        """The last lines that one unit logged, over all its attempts."""
        return self._got(LogAnswer, f"/jobs/{job_id}/units/{unit_id}/logs", tail=tail, after=after)

    def cancel_job(self, job_id: str) -> JobAnswer:
        """Stop a job; units that other jobs need go on."""
        return self._sent(JobAnswer, f"/jobs/{job_id}/cancel")

    def cancel_jobs(self, job_ids: Sequence[str]) -> BulkCancelAnswer:
        """Stop many jobs; those that cannot be stopped say why."""
        return self._sent(BulkCancelAnswer, "/jobs/cancel", json={"ids": list(job_ids)})

    def change_job(self, job_id: str, **changes: Unpack[JobChanges]) -> JobAnswer:
        """Change a job's label, priority or visibility; what is not named stays."""
        return _validated(JobAnswer, self._request("PATCH", f"/api/v1/jobs/{job_id}", json=changes))

    def retry_job(self, job_id: str) -> JobAnswer:
        """Run what failed or was cancelled of an ended job again."""
        return self._sent(JobAnswer, f"/jobs/{job_id}/retry")

    def follow_job(self, job_id: str, *, new_only: bool = False) -> Iterator[ServerEvent]:
        """The job's events from its submission on, until it has ended; a cut connection is taken up again.

        With `new_only` it is those that happen from now on, after a `progress` event that comes at once and
        has the job's `stages` as they are.
        """
        last_id: str | None = None
        path = f"/api/v1/jobs/{job_id}/events"
        while True:
            headers = {"Last-Event-ID": last_id} if last_id else {}
            try:
                with connect_sse(
                    self._http, "GET", path, headers=headers, params={"new_only": new_only}
                ) as source:
                    if source.response.is_error:
                        source.response.read()
                    _require_success(source.response)
                    for event in source.iter_sse():
                        if not event.data:  # a ping that keeps the connection open
                            continue
                        last_id = event.id or last_id
                        if event.event == "end":
                            return
                        yield ServerEvent(event.event, event.json())
            except httpx.TransportError as error:
                if last_id is None:
                    raise self._unreachable(error) from error

    def list_results(
        self, *, setting: str | None = None, unlearner: str | None = None
    ) -> Iterator[ResultAnswer]:
        """Results of all jobs, newest first."""
        return self._pages(ResultAnswer, "/results", setting=setting, unlearner=unlearner)

    def get_result(self, result_id: str) -> ResultDetail:
        """One result, with the jobs that it came of."""
        return self._got(ResultDetail, f"/results/{result_id}")

    def get_leaderboard(
        self, *, snapshot: str | None = None, **filters: Unpack[BoardFilters]
    ) -> LeaderboardAnswer:
        """The leaderboard, of today or as it was frozen."""
        return self._got(LeaderboardAnswer, "/leaderboard", snapshot=snapshot, **filters)

    def export_leaderboard(
        self, format: str, *, snapshot: str | None = None, **filters: Unpack[BoardFilters]
    ) -> str:
        """The leaderboard as `csv`, `json`, `latex` or `markdown`."""
        asked = {**filters, "format": format, "snapshot": snapshot}
        return self._request("GET", "/api/v1/leaderboard", asked).text

    def list_settings(self, *, protocol: str | None = None) -> SettingsAnswer:
        """The settings of a protocol that have results."""
        return self._got(SettingsAnswer, "/leaderboard/settings", protocol=protocol)

    def get_leaderboard_uncertainty(self, **filters: Unpack[BoardFilters]) -> UncertaintyAnswer:
        """How sure the leaderboard's ranks are."""
        return self._got(UncertaintyAnswer, "/leaderboard/uncertainty", **filters)

    def get_leaderboard_sensitivity(
        self, *, metric: str | None = None, **filters: Unpack[Filters]
    ) -> SensitivityAnswer:
        """What the leaderboard's ranks would be under other choices."""
        return self._got(SensitivityAnswer, "/leaderboard/sensitivity", metric=metric, **filters)

    def list_leaderboard_claims(self, **filters: Unpack[Filters]) -> ClaimsAnswer:
        """The paper's claims, tested on its tables and on this service's results."""
        return self._got(ClaimsAnswer, "/leaderboard/claims", **filters)

    def get_leaderboard_paper(self, **filters: Unpack[Filters]) -> PaperAnswer:
        """The paper's ranks beside this service's."""
        return self._got(PaperAnswer, "/leaderboard/paper", **filters)

    def create_snapshot(
        self, *, protocol: str | None = None, title: str | None = None
    ) -> tuple[SnapshotAnswer, bool]:
        """Freeze a protocol's board; the snapshot, and whether it is new. For administrators."""
        fields = {"protocol": protocol, "title": title}
        given = {name: value for name, value in fields.items() if value is not None}
        answer = self._request("POST", "/api/v1/snapshots", json=given)
        return _validated(SnapshotAnswer, answer), answer.status_code == httpx.codes.CREATED

    def list_snapshots(self, *, protocol: str | None = None) -> Iterator[SnapshotAnswer]:
        """All snapshots, newest first, the paper's tables last."""
        return self._pages(SnapshotAnswer, "/snapshots", protocol=protocol)

    def get_snapshot(self, snapshot_id: str) -> SnapshotDetail:
        """A frozen board."""
        return self._got(SnapshotDetail, f"/snapshots/{snapshot_id}")

    def get_snapshot_content(self, snapshot_id: str) -> bytes:
        """The very bytes whose SHA-256 a snapshot has."""
        return self._request("GET", f"/api/v1/snapshots/{snapshot_id}/content").content

    def get_snapshot_diff(
        self, snapshot_id: str, to: str = "now", *, protocol: str | None = None
    ) -> SnapshotDifference:
        """What moved from one snapshot to another, or to `now`; `protocol` where the first is the paper."""
        return self._got(SnapshotDifference, f"/snapshots/{snapshot_id}/diff", to=to, protocol=protocol)

    def import_results(self, table: bytes, **about: str | None) -> SelfReportAnswer:
        """Import results that were measured elsewhere, as CSV; `about` are the report's other fields."""
        headers = {"Content-Type": "text/csv"}
        answer = self._request("POST", "/api/v1/self-reported", about, content=table, headers=headers)
        return _validated(SelfReportAnswer, answer)

    def list_self_reported(
        self, *, protocol: str | None = None, dataset: str | None = None, model: str | None = None
    ) -> Iterator[SelfReportAnswer]:
        """What others say they measured, newest first."""
        asked = {"protocol": protocol, "dataset": dataset, "model": model}
        return self._pages(SelfReportAnswer, "/self-reported", **asked)

    def get_self_reported(self, report_id: str) -> SelfReportDetail:
        """What was measured elsewhere, with every model's metrics."""
        return self._got(SelfReportDetail, f"/self-reported/{report_id}")

    def delete_self_reported(self, report_id: str) -> None:
        """Withdraw what was measured elsewhere."""
        self._request("DELETE", f"/api/v1/self-reported/{report_id}")

    def list_attacks(self, setting_id: str) -> AttacksAnswer:
        """Attacks on single samples of all methods in a setting, newest first."""
        return self._got(AttacksAnswer, f"/attacks/{setting_id}")

    def get_attacks(self, setting_id: str, unlearner: str) -> AttacksAnswer:
        """Attacks on single samples of an unlearner in a setting."""
        return self._got(AttacksAnswer, f"/attacks/{setting_id}/{unlearner}")

    def get_badge(
        self,
        unlearner: str,
        *,
        protocol: str | None = None,
        metric: str | None = None,
        variant: str | None = None,
    ) -> str:
        """An SVG with an unlearner's rank."""
        asked = {"protocol": protocol, "metric": metric, "variant": variant}
        return self._request("GET", f"/api/v1/badges/{unlearner}.svg", asked).text

    def get_catalog(self) -> CatalogAnswer:
        """Everything that can be asked for."""
        return self._got(CatalogAnswer, "/catalog")

    def list_workers(self) -> WorkersAnswer:
        """All workers heard of lately."""
        return self._got(WorkersAnswer, "/workers")

    def drain_worker(self, worker_id: str) -> WorkerAnswer:
        """Let a worker take no more units after the one in hand; for administrators."""
        return self._sent(WorkerAnswer, f"/workers/{worker_id}/drain")

    def resume_worker(self, worker_id: str) -> WorkerAnswer:
        """Let a worker take units again; for administrators."""
        return self._sent(WorkerAnswer, f"/workers/{worker_id}/resume")

    def get_queue(self) -> QueueAnswer:
        """What waits and what runs, over all jobs."""
        return self._got(QueueAnswer, "/queue")

    def list_keys(self) -> KeysAnswer:
        """All keys that ever were, without their secrets; for administrators."""
        return self._got(KeysAnswer, "/keys")

    def create_key(self, name: str, **fields: Unpack[KeyFields]) -> NewKeyAnswer:
        """Make a key; its text is shown only now. For administrators."""
        return self._sent(NewKeyAnswer, "/keys", json={"name": name, **fields})

    def rotate_key(self, key_id: str, *, overlap_hours: float = 24) -> NewKeyAnswer:
        """Make a key in place of another, which ends after the overlap; for administrators."""
        return self._sent(NewKeyAnswer, f"/keys/{key_id}/rotate", json={"overlap_hours": overlap_hours})

    def revoke_key(self, key_id: str) -> RevokedKeyAnswer:
        """End a key now; for administrators."""
        return _validated(RevokedKeyAnswer, self._request("DELETE", f"/api/v1/keys/{key_id}"))

    def change_key(self, key_id: str, *, device_seconds: float | None) -> KeyAnswer:
        """Let a key use so many device-seconds in all, or any number; for administrators."""
        wanted = {"device_seconds": device_seconds}
        return _validated(KeyAnswer, self._request("PATCH", f"/api/v1/keys/{key_id}", json=wanted))

    def get_me(self) -> MeAnswer:
        """Who the key's owner is, and what the key may still use."""
        return self._got(MeAnswer, "/me")

    def list_webhooks(self) -> WebhooksAnswer:
        """The key's owner's webhooks."""
        return self._got(WebhooksAnswer, "/webhooks")

    def create_webhook(self, url: str, events: Sequence[str] | None = None) -> NewWebhookAnswer:
        """Be told of one's jobs at a URL; its secret is shown only now."""
        wanted = {"url": url} if events is None else {"url": url, "events": list(events)}
        return self._sent(NewWebhookAnswer, "/webhooks", json=wanted)

    def get_webhook(self, webhook_id: str) -> WebhookAnswer:
        """One webhook, without its secret."""
        return self._got(WebhookAnswer, f"/webhooks/{webhook_id}")

    def delete_webhook(self, webhook_id: str) -> None:
        """Send nothing there any more."""
        self._request("DELETE", f"/api/v1/webhooks/{webhook_id}")

    def test_webhook(self, webhook_id: str) -> DeliveryAnswer:
        """Send a message that tells of nothing."""
        return self._sent(DeliveryAnswer, f"/webhooks/{webhook_id}/test")

    def list_deliveries(self, webhook_id: str) -> Iterator[DeliveryAnswer]:
        """What was sent to a webhook, newest first."""
        return self._pages(DeliveryAnswer, f"/webhooks/{webhook_id}/deliveries")

    def get_health(self) -> HealthAnswer:
        """Whether the service's process lives."""
        return _validated(HealthAnswer, self._request("GET", "/healthz"))

    def get_readiness(self) -> HealthAnswer:
        """Whether the service can work."""
        return _validated(HealthAnswer, self._request("GET", "/readyz"))

    def get_metrics(self) -> str:
        """What Prometheus reads."""
        return self._request("GET", "/metrics").text

    def _got(self, answer: type[Model], path: str, /, **asked: Any) -> Model:  # noqa: ANN401 - plain values
        return _validated(answer, self._request("GET", f"/api/v1{path}", asked))

    def _sent(self, answer: type[Model], path: str, /, **sent: Any) -> Model:  # noqa: ANN401 - httpx's
        return _validated(answer, self._request("POST", f"/api/v1{path}", **sent))

    def _pages(self, item: type[Model], path: str, /, **asked: str | list[str] | None) -> Iterator[Model]:
        cursor: str | None = None
        while True:
            page = self._request("GET", f"/api/v1{path}", {**asked, "limit": 200, "cursor": cursor}).json()
            yield from (_read(item, found) for found in page["items"])
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def _request(
        self,
        method: str,
        path: str,
        asked: dict[str, Any] | None = None,
        **sent: Any,  # noqa: ANN401 - httpx's
    ) -> httpx.Response:
        given = {name: value for name, value in (asked or {}).items() if value is not None}
        try:
            answer = self._http.request(method, path, params=given, **sent)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        _require_success(answer)
        return answer

    def _unreachable(self, error: httpx.TransportError) -> ServiceUnreachable:
        return ServiceUnreachable(
            f"No Lethe service answers at {self.url} ({error}). Start one with `lethe serve`, or pass --url."
        )


def _document(spec: Spec) -> bytes:
    """A spec as it travels; the service is the judge of what is in it."""
    if isinstance(spec, JobSpec):
        return spec.model_dump_json().encode()
    return spec if isinstance(spec, bytes) else json.dumps(spec).encode()


def _validated(model: type[Model], answer: httpx.Response) -> Model:
    return _read(model, answer.json())


def _read(model: type[Model], answer: Any) -> Model:  # noqa: ANN401 - JSON
    try:
        return model.model_validate(answer, extra="ignore")
    except ValidationError as error:
        for found in error.errors():
            if found["type"] == "missing":
                raise ServiceOutdated(".".join(str(part) for part in found["loc"])) from error
        raise


def _require_success(answer: httpx.Response) -> None:
    if answer.is_success:
        return
    try:
        problem = answer.json()
    except ValueError:
        problem = {"title": f"HTTP {answer.status_code}", "detail": answer.text[:500]}
    raise RequestRefused(problem)
