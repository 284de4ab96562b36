"""A seeded sequence of faults on a fleet at work, and what its job must be like in the end."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import or_, select

from core.artifact_files.manifest import MANIFEST
from core.board import Metric
from core.catalog.protocols import PROTOCOLS
from core.catalog.registry import Catalogue
from core.export import board_document
from core.store.boards import load_board
from core.store.session import Store
from core.store.states import FINAL_JOB, JobState, UnitState, WorkerState
from core.store.tables import ResultRow, UnitRow
from core.store.units import MOST_LOSSES
from tests.servers import PostgresServer, RedisServer, children_of
from tests.worker.deployment import LEASE_SECONDS, Deployment

ROLES = ("scheduler", "scheduler", "worker", "worker")
LONGEST_GAP_SECONDS = 1.5
MODEL, UNLEARNERS = "toy_slow_net", ("ft", "ga")  # a training takes seconds, so that faults meet it
TIMED = frozenset({"runtime_seconds", "runtime_efficiency"})


@dataclass
class Chaos:
    """A fleet whose processes start again when they end, and the faults that have hit it.

    No unit is lost in three attempts, for that would rightly put it into quarantine: while one has been lost
    in two, faults that cost an attempt spare the fleet.
    """

    fleet: Deployment
    postgres: PostgresServer
    redis: RedisServer
    random: Random
    running: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    hits: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.running = [self.fleet.start(role) for role in ROLES]
        self._costly: dict[str, Callable[[], None]] = {
            "worker killed": lambda: self._at_work().kill(),
            "runner killed": self._kill_runner,
            "worker frozen past its lease": self._freeze_worker,
        }
        self._free: dict[str, Callable[[], None]] = {
            "scheduler killed": lambda: self._any("scheduler").kill(),
            "Redis started again empty": self._empty_redis,
            "PostgreSQL killed": self._restart_postgres,
            "artifact corrupted": self._corrupt_artifact,
            "artifact deleted": self._delete_artifact,
        }

    def hit(self, job_id: str, seconds: float) -> None:
        """Let every fault hit in an order of chance, again and again, until the time is over or the job has
        ended.
        """
        deadline = time.monotonic() + seconds
        for name in self._names():
            self._keep_for(self.random.uniform(0, LONGEST_GAP_SECONDS))
            if time.monotonic() > deadline or self.fleet.job(job_id).state in FINAL_JOB:
                return
            if name in self._free:
                self._free[name]()
            elif self._is_an_attempt_left():
                self._costly[name]()
            else:
                continue
            self.hits[name] += 1

    def wait_for_end(self, job_id: str) -> JobState:
        """The state in which the job ends."""

        def has_ended() -> bool:
            self.keep_alive()
            return self.fleet.job(job_id).state in FINAL_JOB

        self.fleet.wait_until(has_ended, f"{job_id} to end after {dict(self.hits)}")
        return self.fleet.job(job_id).state

    def keep_alive(self) -> None:
        """Start again what has ended, as the supervisor of a deployment does."""
        for place, process in enumerate(self.running):
            if process.poll() is not None:
                self.running[place] = self.fleet.start(ROLES[place])

    def _keep_for(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.keep_alive()
            time.sleep(0.05)

    def _names(self) -> Iterator[str]:
        names = sorted({*self._costly, *self._free})
        while True:
            yield from self.random.sample(names, len(names))

    def _any(self, role: str) -> "subprocess.Popen[bytes]":
        return self.random.choice(
            [process for process, its in zip(self.running, ROLES, strict=True) if its == role]
        )

    def _at_work(self) -> "subprocess.Popen[bytes]":
        """A worker with a unit in its hands, if one has one soon."""
        deadline = time.monotonic() + LONGEST_GAP_SECONDS
        while time.monotonic() < deadline:
            busy = {pid for pid, worker in self.fleet.workers().items() if worker.state == WorkerState.BUSY}
            if victims := [process for process in self.running if process.pid in busy]:
                return self.random.choice(victims)
            self._keep_for(0.1)
        return self._any("worker")

    def _is_an_attempt_left(self) -> bool:
        """Whether no unit would fail if one more attempt at it, or at every unit, were lost."""
        counted = UnitRow.attempt - UnitRow.losses
        last = or_(
            UnitRow.losses >= MOST_LOSSES - 1,
            (UnitRow.state == UnitState.RUNNING) & (counted >= UnitRow.max_attempts),
            (UnitRow.state == UnitState.READY) & (counted >= UnitRow.max_attempts - 1),
        )
        with self.fleet.store.read() as session:
            return session.scalar(select(UnitRow.id).where(last).limit(1)) is None

    def _kill_runner(self) -> None:
        for pid in children_of(self._at_work().pid):
            os.kill(pid, signal.SIGKILL)

    def _freeze_worker(self) -> None:
        worker = self._at_work()
        worker.send_signal(signal.SIGSTOP)
        self._keep_for(LEASE_SECONDS * self.random.uniform(1.2, 1.5))
        worker.send_signal(signal.SIGCONT)

    def _empty_redis(self) -> None:
        self.redis.kill()
        self.redis.start()

    def _restart_postgres(self) -> None:
        self.postgres.stop("immediate")
        self.postgres.start()

    def _corrupt_artifact(self) -> None:
        files = [path for folder in self._artifacts() for path in folder.iterdir() if path.name != MANIFEST]
        if files:
            path = self.random.choice(sorted(files))
            content = bytearray(path.read_bytes())
            content[self.random.randrange(len(content))] ^= 1
            path.write_bytes(content)

    def _delete_artifact(self) -> None:
        if folders := self._artifacts():
            shutil.rmtree(self.random.choice(folders))

    def _artifacts(self) -> list[Path]:
        """The folders of whole artifacts."""
        return sorted(path.parent for path in (self.fleet.var_dir / "artifacts").glob(f"*/*/{MANIFEST}"))


@contextmanager
def fleet_in_chaos(
    folder: Path,
    plugin_path: Path,
    catalogue: Catalogue,
    postgres: PostgresServer,
    redis: RedisServer,
    *,
    seed: int,
) -> Iterator[Chaos]:
    """Two schedulers and two workers, of which nothing is left at the end."""
    environment = {
        "LETHE_VAR_DIR": str(folder),
        "PYTHONPATH": str(plugin_path),
        "LETHE_DEVICE": "cpu",
        "LETHE_DATABASE_URL": postgres.url,
        "LETHE_BROKER_URL": redis.url,
    }
    store = Store(postgres.url)
    store.migrate()
    fleet = Deployment(store, catalogue, environment, folder)
    try:
        yield Chaos(fleet, postgres, redis, Random(seed))
    finally:
        fleet.stop()
        store.engine.dispose()


@contextmanager
def undisturbed(spec: str, folder: Path, plugin_path: Path) -> Iterator[Callable[[], Store]]:
    """`lethe run` of the job, beside whatever else happens; yields what waits for its store."""
    folder.mkdir()
    (folder / "spec.json").write_text(spec)
    command = [sys.executable, "-m", "lethe", "run", str(folder / "spec.json"), "--out", str(folder / "out")]
    given = {"PYTHONPATH": str(plugin_path), "LETHE_DEVICE": "cpu", "OMP_NUM_THREADS": "1"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env={**os.environ, **given}, stdout=log, stderr=log)

    def wait() -> Store:
        assert process.wait(timeout=300) == 0, (folder / "log").read_text()
        return Store(f"sqlite:///{folder / 'out' / 'lethe.db'}")

    try:
        yield wait
    finally:
        process.kill()
        process.wait()


def measured(store: Store) -> dict[tuple[str, int], Any]:
    """What is not a timing of every result, by unlearner and seed, each of which has one."""
    with store.read() as session:
        rows = session.scalars(select(ResultRow)).all()
    found = {
        (row.unlearner, row.model_seed): untimed([row.metrics, row.is_usable, row.hyperparameters])
        for row in rows
    }
    assert len(found) == len(rows)
    return found


def boards(store: Store) -> list[Any]:
    """The protocol's boards, without timings."""
    with store.read() as session:
        found = [load_board(session, PROTOCOLS["quick/1.0"], metric) for metric in Metric]
    return [untimed(board_document(board)) for board in found]


