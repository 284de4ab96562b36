"""What the evictor does where a worker that lost its lease has written its artifact all the same."""

from collections.abc import Iterator
from dataclasses import asdict

import pytest
from sqlalchemy import select, update

import worker.work
from core.artifact_files.manifest import Artifact
from core.artifact_files.storage import open_storage
from core.outcome import Outcome
from core.settings import Settings
from core.store import artifacts, units
from core.store.jobs import QUEUE
from core.store.session import Store
from core.store.states import UnitState
from core.store.tables import UnitRow
from core.store.units import Lease
from tests.worker.sleepers import submit
from worker.evictor import keep_within_budget
from worker.runner import Finished

NOTHING = 1e-9  # GB


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(
        var_dir=tmp_path, device="cpu", ring_seconds=0.001, reap_seconds=0.001, artifacts_budget_gb=NOTHING
    )


@pytest.fixture
def store(settings) -> Iterator[Store]:
    store = Store(settings.database)
    store.migrate()
    yield store
    store.engine.dispose()


def evict(settings: Settings, store: Store) -> None:
    looks = iter(range(3))
    keep_within_budget(settings, store, is_stopped=lambda: next(looks, None) is None)


def claimed(store: Store) -> Lease:
    with store.write() as session:
        return units.claim(session, QUEUE, "w2", 60.0)


def publish(settings: Settings, unit_id: str, content: bytes) -> Artifact:
    return open_storage(settings).publish(unit_id, {"record.json": content})


def finish(settings: Settings, store: Store, lease: Lease) -> None:
    made = asdict(publish(settings, lease.unit_id, b"{}"))
    with store.write() as session:
        assert units.finish(session, lease, owner="w2", runtime_seconds=1.0, artifact=made, text="Done.")


def left(settings: Settings) -> list[str]:
    return [path.name for path in (settings.var_dir / "artifacts").rglob("record.json")]


def test_what_a_late_writer_put_over_an_artifact_goes_in_its_stead(settings, store):
    submit(store, model_seeds=1)
    lease = claimed(store)
    finish(settings, store, lease)
    end_everything_else(store, lease)
    late = publish(settings, lease.unit_id, b'{"late": 1}')

    evict(settings, store)

    assert left(settings) == []
    with store.read() as session:
        assert artifacts.stored_bytes(session) == 0
        assert artifacts.evicted_bytes(session) == late.size_bytes


def test_what_a_refused_worker_wrote_after_an_eviction_counts_and_goes_too(settings, store, monkeypatch):
    submit(store, model_seeds=1)

    class Late:
        """A runner whose unit another worker does meanwhile; that one's artifact is then evicted."""

        is_alive, pid = True, None

        def __init__(self, *_) -> None:
            pass

        def await_ready(self, *_) -> str:
            return "CPU"

        def start(self, _unit) -> None:
            slow.drain()

        def receive(self, _seconds: float) -> Finished:
            with store.write() as session:
                session.execute(update(UnitRow).values(lease_until=-1.0))
                units.reap(session)
                session.execute(update(UnitRow).values(not_before=0.0))
            lease = claimed(store)
            finish(settings, store, lease)
            end_everything_else(store, lease)
            evict(settings, store)
            assert left(settings) == []
            late = publish(settings, lease.unit_id, b'{"late": 1}')
            return Finished(Outcome(True, 1.0, artifact=asdict(late)))

        def end(self) -> str:
            return ""

    monkeypatch.setattr(worker.work, "Runner", Late)
    slow = worker.work.Worker(settings, store)
    slow.work(QUEUE)
    slow.close()

    with store.read() as session:
        assert artifacts.stored_bytes(session) > 0
    evict(settings, store)
    assert left(settings) == []
    with store.read() as session:
        assert artifacts.stored_bytes(session) == 0
        assert session.scalars(select(UnitRow.state).where(UnitRow.evicted_bytes > 0)).all() == ["done"]


def end_everything_else(store: Store, lease: Lease) -> None:
    """Let no unit need the artifact of this one."""
    with store.write() as session:
        others = update(UnitRow).where(UnitRow.id != lease.unit_id)
        session.execute(others.values(state=UnitState.CANCELLED))
