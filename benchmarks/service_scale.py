"""The API on PostgreSQL with 60,000 results, 2,000 jobs and the paper's 48,600 trials behind it: how soon a
board, a submission and an event are there. Goals: board p95 150 ms cold, 304 in 5 ms.

It makes a database of its own on the server that LETHE_TEST_POSTGRES names, and drops it at the end.
"""

import asyncio
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import psycopg
import uvicorn
from fastapi import FastAPI
from psycopg import sql
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from core.catalog.registry import installed
from core.plan import PlannedUnit, plan
from core.spec.job import parse_job_spec
from core.spec.resolve import resolve
from core.spec.units import EvaluateUnit, UnlearnUnit, unit_from_json
from core.store import events, jobs, results
from core.store.session import Store
from core.store.states import JobState, UnitState
from core.store.tables import JobRow, JobUnitRow, ResultRow, TrialRow, UnitRow

POSTGRES = os.environ.get("LETHE_TEST_POSTGRES", "postgresql://127.0.0.1:5432/postgres")
PAPER = Path(__file__).parent.parent / "core" / "specs" / "paper.json"
PROTOCOL = "deep-unlearn/1.0"
NUM_JOBS, NUM_RESULTS = 2_000, 60_000
COLD_GOAL_MS, NOT_MODIFIED_GOAL_MS = 150.0, 5.0
CLIENTS, SUBMISSIONS = 50, 500
LISTENERS, FOLLOWED_JOBS, NUM_EVENTS = 200, 20, 60
CONNECTIONS, THROUGHPUT_SECONDS = 16, 5.0
BOARDS = (
    f"/api/v1/leaderboard?protocol={PROTOCOL}",
    f"/api/v1/leaderboard?protocol={PROTOCOL}&metric=indiscernibility",
    f"/api/v1/leaderboard?protocol={PROTOCOL}&dataset=cifar10",
    f"/api/v1/leaderboard?protocol={PROTOCOL}&cohort=all&format=csv",
)


T = TypeVar("T")


