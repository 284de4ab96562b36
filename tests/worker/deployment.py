"""A deployment of real processes for tests: database, broker, scheduler and workers of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import select

from core.catalog.registry import Catalogue
from core.plan import plan
from core.spec.job import parse_job_spec
from core.spec.resolve import resolve
from core.store import jobs, units, workers
from core.store.jobs import JobRecord
from core.store.session import Store
from core.store.states import FINAL_JOB, UnitState
from core.store.tables import EventRow, JobUnitRow, ResultRow, UnitDependencyRow, UnitRow
from core.store.units import UnitRecord
from core.store.workers import WorkerRecord
from tests.plugins import catalogue_with
from tests.services import fresh_postgres_url, fresh_redis_url

# Short, so that a death is noticed within a test; `make faults` sets those of a real deployment.
LEASE_SECONDS = float(os.environ.get("LETHE_TEST_LEASE_SECONDS", "3"))
TIMES = {
    "LETHE_LEASE_SECONDS": str(LEASE_SECONDS),
    "LETHE_BEAT_SECONDS": str(LEASE_SECONDS / 6),
    "LETHE_REAP_SECONDS": str(LEASE_SECONDS / 6),
}
STAGED = Path(__file__).with_name("staged.py")
SHARED = {"LETHE_SLOTS_PER_DEVICE": "4"}  # the test machine is one device
ONE_THREAD = {"OMP_NUM_THREADS": "1"}  # several workers share the test machine
PATIENCE_SECONDS = 150.0
SLEEPER = "unlearn with toy_sleeper"

KINDS = ("embedded", pytest.param("fleet", marks=[pytest.mark.postgres, pytest.mark.redis]))
# What does not depend on the database or the broker but through the store, whose tests run on both.
embedded = pytest.mark.parametrize("deployment", KINDS[:1], indirect=True)
fleet = pytest.mark.parametrize("deployment", KINDS[1:], indirect=True)


def sleeper(seconds: float) -> dict[str, object]:
    """The plug-in's unlearner that only takes its time."""
    return {"id": "toy_sleeper", "hyperparameters": {"seconds": seconds}}


