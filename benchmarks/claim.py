"""Milliseconds to claim a unit among 100,000 that are ready, in 200 jobs of 20 owners; on SQLite, and on
PostgreSQL where LETHE_TEST_POSTGRES names a server. Goal: p95 10 ms.
"""

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from service_scale import POSTGRES, fresh_database, told
from sqlalchemy import insert, select

from core.catalog.registry import installed
from core.plan import plan
from core.spec.job import parse_job_spec
from core.spec.resolve import resolve
from core.store import jobs, units
from core.store.session import Store
from core.store.tables import JobRow, JobUnitRow, UnitRow

NUM_UNITS, NUM_JOBS, NUM_OWNERS, CLAIMS = 100_000, 200, 20, 200
GOAL_MS = 10.0
SPEC = {"settings": [{"dataset": "digits", "model": "resnet18"}], "unlearners": ["ft"], "model_seeds": [0]}


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        _measure("SQLite", f"sqlite:///{Path(directory) / 'lethe.db'}")
    try:
        with fresh_database() as url:
            _measure("PostgreSQL", url)
    except psycopg.OperationalError as error:
        print(f"PostgreSQL skipped: none answers at {POSTGRES} (LETHE_TEST_POSTGRES): {error}")


def _measure(name: str, url: str) -> None:
    store = Store(url)
    store.migrate()
    _fill(store)
    with store.write() as session:
        started = time.perf_counter()
        units.order_jobs(session)
        ordered = time.perf_counter() - started
    claims, finishes = [], []
    for _ in range(CLAIMS):
        started = time.perf_counter()
        with store.write() as session:
            lease = units.claim(session, jobs.QUEUE, "bench", 600)
        claims.append(time.perf_counter() - started)
        assert lease is not None
        started = time.perf_counter()
        with store.write() as session:
            units.finish(session, lease, owner="bench", runtime_seconds=1.0, artifact={}, text="Done.")
        finishes.append(time.perf_counter() - started)
    print(f"{name}: claim {told(claims)}; finish {told(finishes)}")
    print(f"{name}: {NUM_JOBS} jobs of {NUM_OWNERS} owners put in order in {1000 * ordered:.1f} ms")
    print(f"goal / measured: {GOAL_MS / (1000 * np.quantile(claims, 0.95)):.1f}")
    store.engine.dispose()


def _fill(store: Store) -> None:
    """One submitted job, and copies of its first unit in others that share nothing."""
    spec = parse_job_spec(json.dumps(SPEC))
    resolved = resolve(spec, installed())
    with store.write() as session:
        jobs.submit(session, spec, resolved, plan(resolved), actor="bench")
        job = dict(session.execute(select(JobRow.__table__)).mappings().one())
        unit = dict(
            session.execute(select(UnitRow.__table__).where(UnitRow.state == "ready")).mappings().first()
        )
        new_jobs: list[dict[str, Any]] = [
            {**job, "id": f"job_{n:04}", "owner": f"owner {n % NUM_OWNERS}"} for n in range(NUM_JOBS)
        ]
        session.execute(insert(JobRow), new_jobs)
        for start in range(0, NUM_UNITS, 1000):
            numbers = range(start, start + 1000)
            leads = {n: new_jobs[n % NUM_JOBS]["id"] for n in numbers}
            copies = [{**unit, "id": f"{n:064}", "lead_job_id": leads[n], "position": n} for n in numbers]
            links = [{"job_id": leads[n], "unit_id": f"{n:064}", "position": n} for n in numbers]
            session.execute(insert(UnitRow), copies)
            session.execute(insert(JobUnitRow), links)
    with store.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql("ANALYZE")


if __name__ == "__main__":
    main()