class Connection:
    """One HTTP connection that stays open: cheap enough not to be what is measured."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> "Connection":
        """Connect."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def send(
        self, method: str, path: str, body: bytes = b"", **headers: str
    ) -> tuple[int, dict[str, str]]:
        """Send a request; status and headers of the answer."""
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self._writer.write("\r\n".join((*lines, "", "")).encode() + body)
        start, *rest = (await self.reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        found = {name.lower(): value for name, value in (line.split(": ", 1) for line in rest)}
        return int(start.split()[1]), found

    async def ask(
        self, method: str, path: str, body: bytes = b"", **headers: str
    ) -> tuple[int, dict[str, str]]:
        """The same, with the answer's body read and dropped."""
        status, found = await self.send(method, path, body, **headers)
        await self.reader.readexactly(int(found.get("content-length", 0)))
        return status, found

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


def main() -> None:
    try:
        with fresh_database() as url:
            _measure(url)
    except psycopg.OperationalError as error:
        print(f"Skipped: no PostgreSQL answers at {POSTGRES} (LETHE_TEST_POSTGRES): {error}")


def _measure(url: str) -> None:
    store = Store(url)
    store.migrate()
    started = time.perf_counter()
    followed = _fill(store)
    print(f"{NUM_RESULTS:,} results and {NUM_JOBS:,} jobs loaded in {time.perf_counter() - started:.0f} s")
    with _served([sys.executable, "-m", "lethe", "api"], url) as port:
        asyncio.run(_boards(store, port))
        asyncio.run(_submissions(port))
        asyncio.run(_listeners(store, port, followed))
        served = {
            "/healthz": asyncio.run(_throughput(port, "/healthz")),
            BOARDS[0]: asyncio.run(_throughput(port, BOARDS[0])),
            f"{BOARDS[0]}, as gzip": asyncio.run(_throughput(port, BOARDS[0], Accept_Encoding="gzip")),
        }
    with _served([sys.executable, __file__, "bare"], url) as port:
        bare = asyncio.run(_throughput(port, "/healthz"))
    for asked, rate in served.items():
        print(f"GET {asked}: {rate:,.0f} requests/s, {rate / bare:.2f} of a bare FastAPI route's {bare:,.0f}")
    store.engine.dispose()


async def _boards(store: Store, port: int) -> None:
    """Boards that nobody has asked for since their results changed, and boards that the caller has."""
    connection = await Connection.open(port)
    with store.read() as session:
        unit_id, payload = session.execute(
            select(UnitRow.id, UnitRow.payload).join(ResultRow).where(~ResultRow.is_superseded).limit(1)
        ).one()
    unit = unit_from_json(payload)
    assert isinstance(unit, UnlearnUnit | EvaluateUnit)
    cold, held = [], []
    for round_ in range(30):
        with store.write() as session:
            changed = _metrics(round_)
            results.record_result(
                session, unit_id, unit, is_usable=True, metrics=changed, reasons={}, provenance={}
            )
        for path in BOARDS:
            seconds, (status, _) = await _timed(connection.ask("GET", path))
            assert status == 200
            cold.append(seconds)
        for path in BOARDS:
            etag = (await connection.ask("GET", path))[1]["etag"]
            seconds, (status, _) = await _timed(connection.ask("GET", path, If_None_Match=etag))
            assert status == 304
            held.append(seconds)
    connection.close()
    print(f"leaderboard, cold: {told(cold)}; first of all {1000 * cold[0]:.0f} ms")
    print(f"leaderboard, 304: {told(held)}")
    p95s = 1000 * np.quantile(cold, 0.95), 1000 * np.quantile(held, 0.95)
    print(
        f"goal / measured: {COLD_GOAL_MS / p95s[0]:.1f} cold, {NOT_MODIFIED_GOAL_MS / p95s[1]:.1f} for a 304"
    )


async def _submissions(port: int) -> None:
    """Jobs of six units each, submitted by many at once."""
    bodies = [
        json.dumps({
            "settings": [{"dataset": "digits", "model": "resnet18"}],
            "unlearners": ["ft", "ga"],
            "model_seeds": [number],
        }).encode()
        for number in range(SUBMISSIONS)
    ]  # fmt: skip
    seconds: list[float] = []

    async def client() -> None:
        connection = await Connection.open(port)
        while bodies:
            taken, (status, _) = await _timed(connection.ask("POST", "/api/v1/jobs", bodies.pop()))
            assert status == 202, status
            seconds.append(taken)
        connection.close()

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    rate = SUBMISSIONS / (time.perf_counter() - started)
    print(f"submit, {CLIENTS} clients at once: {told(seconds)}; {rate:.0f} jobs/s")


async def _listeners(store: Store, port: int, followed: list[str]) -> None:
    """Events of some jobs, each followed by several listeners: from the commit to the listener."""
    delays: list[float] = []

    async def listen(job_id: str) -> None:
        connection = await Connection.open(port)
        await connection.send("GET", f"/api/v1/jobs/{job_id}/events")
        while True:
            line = await connection.reader.readuntil(b"\n")
            if line.startswith(b"data:") and b'"sent_at"' in line:
                delays.append(time.time() - json.loads(line[5:])["sent_at"])

    listeners = [asyncio.create_task(listen(followed[n % len(followed)])) for n in range(LISTENERS)]
    await asyncio.sleep(5)
    for number in range(NUM_EVENTS):
        await asyncio.to_thread(_tell, store, followed[number % len(followed)])
        await asyncio.sleep(0.2)
    expected = NUM_EVENTS * LISTENERS // FOLLOWED_JOBS
    deadline = time.monotonic() + 30
    while len(delays) < expected and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
    for listener in listeners:
        listener.cancel()
    print(
        f"{LISTENERS} listeners of {FOLLOWED_JOBS} jobs: {told(delays)} behind; "
        f"{len(delays)} of {expected} events arrived"
    )


def _tell(store: Store, job_id: str) -> None:
    with store.write() as session:
        data = {"sent_at": time.time()}
        events.append_event(session, job_id=job_id, actor="bench", reason="bench", text="Now.", data=data)


async def _throughput(port: int, path: str, **headers: str) -> float:
    """Requests/s over a few connections, each of which asks again once it is answered."""
    answered = 0
    deadline = time.monotonic() + THROUGHPUT_SECONDS

    async def client() -> None:
        nonlocal answered
        connection = await Connection.open(port)
        while time.monotonic() < deadline:
            status, _ = await connection.ask("GET", path, **headers)
            assert status == 200
            answered += 1
        connection.close()

    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))
    return answered / THROUGHPUT_SECONDS


async def _timed(answer: Awaitable[T]) -> tuple[float, T]:
    started = time.perf_counter()
    found = await answer
    return time.perf_counter() - started, found


def told(seconds: list[float]) -> str:
    """Median and 95th percentile, in milliseconds."""
    p50, p95 = 1000 * np.quantile(seconds, (0.5, 0.95))
    return f"p50 {p50:.1f} ms, p95 {p95:.1f} ms"


