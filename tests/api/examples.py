"""One request for every answer that the OpenAPI document declares, and what is kept of the answers as its
examples: `python -m tests.api.examples` writes `api/examples.json` anew.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

from httpx import Response
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from api.envelope import MAX_BODY_BYTES
from api.examples import FILE
from api.main import create_app
from core.outcome import LogLine
from core.settings import Settings
from core.store import keys, unit_logs, units, workers
from core.store.keys import Scope
from core.store.session import Store
from tests.api.steps import SPEC, work
from tests.api.test_attacks import ATTACKED
from tests.api.test_self_reports import ABOUT, TABLE
from tests.services import HERE

SHOWN = 1  # of a list of records
SHOWN_CHARACTERS = 1500  # of an answer that is no JSON
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\d([T ])\d\d:\d\d:\d\d\.\d+")
SECRET = re.compile(r"(whsec_|lethe_[0-9a-f]{8}_)[\w+/-]+=*")
FOLDER = re.compile(re.escape(gettempdir()) + r"/\w+")


@dataclass(frozen=True)
class Call:
    """A request; `{names}` in its path are those of the scene."""

    method: str
    path: str
    options: dict[str, Any] = field(default_factory=dict)


def get(path: str, **options: Any) -> Call:
    return Call("GET", f"/api/v1{path}", options)


def post(path: str, **options: Any) -> Call:
    return Call("POST", f"/api/v1{path}", options)


HOOK = {"url": "https://hooks.example/lethe"}
BOARD = {"protocol": "quick/1.0"}
ANSWERS: list[tuple[str, int, Call]] = [
    ("estimateJob", 200, post("/jobs/estimate", json=SPEC)),
    ("submitJob", 202, post("/jobs", json={**SPEC, "label": "FT and GA on digits", "model_seeds": [7]})),
    ("listJobs", 200, get("/jobs")),
    ("getJob", 200, get("/jobs/{job}")),
    ("changeJob", 200, Call("PATCH", "/api/v1/jobs/{job}", {"json": {"label": "Renamed"}})),
    ("listJobUnits", 200, get("/jobs/{job}/units")),
    ("listJobResults", 200, get("/jobs/{job}/results")),
    ("listJobAttacks", 200, get("/jobs/{job}/attacks")),
    ("listJobTrials", 200, get("/jobs/{swept}/trials")),
    ("followJob", 200, get("/jobs/{job}/events")),
    ("getJobLogs", 200, get("/jobs/{job}/logs")),
    ("getUnitLogs", 200, get("/jobs/{job}/units/{unit}/logs")),
    ("listResults", 200, get("/results")),
    ("getResult", 200, get("/results/{result}")),
    ("getLeaderboard", 200, get("/leaderboard")),
    *(
        ("getLeaderboard", 200, get("/leaderboard", params={"format": name}))
        for name in ("csv", "markdown", "latex")
    ),
    ("listSettings", 200, get("/leaderboard/settings")),
    ("getLeaderboardUncertainty", 200, get("/leaderboard/uncertainty")),
    ("getLeaderboardSensitivity", 200, get("/leaderboard/sensitivity")),
    ("listLeaderboardClaims", 200, get("/leaderboard/claims")),
    ("getLeaderboardPaper", 200, get("/leaderboard/paper")),
    ("createSnapshot", 201, post("/snapshots", json={**BOARD, "title": "As submitted"})),
    ("createSnapshot", 200, post("/snapshots", json={**BOARD, "title": "As submitted"})),
    ("listSnapshots", 200, get("/snapshots")),
    ("getSnapshot", 200, get("/snapshots/paper")),
    ("getSnapshotContent", 200, get("/snapshots/paper/content")),
    ("getSnapshotDiff", 200, get("/snapshots/{snapshot}/diff")),
    (
        "importResults",
        201,
        post("/self-reported", content=TABLE, params=ABOUT, headers={"Content-Type": "text/csv"}),
    ),
    ("listSelfReported", 200, get("/self-reported")),
    ("listSelfReported", 200, get("/self-reported", params={"format": "csv"})),
    ("getSelfReported", 200, get("/self-reported/{report}")),
    ("listAttacks", 200, get("/attacks/{setting}")),
    ("getAttacks", 200, get("/attacks/{setting}/ft")),
    ("getBadge", 200, get("/badges/ft.svg")),
    ("getCatalog", 200, get("/catalog")),
    ("listWorkers", 200, get("/workers")),
    ("drainWorker", 202, post("/workers/{worker}/drain")),
    ("resumeWorker", 202, post("/workers/{worker}/resume")),
    ("getQueue", 200, get("/queue")),
    ("listKeys", 200, get("/keys")),
    ("createKey", 201, post("/keys", json={"name": "bo", "scope": "submit", "days": 30})),
    ("rotateKey", 201, post("/keys/{key}/rotate", json={"overlap_hours": 24})),
    ("changeKey", 200, Call("PATCH", "/api/v1/keys/{key}", {"json": {"device_seconds": 3600}})),
    ("revokeKey", 200, Call("DELETE", "/api/v1/keys/{spare}")),
    ("getMe", 200, get("/me")),
    ("createWebhook", 201, post("/webhooks", json=HOOK)),
    ("listWebhooks", 200, get("/webhooks")),
    ("getWebhook", 200, get("/webhooks/{hook}")),
    ("testWebhook", 202, post("/webhooks/{hook}/test")),
    ("listDeliveries", 200, get("/webhooks/{hook}/deliveries")),
    ("cancelJobs", 202, post("/jobs/cancel", json={"ids": ["{waiting}", "job_none"]})),
    ("retryJob", 202, post("/jobs/{waiting}/retry")),
    ("cancelJob", 202, post("/jobs/{waiting}/cancel")),
    ("getHealth", 200, Call("GET", "/healthz")),
    ("getReadiness", 200, Call("GET", "/readyz")),
    ("getMetrics", 200, Call("GET", "/metrics")),
]
PROBLEMS: dict[int, Call] = {
    401: post("/jobs", json=SPEC, headers={"Authorization": "Bearer lethe_none"}),
    403: post("/jobs", json={**SPEC, "priority": 1}, headers={"Authorization": "{ana}"}),
    404: get("/jobs/job_none"),
    409: post("/jobs/{job}/cancel"),
    413: post("/jobs", content=b" " * (MAX_BODY_BYTES + 1)),
    415: post("/webhooks", content=b"url=https://hooks.example", headers={"Content-Type": "text/plain"}),
    422: post("/jobs", json={**SPEC, "unlearners": ["gaa"]}),
}


def ask() -> tuple[list[Response], dict[int, Response]]:
    """What a service answers to `ANSWERS`, in their order, and the problems that services tell, by status."""
    with _scene() as (client, names):
        answers = [_answered(client, call, names) for _, _, call in ANSWERS]
        problems = {status: _answered(client, call, names) for status, call in PROBLEMS.items()}
    return answers, problems | _in_trouble()


@contextmanager
def _scene() -> Iterator[tuple[TestClient, dict[str, str]]]:
    """A service with something of everything in it, its administrator, and the names of what is there."""
    with TemporaryDirectory() as folder:
        settings = _settings(folder, beat_seconds=600, lease_seconds=1200)  # its worker stays, however slow
        store = Store(settings.database)
        store.migrate()
        with store.write() as session:
            admin = keys.create_key(session, name="admin", owner="admin", scope=Scope.ADMIN, days=90)
            ana = keys.create_key(session, name="ana", owner="ana", scope=Scope.SUBMIT, days=90)
            keys.create_key(session, name="spare", owner="spare", scope=Scope.READ, days=90)
            key_ids = {found.name: found.id for found in keys.list_keys(session)}
            workers.register(
                session,
                "worker-1",
                host="gpu-1",
                pid=7,
                queues=["gpu"],
                device="NVIDIA H200",
                version="0.1.0",
            )
        headers = {"Authorization": f"Bearer {admin}"}
        with TestClient(create_app(settings), base_url=HERE, headers=headers) as client:
            names = {
                "ana": f"Bearer {ana}",
                "key": key_ids["ana"],
                "spare": key_ids["spare"],
                "worker": "worker-1",
            }
            yield client, {**names, **_fill(client, store)}
        store.close()


def _in_trouble() -> dict[int, Response]:
    """What services answer that nobody should ask, or that cannot: by status."""
    with TemporaryDirectory() as folder, capture_logs():
        app = create_app(_settings(folder, reads_per_minute=1))
        client = TestClient(app, base_url=HERE, raise_server_exceptions=False)
        answers = {503: client.get("/readyz")}
        app.state.store.migrate()
        answers[421] = client.get("/api/v1/catalog", headers={"Host": "elsewhere.example"})
        asked = (client.get("/api/v1/catalog") for _ in count())
        answers[429] = next(answer for answer in asked if answer.status_code != 200)
        app.state.store.close()
        app.state.store = None
        answers[500] = client.post("/api/v1/jobs", json=SPEC)
    return answers


def _settings(folder: str, **fields: float) -> Settings:
    return Settings(var_dir=Path(folder), page_dir=Path(folder) / "no-page", **fields)


def _fill(client: TestClient, store: Store) -> dict[str, str]:
    def made(call: Call) -> str:
        return str(_answered(client, call, {}).raise_for_status().json()["id"])

    job = made(post("/jobs", json=ATTACKED))
    swept = made(post("/jobs", json={**SPEC, "unlearners": ["ft"], "sweep": {"seeds": [0], "trials": 2}}))
    with store.write() as session:
        lease = units.claim(session, "gpu", "worker", 60)
        assert lease is not None
        line = LogLine(datetime.now(UTC), "info", "Epoch 1 of 2", {"loss": 0.7})
        unit_logs.append_lines(session, lease, [line])
        units.finish(session, lease, owner="worker", runtime_seconds=1.0, artifact={}, text="Done.")
    work(store)
    snapshot = made(post("/snapshots", json={**BOARD, "title": "The first"}))
    made(post("/jobs", json=SPEC))  # the board moves
    work(store)
    result = client.get("/api/v1/results").json()["items"][0]
    return {
        "job": job,
        "swept": swept,
        "unit": lease.unit_id,
        "result": result["id"],
        "setting": result["setting_id"],
        "waiting": made(post("/jobs", json={**SPEC, "model_seeds": [5]})),
        "hook": made(post("/webhooks", json=HOOK)),
        "snapshot": snapshot,
        "report": made(next(call for operation, _, call in ANSWERS if operation == "importResults")),
    }


def _answered(client: TestClient, call: Call, names: dict[str, str]) -> Response:
    options = call.options
    if "content" not in options:
        text = json.dumps(options)
        for name, value in names.items():
            text = text.replace(f"{{{name}}}", value)
        options = json.loads(text)
    return client.request(call.method, call.path.format(**names), **options)


def media_type(answer: Response) -> str:
    return answer.headers["content-type"].partition(";")[0]


def kept(answer: Response) -> Any:
    """What an example shows of an answer: the first of many records, the beginning of a long text."""
    if media_type(answer).endswith("json"):
        return shortened(answer.json())
    if len(answer.text) <= SHOWN_CHARACTERS:
        return answer.text
    separator = "\n\n" if media_type(answer) == "text/event-stream" else "\n"
    return answer.text[:SHOWN_CHARACTERS].rpartition(separator)[0] + separator


def shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: shortened(found) for name, found in value.items()}
    if isinstance(value, list):
        is_table = any(isinstance(found, dict) for found in value)
        return [shortened(found) for found in (value[:SHOWN] if is_table else value)]
    return value


def settled(text: str) -> str:
    """The text without what is another each time, or nobody's business: ids, times, secrets, the folder."""
    ids = {
        found: f"0197c0de-0000-7000-8000-{n:012}" for n, found in enumerate(dict.fromkeys(UUID.findall(text)))
    }
    text = UUID.sub(lambda found: ids[found[0]], text)
    text = TIME.sub(r"2026-01-31\g<1>12:00:00.000000", text)
    return FOLDER.sub("/var/lib/lethe", SECRET.sub(r"\1…", text))


def write() -> None:
    found, problems = ask()
    answers: dict[str, dict[int, dict[str, Any]]] = {}
    for (operation, status, _), answer in zip(ANSWERS, found, strict=True):
        assert answer.status_code == status, (operation, answer.text)
        answers.setdefault(operation, {}).setdefault(status, {})[media_type(answer)] = kept(answer)
    for status, answer in problems.items():
        assert answer.status_code == status, (status, answer.text)
    document = {
        "answers": answers,
        "problems": {status: kept(problems[status]) for status in sorted(problems)},
    }
    FILE.write_text(
        settled(json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False)) + "\n", "utf-8"
    )


if __name__ == "__main__":
    write()
