"""Seconds from the request to cancel a job to a device that is free again, over real training at random
moments: ResNet-18 on digits, embedded, with the default settings. Goal: p95 10 s.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from core.catalog.registry import installed
from core.plan import plan
from core.spec.job import parse_job_spec
from core.spec.resolve import resolve
from core.store import jobs, workers
from core.store.jobs import JobId
from core.store.session import Store
from core.store.states import JobState, UnitState

CANCELS = 20
GOAL_SECONDS = 10.0
LATEST_SECONDS = 5.0  # after a unit has begun
PATIENCE_SECONDS = 120.0


def main() -> None:
    moments = random.Random(0)
    with tempfile.TemporaryDirectory() as directory:
        store = Store(f"sqlite:///{Path(directory) / 'lethe.db'}")
        store.migrate()
        processes = [_start(name, directory) for name in ("scheduler", "worker")]
        try:
            seconds = [_cancel_one(store, seed, moments) for seed in range(CANCELS)]
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(60)
        store.engine.dispose()
    p50, p95 = np.quantile(seconds, (0.5, 0.95))
    print(f"{CANCELS} cancels of running units: device free after p50 {p50:.1f} s, p95 {p95:.1f} s")
    print(f"goal / measured: {GOAL_SECONDS / p95:.1f}")


def _start(name: str, directory: str) -> subprocess.Popen[bytes]:
    with (Path(directory) / f"{name}.log").open("wb") as log:
        environment = {**os.environ, "LETHE_VAR_DIR": directory, "LETHE_DEVICE": "auto"}
        command = [sys.executable, "-m", "lethe", name]
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log)


def _cancel_one(store: Store, seed: int, moments: random.Random) -> float:
    """Submit a job, cancel it once its training is under way, and wait until its worker is idle."""
    job_id = _submit(store, seed)
    _wait(lambda: _job_runs(store, job_id), "a unit to begin")
    time.sleep(moments.uniform(0, LATEST_SECONDS))
    started = time.perf_counter()
    with store.write() as session:
        jobs.cancel(session, job_id, actor="bench")
    _wait(lambda: _is_over(store, job_id), "the device to be free")
    return time.perf_counter() - started


def _submit(store: Store, seed: int) -> JobId:
    document = {
        "settings": [{"dataset": "digits", "model": "resnet18"}],
        "unlearners": ["ft"],
        "model_seeds": [seed],
    }
    spec = parse_job_spec(json.dumps(document))
    resolved = resolve(spec, installed())
    with store.write() as session:
        return jobs.submit(session, spec, resolved, plan(resolved), actor="bench")


def _job_runs(store: Store, job_id: JobId) -> bool:
    with store.read() as session:
        return bool(jobs.get_job(session, job_id).units[UnitState.RUNNING])


def _is_over(store: Store, job_id: JobId) -> bool:
    with store.read() as session:
        is_idle = all(worker.unit_id is None for worker in workers.list_workers(session))
        return is_idle and jobs.get_job(session, job_id).state == JobState.CANCELLED


def _wait(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {PATIENCE_SECONDS:.0f} s for {what}")
        time.sleep(0.02)


if __name__ == "__main__":
    main()