def _fill(store: Store) -> list[str]:
    """The paper's job with all its trials, jobs that repeat its units with other tunings and settings, and
    some that run; the ids of the latter.
    """
    spec = parse_job_spec(PAPER.read_bytes())
    resolved = resolve(spec, installed())
    units = plan(resolved)
    models = [planned for planned in units if isinstance(planned.unit, UnlearnUnit | EvaluateUnit)]
    trials = [planned for planned in units if planned.unit.kind == "trial"]
    with store.write() as session:
        jobs.submit(session, spec, resolved, units, actor="bench")
        session.execute(update(UnitRow).values(state=UnitState.DONE))
        session.execute(update(JobRow).values(state=JobState.SUCCEEDED))
        _insert(session, ResultRow, [_result(planned.id, planned, n) for n, planned in enumerate(models)])
        _insert(session, TrialRow, [_trial(planned.id, planned.unit, n) for n, planned in enumerate(trials)])
    others = NUM_RESULTS - len(models)
    with store.write() as session:
        job = session.execute(select(JobRow.__table__)).mappings().one()
        unit = {
            row["id"]: dict(row)
            for row in session.execute(
                select(UnitRow.__table__).where(UnitRow.id.in_([planned.id for planned in models]))
            ).mappings()
        }
        ids = [f"job_bench{number:06}" for number in range(NUM_JOBS - 1)]
        for number, job_id in enumerate(ids):
            state = JobState.RUNNING if number < FOLLOWED_JOBS else JobState.SUCCEEDED
            session.execute(insert(JobRow).values({**job, "id": job_id, "state": state}))
        rows: dict[Any, list[dict[str, Any]]] = {UnitRow: [], JobUnitRow: [], ResultRow: []}
        for number in range(others):
            planned, job_id = models[number % len(models)], ids[number % len(ids)]
            copy = f"{number:064x}"
            rows[UnitRow].append({**unit[planned.id], "id": copy})
            rows[JobUnitRow].append({"job_id": job_id, "unit_id": copy, "position": number})
            kept = {"tuning": "given"} if number % 2 else {"is_superseded": True}
            rows[ResultRow].append({**_result(copy, planned, number), **kept})
        for table, found in rows.items():
            _insert(session, table, found)
        results.note_changed(session, {cell.setting.id for cell in resolved.cells})
    with store.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")  # as autovacuum does a minute later
    return ids[:FOLLOWED_JOBS]


def _insert(session: Session, table: type[Any], rows: list[dict[str, Any]]) -> None:
    for start in range(0, len(rows), 1000):
        session.execute(insert(table), rows[start : start + 1000])


def _result(unit_id: str, planned: PlannedUnit, number: int) -> dict[str, Any]:
    unit: Any = planned.unit
    metrics = _metrics(number)
    is_reference = isinstance(unit, EvaluateUnit)
    return {
        "id": f"res_{unit_id[-40:]}",
        "unit_id": unit_id,
        "setting_id": unit.setting.id,
        "unlearner": unit.role if is_reference else unit.unlearner,
        "variant": None if is_reference else unit.hyperparameters.get("variant"),
        "tuning": planned.tuning,
        "hyperparameters": {},
        "model_seed": unit.model_seed,
        "is_usable": True,
        "is_superseded": False,
        "is_public": True,
        "metrics": metrics,
        "reasons": {},
        "provenance": {"device": "bench"},
        "created_at": time.time(),
        **{name: metrics[name] for name in ("retention_deviation", "indiscernibility_test")},
        "runtime_efficiency": metrics["runtime_efficiency"],
    }


def _trial(unit_id: str, unit: Any, number: int) -> dict[str, Any]:  # noqa: ANN401 - a trial
    return {
        "unit_id": unit_id,
        "attempt": 1,
        "setting_id": unit.setting.id,
        "unlearner": unit.sweep.unlearner,
        "sweep_seed": unit.sweep.model_seed,
        "index": unit.index,
        "state": "completed",
        "hyperparameters": {},
        "score": _metrics(number)["retention_deviation"],
        "runtime_seconds": 10.0,
        "work": {"forward": 4e4, "backward": 3e4},  # estimates rest on those that have it
        "provenance": {"device": "bench"},
        "created_at": time.time(),
    }


def _metrics(number: int) -> dict[str, float | None]:
    drawn = np.random.default_rng(number).uniform(size=3)
    return {
        "retention_deviation": float(drawn[0]),
        "indiscernibility_test": float(drawn[1]),
        "runtime_efficiency": 10 * float(drawn[2]),
        "runtime_seconds": 10.0,
        "work": 1e5,
    }


@contextmanager
def fresh_database() -> Iterator[str]:
    """A new, empty PostgreSQL database, by its SQLAlchemy URL."""
    name = f"lethe_bench_{secrets.token_hex(4)}"
    with psycopg.connect(POSTGRES, autocommit=True, connect_timeout=3) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield f"{POSTGRES.rsplit('/', 1)[0].replace('postgresql:', 'postgresql+psycopg:')}/{name}"
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def _served(command: list[str], url: str) -> Iterator[int]:
    """A server in a process of its own, and its port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as directory, (Path(directory) / "log").open("wb") as log:
        environment = {
            **os.environ,
            "LETHE_VAR_DIR": directory,
            "LETHE_DATABASE_URL": url,
            "LETHE_PORT": str(port),
            "LETHE_READS_PER_MINUTE": "1000000000",
            "LETHE_WRITES_PER_MINUTE": "1000000000",
        }
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            asyncio.run(_until_served(port, process))
            yield port
        finally:
            process.terminate()
            process.wait(20)


async def _until_served(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert process.poll() is None, "the server ended"
        try:
            connection = await Connection.open(port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.1)
            continue
        assert (await connection.ask("GET", "/healthz"))[0] == 200
        connection.close()
        return
    raise TimeoutError("the server never answered")


def _bare() -> None:
    """What the framework costs without Lethe: one route that answers a constant."""
    app = FastAPI()

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    uvicorn.run(app, port=int(os.environ["LETHE_PORT"]), log_config=None, access_log=False)


if __name__ == "__main__":
    _bare() if sys.argv[1:] == ["bare"] else main()
