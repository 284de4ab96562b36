"""Faults injected into real processes: nothing is lost, nothing is done twice."""

import os
import signal

from sqlalchemy import func, select

from core.store.states import JobState, UnitState
from core.store.tables import EventRow, ResultRow
from tests.servers import children_of
from tests.worker.deployment import PATIENCE_SECONDS, SLEEPER, embedded, sleeper


def test_a_killed_worker_loses_nothing(deployment):
    deployment.start("scheduler")
    worker = deployment.start("worker")
    job_id = deployment.submit(sleeper(4), "toy_noise")
    deployment.wait_for_unit(SLEEPER, UnitState.RUNNING)
    runners = children_of(worker.pid)

    worker.kill()
    worker.wait()
    deployment.wait_until(lambda: not any(alive(pid) for pid in runners), "the runner to die with its parent")
    deployment.start("worker")

    assert deployment.wait_for_end(job_id).state == JobState.SUCCEEDED
    assert deployment.unit(SLEEPER).attempt == 2
    with deployment.store.read() as session:
        assert session.scalar(select(func.count()).select_from(ResultRow)) == 4
    deployment.require_order()


def test_a_killed_scheduler_is_missed_by_nobody_once_another_runs(deployment):
    scheduler = deployment.start("scheduler")
    deployment.start("worker")
    job_id = deployment.submit(sleeper(2), "toy_noise")
    scheduler.kill()
    scheduler.wait()
    deployment.start("scheduler")

    assert deployment.wait_for_end(job_id).state == JobState.SUCCEEDED


@embedded
def test_a_worker_that_cannot_load_ends_and_takes_no_unit(deployment, tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('libcudart is missing')")
    job_id = deployment.submit("toy_noise")

    worker = deployment.start("worker", PYTHONPATH=str(tmp_path))

    assert worker.wait(timeout=PATIENCE_SECONDS) == 2
    log = (deployment.var_dir / "worker-0.log").read_text()
    assert "libcudart is missing" in log
    assert "The runner ended while it loaded" in log
    assert {unit.attempt for unit in deployment.units_of(job_id).values()} == {0}


@embedded
def test_a_device_that_is_gone_costs_the_unit_in_hand_an_attempt_and_ends_the_worker(deployment, tmp_path):
    deployment.start("scheduler")
    found_first = os.pathsep.join([str(tmp_path), deployment.environment["PYTHONPATH"]])
    worker = deployment.start("worker", PYTHONPATH=found_first)
    job_id = deployment.submit(sleeper(60), "toy_noise")
    deployment.wait_for_unit(SLEEPER, UnitState.RUNNING)
    (tmp_path / "torch.py").write_text("raise ImportError('the device is gone')")

    for pid in children_of(worker.pid):
        os.kill(pid, signal.SIGKILL)

    assert worker.wait(timeout=PATIENCE_SECONDS) == 2
    log = (deployment.var_dir / "worker-1.log").read_text()
    assert "the device is gone" in log
    assert "The runner ended while it loaded" in log
    assert deployment.workers() == {}
    assert deployment.unit(SLEEPER).attempt == 1
    assert {unit.attempt for unit in deployment.units_of(job_id).values()} <= {0, 1}


@embedded
def test_a_frozen_worker_cannot_publish_once_its_lease_is_over(deployment, recovery):
    deployment.start("scheduler")
    frozen = deployment.start("worker")
    job_id = deployment.submit(sleeper(3))
    deployment.wait_for_unit(SLEEPER, UnitState.RUNNING)

    frozen.send_signal(signal.SIGSTOP)
    deployment.start("worker")
    with recovery("worker frozen beyond its lease: until a new one had done its job"):
        assert deployment.wait_for_end(job_id).state == JobState.SUCCEEDED
    frozen.send_signal(signal.SIGCONT)

    log = deployment.var_dir / "worker-1.log"
    deployment.wait_until(
        lambda: any(word in log.read_text() for word in ("publish_refused", "lease_lost")), "the refusal"
    )
    with deployment.store.read() as session:
        done = session.scalars(
            select(EventRow).where(EventRow.reason == "done", EventRow.unit_id == deployment.unit(SLEEPER).id)
        )
        assert len(done.all()) == 1


def test_a_drained_worker_gives_its_unit_back_uncharged(deployment):
    deployment.start("scheduler")
    worker = deployment.start("worker")
    deployment.submit(sleeper(30))
    deployment.wait_for_unit(SLEEPER, UnitState.RUNNING)

    worker.terminate()

    assert worker.wait(timeout=PATIENCE_SECONDS) == 0
    unit = deployment.unit(SLEEPER)
    assert (unit.state, unit.attempt) == (UnitState.READY, 0)


@embedded
def test_a_corrupt_artifact_is_made_again(deployment, recovery):
    deployment.start("scheduler")
    worker = deployment.start("worker")
    deployment.wait_for_end(deployment.submit("toy_noise"))
    worker.kill()  # it still has the original in memory
    worker.wait()
    original = deployment.unit("train the original model")
    model = next((deployment.var_dir / "artifacts").rglob(f"{original.id}/model.safetensors"))
    content = bytearray(model.read_bytes())
    content[-1] ^= 1
    model.write_bytes(content)

    deployment.start("worker")
    with recovery("corrupt artifact: from a worker's start until all that needs it was done"):
        job = deployment.wait_for_end(deployment.submit("ga"))

    assert job.state == JobState.SUCCEEDED
    with deployment.store.read() as session:
        reasons = session.scalars(select(EventRow.reason).where(EventRow.unit_id == original.id)).all()
    assert reasons.count("done") == 2
    assert "artifact_broken" in reasons


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
