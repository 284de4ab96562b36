"""Several workers of one machine: who works, who waits, who rests."""

import signal
import sys
import time
from threading import Thread
from threading import enumerate as enumerate_threads

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from core.errors import DeploymentInvalid
from core.settings import Settings
from core.spec.units import Unit, UnitId
from core.store import jobs, slots, workers
from core.store.session import Store
from core.store.states import JobState, UnitState, WorkerState
from tests.worker.deployment import PATIENCE_SECONDS, SLEEPER, embedded, sleeper
from tests.worker.sleepers import Asleep, submit
from worker.work import Worker

BEAT_SECONDS = 0.02
ALONE = {"LETHE_SLOTS_PER_DEVICE": "1"}


def states(deployment) -> list[str]:
    """The workers' states, by age."""
    with deployment.store.read() as session:
        return [worker.state for worker in workers.list_workers(session)]


def test_a_second_worker_of_a_device_waits_and_takes_over_when_the_first_is_killed(deployment):
    deployment.start("scheduler")
    first = deployment.start("worker", **ALONE)
    deployment.wait_until(lambda: states(deployment) == ["idle"], "the first worker")
    deployment.start("worker", **ALONE)
    deployment.wait_until(lambda: states(deployment) == ["idle", "waiting_for_slot"], "the second to wait")
    log = deployment.var_dir / "worker-2.log"
    deployment.wait_until(lambda: "waiting_for_slot" in log.read_text(), "the second to say so")

    first.kill()
    first.wait()

    job_id = deployment.submit("toy_noise")
    assert deployment.wait_for_end(job_id).state == JobState.SUCCEEDED


@embedded
def test_a_worker_that_is_stopped_while_it_waits_leaves_in_good_order(deployment):
    deployment.start("worker", **ALONE)
    deployment.wait_until(lambda: states(deployment) == ["idle"], "the first worker")
    second = deployment.start("worker", **ALONE)
    deployment.wait_until(lambda: states(deployment) == ["idle", "waiting_for_slot"], "the second to wait")

    second.terminate()

    assert second.wait(timeout=PATIENCE_SECONDS) == 0
    assert states(deployment) == ["idle"]


def test_a_worker_is_known_as_waiting_until_it_has_a_slot_and_leaves_in_good_order_if_stopped(
    tmp_path, monkeypatch
):
    store = Store(f"sqlite:///{tmp_path / 'lethe.db'}")
    store.migrate()
    seen = []

    def stop(session: Session, *_: object, **__: object) -> None:
        seen.extend(worker.state for worker in workers.list_workers(session))
        sys.exit(0)  # as SIGTERM's handler does

    monkeypatch.setattr(slots, "claim_slot", stop)

    with pytest.raises(SystemExit):
        Worker(Settings(var_dir=tmp_path), store)

    assert seen == [WorkerState.WAITING_FOR_SLOT]
    with store.read() as session:
        assert workers.list_workers(session) == []
    store.engine.dispose()


def test_a_worker_that_cannot_load_is_known_as_starting_and_leaves_nothing_behind(tmp_path, monkeypatch):
    store = Store(f"sqlite:///{tmp_path / 'lethe.db'}")
    store.migrate()
    told = []

    class Broken:
        is_alive, pid = True, None

        def __init__(self, *_: object) -> None:
            pass

        def await_ready(self, *_: object) -> str:
            with store.read() as session:
                told.extend(worker.state for worker in workers.list_workers(session))
            raise DeploymentInvalid("no device")

        def end(self) -> str:
            told.append("ended")
            return "at once"

    monkeypatch.setattr("worker.work.Runner", Broken)

    with pytest.raises(DeploymentInvalid, match="no device"):
        Worker(Settings(var_dir=tmp_path, device="cpu"), store)

    assert told == [WorkerState.STARTING, "ended"]
    for thread in beating():
        thread.join(PATIENCE_SECONDS)  # it had been told to end
    assert beating() == []
    with store.read() as session:
        assert workers.list_workers(session) == []
    store.engine.dispose()


def test_no_beat_tells_of_an_idle_worker_once_it_has_claimed(tmp_path, monkeypatch):
    store = Store(f"sqlite:///{tmp_path / 'lethe.db'}")
    store.migrate()
    submit(store, model_seeds=1)
    told = []

    class Watching(Asleep):
        def start(self, unit: Unit) -> None:
            with store.read() as session:
                told.extend(
                    (worker.state, worker.unit_id is None) for worker in workers.list_workers(session)
                )
            at_work.drain()
            super().start(unit)

    def take_up_slowly(session: Session, worker_id: str, unit_id: UnitId) -> None:
        take_up(session, worker_id, unit_id)
        event.listen(session, "after_commit", lambda _: time.sleep(20 * BEAT_SECONDS), once=True)

    take_up = workers.take_up
    monkeypatch.setattr(workers, "take_up", take_up_slowly)
    monkeypatch.setattr("worker.work.Runner", lambda *_: Watching(0.0))
    at_work = Worker(Settings(var_dir=tmp_path, device="cpu", beat_seconds=BEAT_SECONDS), store)
    at_work.work(jobs.QUEUE)
    at_work.close()

    assert told == [(WorkerState.BUSY, False)]
    store.engine.dispose()


def beating() -> list[Thread]:
    return [thread for thread in enumerate_threads() if thread.name == "worker-beat"]


@embedded
def test_a_drained_worker_ends_its_unit_and_takes_no_other_until_it_is_resumed(deployment):
    deployment.start("scheduler")
    deployment.start("worker")
    deployment.submit(sleeper(6))
    deployment.wait_for_unit(SLEEPER, UnitState.RUNNING)
    with deployment.store.read() as session:
        (worker,) = workers.list_workers(session)
    assert worker.memory_bytes > 50_000_000

    steer(deployment, worker.id, is_drained=True)
    assert states(deployment) == ["draining"]
    deployment.wait_for_unit(SLEEPER, UnitState.DONE)
    deployment.wait_until(lambda: states(deployment) == ["drained"], "the worker to rest")
    job_id = deployment.submit("toy_noise")
    assert deployment.job(job_id).units[UnitState.RUNNING] == 0

    steer(deployment, worker.id, is_drained=False)
    assert deployment.wait_for_end(job_id).state == JobState.SUCCEEDED


@embedded
def test_a_worker_that_lost_its_slot_while_frozen_ends_and_leaves_it_to_the_other(deployment):
    frozen = deployment.start("worker", **ALONE)
    deployment.wait_until(lambda: states(deployment) == ["idle"], "the first worker")
    frozen.send_signal(signal.SIGSTOP)
    deployment.start("worker", **ALONE)
    deployment.wait_until(lambda: states(deployment) == ["idle", "idle"], "the second to take over")

    frozen.send_signal(signal.SIGCONT)

    assert frozen.wait(timeout=PATIENCE_SECONDS) == 0
    assert states(deployment) == ["idle"]


def steer(deployment, worker_id: str, *, is_drained: bool) -> None:
    with deployment.store.write() as session:
        workers.set_drained(session, worker_id, is_drained=is_drained)
