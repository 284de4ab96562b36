"""Faults injected into real processes: nothing is lost, nothing is done twice."""

import os
import shutil
import signal

from sqlalchemy import func, select

from core.store import jobs
from core.store.states import FailureClass, JobState, UnitState
from core.store.tables import EventRow, ResultRow
from core.store.unit_logs import last_lines
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


@embedded
def test_a_killed_runner_is_replaced(deployment):
    deployment.start("scheduler")
    worker = deployment.start("worker")
    job_id = deployment.submit(sleeper(4))
    deployment.wait_for_unit(SLEEPER, UnitState.RUNNING)

    for pid in children_of(worker.pid):
        os.kill(pid, signal.SIGKILL)

    assert deployment.wait_for_end(job_id).state == JobState.SUCCEEDED
    assert deployment.unit(SLEEPER).attempt == 2
    assert worker.poll() is None


def test_a_killed_scheduler_is_missed_by_nobody_once_another_runs(deployment):
    scheduler = deployment.start("scheduler")
    deployment.start("worker")
    job_id = deployment.submit(sleeper(2), "toy_noise")
    scheduler.kill()
    scheduler.wait()
    deployment.start("scheduler")

    assert deployment.wait_for_end(job_id).state == JobState.SUCCEEDED


def test_what_a_method_raises_is_told_even_where_no_database_stores_it(deployment):
    deployment.start("scheduler")
    deployment.start("worker")
    deployment.wait_for_end(deployment.submit("toy_raiser", "toy_noise"))

    raiser = deployment.unit("unlearn with toy_raiser")
    assert (raiser.attempt, raiser.failure_class) == (1, FailureClass.USER_CODE)
    assert "RuntimeError: it never works" in raiser.error
    assert deployment.unit("unlearn with toy_noise").state == UnitState.DONE


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
def test_a_broken_device_is_not_the_methods_fault_and_not_the_next_units(deployment):
    deployment.start("scheduler")
    worker = deployment.start("worker")
    deployment.wait_for_worker(worker)
    runners = children_of(worker.pid)
    job_id = deployment.submit("toy_unlucky", "toy_noise")

    assert deployment.wait_for_end(job_id).state == JobState.PARTIALLY_SUCCEEDED

    unlucky = deployment.unit("unlearn with toy_unlucky")
    assert (unlucky.attempt, unlucky.failure_class) == (3, FailureClass.QUARANTINED)
    assert deployment.unit("unlearn with toy_noise").state == UnitState.DONE
    assert set(runners) - set(children_of(worker.pid))  # the process that met it is gone
    with deployment.store.read() as session:
        assert "toy_unlucky" not in session.scalars(select(ResultRow.unlearner)).all()


@embedded
def test_a_step_without_memory_is_tried_again_and_fails_where_there_is_never_enough(deployment):
    deployment.start("scheduler")
    worker = deployment.start("worker")
    job_id = deployment.submit("toy_glutton", "toy_noise", model="toy_hungry_net")

    assert deployment.wait_for_end(job_id).state == JobState.PARTIALLY_SUCCEEDED

    found = deployment.units_of(job_id)
    trained = [unit.attempt for unit in found.values() if unit.kind == "train"]
    assert sorted(trained) == [1, 2]
    assert found["unlearn with toy_noise"].state == UnitState.DONE
    glutton = found["unlearn with toy_glutton"]
    assert (glutton.attempt, glutton.failure_class) == (3, FailureClass.QUARANTINED)
    assert glutton.error.count("OutOfMemoryError: CUDA out of memory.") == 3
    assert "LETHE_SLOTS_PER_DEVICE" in glutton.error.splitlines()[-1]
    assert worker.poll() is None


@embedded
def test_poison_fails_after_three_attempts_and_the_rest_is_done(deployment, recovery):
    deployment.start("scheduler")
    deployment.start("worker")
    job_id = deployment.submit("toy_killer", "toy_noise")

    with recovery("a unit that kills its runner: until it was in quarantine and all others were done"):
        assert deployment.wait_for_end(job_id).state == JobState.PARTIALLY_SUCCEEDED

    poison = deployment.unit("unlearn with toy_killer")
    assert (poison.state, poison.attempt) == (UnitState.FAILED, 3)
    assert poison.failure_class == FailureClass.QUARANTINED
    assert poison.error.count("SIGKILL") == 3
    assert deployment.unit("unlearn with toy_noise").state == UnitState.DONE

    with deployment.store.read() as session:
        told = last_lines(session, job_id, unit_id=poison.id, tail=100)
        trained = last_lines(
            session, job_id, unit_id=deployment.unit("train the original model").id, tail=100
        )
    for attempt in (1, 2, 3):
        begin, said, end = (line for line in told if line.attempt == attempt)
        assert begin.text == f"Attempt {attempt} begins."
        assert (said.text, said.fields["logger"], said.fields["classes"]) == (
            "This is the end.",
            "lethe_toy_torch",
            10,
        )
        assert (end.level, "SIGKILL" in end.text) == ("error", True)
    epochs = [line.fields["epoch"] for line in trained if "mean_loss" in line.fields]
    assert epochs == list(range(1, trained[1].fields["epochs"] + 1))


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


def test_cancel_stops_the_running_unit_and_frees_the_worker(deployment):
    deployment.start("scheduler")
    deployment.start("worker")
    job_id = deployment.submit(sleeper(60))
    deployment.wait_for_unit(SLEEPER, UnitState.RUNNING)

    with deployment.store.write() as session:
        jobs.cancel(session, job_id, actor="test")
    next_job = deployment.submit("toy_noise")

    assert deployment.wait_for_end(job_id).state == JobState.CANCELLED
    assert deployment.unit(SLEEPER).state == UnitState.CANCELLED
    assert deployment.wait_for_end(next_job).state == JobState.SUCCEEDED


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


@embedded
def test_a_deleted_broker_folder_only_costs_a_moment(deployment):
    deployment.start("scheduler")
    deployment.start("worker")
    deployment.wait_for_end(deployment.submit("toy_noise"))

    shutil.rmtree(deployment.var_dir / "broker")

    assert deployment.wait_for_end(deployment.submit("ga")).state == JobState.SUCCEEDED


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