def untimed(value: Any) -> Any:
    """The same without what a clock has measured."""
    if isinstance(value, dict):
        return {key: untimed(item) for key, item in value.items() if key not in TIMED}
    return [untimed(item) for item in value] if isinstance(value, list | tuple) else value


def document(seeds: int) -> dict[str, Any]:
    """The job that faults hit."""
    return {
        "settings": [{"dataset": "digits", "model": MODEL}],
        "unlearners": list(UNLEARNERS),
        "model_seeds": list(range(seeds)),
    }


def require_same_in_chaos(
    folder: Path,
    plugin_path: Path,
    catalogue: Catalogue,
    servers: tuple[PostgresServer, RedisServer],
    *,
    seconds: float,
    seed: int,
    model_seeds: int,
) -> Counter[str]:
    """Run a job under faults and undisturbed, and check that nothing but timings tells them apart.

    Returns:
        The faults that hit.
    """
    with (
        undisturbed(json.dumps(document(model_seeds)), folder / "undisturbed", plugin_path) as wait,
        fleet_in_chaos(folder, plugin_path, catalogue, *servers, seed=seed) as chaos,
    ):
        fleet = chaos.fleet
        fleet.wait_until(lambda: len(fleet.workers()) == ROLES.count("worker"), "the workers")
        job_id = fleet.submit(*UNLEARNERS, model=MODEL, model_seeds=tuple(range(model_seeds)))
        chaos.hit(job_id, seconds)
        assert chaos.wait_for_end(job_id) == JobState.SUCCEEDED, dict(chaos.hits)
        assert fleet.job(job_id).units[UnitState.DONE] == sum(fleet.job(job_id).units.values())
        fleet.require_once()
        fleet.require_order()
        expected = wait()
        subjects = [*UNLEARNERS, "original", "retrained"]
        found = measured(fleet.store)
        assert set(found) == {(subject, seed) for subject in subjects for seed in range(model_seeds)}
        assert found == measured(expected)
        assert boards(fleet.store) == boards(expected)
        expected.close()
        return chaos.hits
