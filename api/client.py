"""A thin client of the API, for the command line: what it can do, anyone can do with curl."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx
from httpx_sse import connect_sse

from core.errors import LetheError

JSON = "application/json"
TIMEOUT = httpx.Timeout(30.0, read=60.0)


class RequestRefused(LetheError):
    """The service answered with a problem; the message carries all it said."""

    def __init__(self, problem: dict[str, Any]) -> None:
        self.problem = problem
        lines = [f"{problem.get('title', 'The request was refused')}: {problem.get('detail', '')}"]
        for error in problem.get("errors") or []:
            hint = f" Did you mean {error['suggestion']!r}?" if error.get("suggestion") else ""
            lines.append(f"  {error['pointer']}: {error['detail']}{hint}")
        super().__init__("\n".join(lines))


class ServiceUnreachable(LetheError):
    """Nothing answers at the service's address."""


@dataclass(frozen=True)
class ServerEvent:
    """One server-sent event: `name` is `state`, `unit`, `progress` or `end`."""

    name: str
    data: dict[str, Any]


class Client:
    """One Lethe service. Use as a context manager."""

    def __init__(self, url: str, key: str = "") -> None:
        self.url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(base_url=f"{self.url}/api/v1", timeout=TIMEOUT, headers=headers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def submit(self, spec: bytes) -> dict[str, Any]:
        """Submit a job spec; the job as the service accepted it.

        Raises:
            RequestRefused: the spec is not valid; nothing was stored.
            ServiceUnreachable: nothing answers.
        """
        answer = self._request("POST", "/jobs", content=spec, headers={"Content-Type": JSON}).json()
        return dict(answer)

    def job(self, job_id: str) -> dict[str, Any]:
        """One job as it is now."""
        return dict(self._request("GET", f"/jobs/{job_id}").json())

    def units(self, job_id: str) -> list[dict[str, Any]]:
        """All units of a job."""
        return self._pages(f"/jobs/{job_id}/units")

    def leaderboard(self, **filters: str | None) -> httpx.Response:
        """The leaderboard; filters as in the API (`protocol`, `metric`, `dataset`, `model`, `setting`,
        `format`).
        """
        given = {name: value for name, value in filters.items() if value is not None}
        return self._request("GET", "/leaderboard", params=given)

    def uncertainty(self, **filters: str | None) -> dict[str, Any]:
        """How sure the leaderboard's ranks are; filters as for the leaderboard, but for `format`."""
        given = {name: value for name, value in filters.items() if value is not None}
        found: dict[str, Any] = self._request("GET", "/leaderboard/uncertainty", params=given).json()
        return found

    def freeze(self, **fields: str | None) -> tuple[dict[str, Any], bool]:
        """Freeze the board of a `protocol` under a `title`; the snapshot, and whether it is new.

        Raises:
            RequestRefused: the key may not, or there is nothing to freeze.
        """
        body = json.dumps({name: value for name, value in fields.items() if value is not None}).encode()
        answer = self._request("POST", "/snapshots", content=body, headers={"Content-Type": JSON})
        return dict(answer.json()), answer.status_code == 201

    def snapshots(self) -> list[dict[str, Any]]:
        """All snapshots, newest first, the paper's tables last."""
        return self._pages("/snapshots")

    def snapshot_diff(self, before: str, after: str, **filters: str | None) -> dict[str, Any]:
        """What moved from one snapshot to another, or to `now`; `protocol` where the first is the paper."""
        given = {name: value for name, value in filters.items() if value is not None}
        found = self._request("GET", f"/snapshots/{before}/diff", params={"to": after, **given})
        return dict(found.json())

    def import_results(self, table: bytes, **about: str | None) -> dict[str, Any]:
        """Import results measured elsewhere, as CSV; `about` are the report's other fields.

        Raises:
            RequestRefused: something is wrong with them; nothing was kept.
        """
        given = {name: value for name, value in about.items() if value is not None}
        headers = {"Content-Type": "text/csv"}
        answer = self._request("POST", "/self-reported", params=given, content=table, headers=headers)
        return dict(answer.json())

    def events(self, job_id: str) -> Iterator[ServerEvent]:
        """The job's events from its submission on, until it has ended; a cut connection is taken up again."""
        last_id: str | None = None
        while True:
            headers = {"Last-Event-ID": last_id} if last_id else {}
            try:
                with connect_sse(self._http, "GET", f"/jobs/{job_id}/events", headers=headers) as source:
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

    def _pages(self, path: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = self._request(
                "GET", path, params={"limit": "200", **({"cursor": cursor} if cursor else {})}
            ).json()
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return items

    def _request(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        try:
            answer = self._http.request(method, path, params=params, content=content, headers=headers)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        _require_success(answer)
        return answer

    def _unreachable(self, error: httpx.TransportError) -> ServiceUnreachable:
        return ServiceUnreachable(
            f"No Lethe service answers at {self.url} ({error}). Start one with `lethe serve`, or pass --url."
        )


def _require_success(answer: httpx.Response) -> None:
    if answer.is_success:
        return
    try:
        problem = answer.json()
    except ValueError:
        problem = {"title": f"HTTP {answer.status_code}", "detail": answer.text[:500]}
    raise RequestRefused(problem)
