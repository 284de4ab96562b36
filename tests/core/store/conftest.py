"""A migrated store of each kind, and a bench: what tests do with it, one transaction at a time."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select, update

from core.catalog.registry import installed
from core.plan import plan
from core.spec.job import parse_job_spec
from core.spec.resolve import resolve
from core.store import jobs, units
from core.store.events import Event, job_events
from core.store.jobs import JobRecord
from core.store.session import Store
from core.store.states import FailureClass, UnitState
from core.store.tables import UnitRow
from core.store.units import Lease


@dataclass
class Bench:
    """The store under test. A unit is named by its title, which is unique where a job has one seed."""

    store: Store

    def do(self, use_case: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """A use case of the store, in a transaction of its own."""
        with self.store.write() as session:
            return use_case(session, *args, **options)

    def submit(self, *unlearners: object, model_seeds: tuple[int, ...] = (0,), **fields: Any) -> str:
        """Submit a job on digits; it trains two models, evaluates both, and unlearns."""
        document = {
            "settings": [{"dataset": "digits", "model": "resnet18"}],
            "unlearners": list(unlearners) or ["ft"],
            "model_seeds": model_seeds,
            **fields,
        }
        spec = parse_job_spec(json.dumps(document))
        resolved = resolve(spec, installed())
        return self.do(jobs.submit, spec, resolved, plan(resolved), actor="test")

    def claim(self, owner: str = "w1", lease_seconds: float = 60.0) -> Lease | None:
        return self.do(units.claim, jobs.QUEUE, owner, lease_seconds)

    def finish(self, lease: Lease, owner: str = "w1") -> bool:
        sentence = f"Worker {owner} finished to {lease.title}."
        return self.do(units.finish, lease, owner=owner, runtime_seconds=1.0, artifact={}, text=sentence)

    def fail(self, lease: Lease, failure: FailureClass = FailureClass.USER_CODE, error: str = "Boom") -> bool:
        return self.do(units.fail, lease, owner="w1", failure=failure, error=error)

    def claim_unit(self, title: str, owner: str = "w1") -> Lease:
        """Claim and finish until the unit with this title is claimed."""
        while (lease := self.claim(owner)) is not None:
            if lease.title == title:
                return lease
            assert self.finish(lease, owner)
        raise AssertionError(f"Nothing is left to claim, and {title!r} never came.")

    def finish_all(self) -> None:
        """Run everything that can run, at once."""
        while (lease := self.claim()) is not None:
            assert self.finish(lease)

    def skip_back_off(self) -> None:
        """Let units that were queued again start at once."""
        self.do(lambda session: session.execute(update(UnitRow).values(not_before=0.0)))

    def job(self, job_id: str) -> JobRecord:
        with self.store.read() as session:
            return jobs.get_job(session, job_id)

    def unit(self, title: str) -> UnitRow:
        with self.store.read() as session:
            return session.scalars(select(UnitRow).where(UnitRow.title == title)).one()

    def states(self, job_id: str) -> dict[str, UnitState]:
        """The states of a job's units, by title."""
        with self.store.read() as session:
            return {unit.title: unit.state for _, unit in units.job_units(session, job_id, limit=1000)}

    def events(self, job_id: str, after: int = 0) -> list[Event]:
        with self.store.read() as session:
            return job_events(session, job_id, after=after)

    def together(self, *actions: Callable[[], Any]) -> list[Any]:
        """What the actions return, each run in a thread of its own at the same time."""
        with ThreadPoolExecutor(len(actions)) as pool:
            return [future.result(timeout=60) for future in [pool.submit(action) for action in actions]]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request, tmp_path) -> Iterator[Store]:
    """An empty, migrated database."""
    if request.param == "postgres":
        url = request.getfixturevalue("empty_postgres")
    else:
        path = tmp_path / "lethe.db"
        path.write_bytes(request.getfixturevalue("migrated_sqlite"))
        url = f"sqlite:///{path}"
    store = Store(url)
    yield store
    store.engine.dispose()


@pytest.fixture
def bench(store) -> Bench:
    return Bench(store)