@dataclass
class Deployment:
    """Where everything is, and the processes started so far."""

    store: Store
    catalogue: Catalogue
    environment: dict[str, str]
    var_dir: Path
    processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def start(
        self, name: str, *, fault: str = "", within: Sequence[str] = (), **more: str
    ) -> "subprocess.Popen[bytes]":
        """Start `lethe scheduler`, `lethe worker` or `lethe api`, with more variables.

        Args:
            fault: one that `staged.py` builds in.
            within: a command that runs another, such as `ip netns exec NAME`.
        """
        environment = {**os.environ, **TIMES, **ONE_THREAD, **SHARED, **self.environment, **more}
        command = [*within, sys.executable, *([str(STAGED), fault] if fault else ["-m", "lethe"]), name]
        with (self.var_dir / f"{name}-{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def stop(self) -> None:
        """End every process that is left."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()

    def submit(
        self,
        *unlearners: object,
        model: str = "toy_net",
        model_seeds: tuple[int, ...] = (0,),
        sweep: dict | None = None,
    ) -> str:
        """Submit a job on the plug-in's tiny model, whose units take a fraction of a second."""
        document = {
            "settings": [{"dataset": "digits", "model": model}],
            "unlearners": list(unlearners),
            "model_seeds": model_seeds,
            "sweep": sweep,
        }
        spec = parse_job_spec(json.dumps(document))
        resolved = resolve(spec, self.catalogue)
        with self.store.write() as session:
            return jobs.submit(session, spec, resolved, plan(resolved), actor="test")

    def job(self, job_id: str) -> JobRecord:
        """The job as it is now."""
        with self.store.read() as session:
            return jobs.get_job(session, job_id)

    def wait_for_end(self, job_id: str) -> JobRecord:
        """The job once it has ended."""
        self.wait_until(lambda: self.job(job_id).state in FINAL_JOB, f"{job_id} to end")
        return self.job(job_id)

    def unit(self, title: str, job_id: str | None = None) -> UnitRow:
        """The one unit with this title, of a job where several have such a one."""
        found = select(UnitRow).where(UnitRow.title == title)
        if job_id is not None:
            found = found.join(JobUnitRow, JobUnitRow.unit_id == UnitRow.id).where(
                JobUnitRow.job_id == job_id
            )
        with self.store.read() as session:
            return session.scalars(found).one()

    def units_of(self, job_id: str) -> dict[str, UnitRecord]:
        """A job's units by title, which is unique where a job has one seed."""
        with self.store.read() as session:
            return {unit.title: unit for _, unit in units.job_units(session, job_id, limit=10_000)}

    def workers(self) -> dict[int, WorkerRecord]:
        """The workers by their process ids."""
        with self.store.read() as session:
            return {worker.pid: worker for worker in workers.list_workers(session)}

    def wait_for_worker(self, process: "subprocess.Popen[bytes]") -> WorkerRecord:
        """The worker of a process once it waits for work."""
        self.wait_until(
            lambda: process.pid in (found := self.workers()) and found[process.pid].state == "idle",
            "the worker to be idle",
        )
        return self.workers()[process.pid]

    def wait_for_unit(self, title: str, state: UnitState, job_id: str | None = None) -> UnitRow:
        """The unit once it is in this state."""
        self.wait_until(lambda: self.unit(title, job_id).state == state, f"'{title}' to be {state}")
        return self.unit(title, job_id)

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Poll until the condition holds."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                paths = sorted(self.var_dir.glob("*.log"))
                logs = "\n".join(f"== {path.name}\n{path.read_text()[-3000:]}" for path in paths)
                raise AssertionError(f"Waited {PATIENCE_SECONDS:.0f} s for {what}.\n{logs}")
            time.sleep(0.1)

    def require_order(self) -> None:
        """Check that no unit started before all it depends on were done."""
        with self.store.read() as session:
            of_units = select(EventRow).where(EventRow.unit_id.is_not(None)).order_by(EventRow.id)
            events = session.scalars(of_units).all()
            needs: dict[str, set[str]] = {}
            for row in session.scalars(select(UnitDependencyRow)):
                needs.setdefault(row.unit_id, set()).add(row.depends_on)
        done: set[str] = set()
        for event in events:
            if event.reason == "claimed":
                assert needs.get(event.unit_id, set()) <= done, f"{event.text} came before what it needs"
            if event.reason == "done":
                done.add(event.unit_id)
            if event.reason == "artifact_broken":
                done.discard(event.unit_id)

    def require_once(self) -> None:
        """Check that no unit was done twice, but for those whose artifact broke in between."""
        with self.store.read() as session:
            ends = select(EventRow.unit_id, EventRow.reason).order_by(EventRow.id)
            events = session.execute(ends.where(EventRow.reason.in_(["done", "artifact_broken"]))).all()
            results = Counter(session.scalars(select(ResultRow.unit_id)))
        done: set[str] = set()
        for unit_id, reason in events:
            assert reason != "done" or unit_id not in done, f"{unit_id} was done twice"
            (done.add if reason == "done" else done.discard)(unit_id)
        assert set(results.values()) <= {1}


@contextmanager
def deployed(request: pytest.FixtureRequest, folder: Path, plugin_path: Path) -> Iterator[Deployment]:
    """A deployment with the package in which nothing runs yet, of the kind that is the request's parameter:
    on SQLite and files in the folder, or on databases of its own on this machine's servers.
    """
    environment = {"LETHE_VAR_DIR": str(folder), "PYTHONPATH": str(plugin_path), "LETHE_DEVICE": "cpu"}
    with ExitStack() as stack:
        catalogue = stack.enter_context(catalogue_with(plugin_path))
        if request.param == "embedded":
            (folder / "lethe.db").write_bytes(request.getfixturevalue("migrated_sqlite"))
            url = f"sqlite:///{folder / 'lethe.db'}"
        else:
            url = stack.enter_context(fresh_postgres_url(request.getfixturevalue("migrated_postgres")))
            queue = stack.enter_context(fresh_redis_url())
            environment |= {"LETHE_DATABASE_URL": url, "LETHE_BROKER_URL": queue}
        store = Store(url)
        stack.callback(store.engine.dispose)
        deployment = Deployment(store, catalogue, environment, folder)
        stack.callback(deployment.stop)
        yield deployment
