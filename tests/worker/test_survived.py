"""Faults that a worker survives: one, with its scheduler, meets them all in one deployment."""

import itertools
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import select

from core.store import jobs
from core.store.states import FailureClass, JobState, UnitState
from core.store.tables import ResultRow
from core.store.unit_logs import last_lines
from tests.servers import children_of
from tests.worker.deployment import KINDS, SLEEPER, Deployment, deployed, sleeper

NOISE = "unlearn with toy_noise"
seeds = itertools.count()


@dataclass(frozen=True)
class Survivor:
    """A deployment and its only worker."""

    deployment: Deployment
    worker: "subprocess.Popen[bytes]"

    def submit(self, *unlearners: object, model: str = "toy_net") -> str:
        """A job of which no test before has had a unit."""
        return self.deployment.submit(*unlearners, model=model, model_seeds=(next(seeds),))


@pytest.fixture(scope="module", params=KINDS[:1])  # what the runner does depends on neither
def survivor(request, tmp_path_factory, plugin_path) -> Iterator[Survivor]:
    with deployed(request, tmp_path_factory.mktemp("deployment"), plugin_path) as deployment:
        deployment.start("scheduler")
        worker = deployment.start("worker")
        deployment.wait_for_worker(worker)
        yield Survivor(deployment, worker)


@pytest.fixture(autouse=True)
def the_worker_lives(survivor):
    yield
    assert survivor.worker.poll() is None


def test_a_killed_runner_is_replaced(survivor):
    deployment, job_id = survivor.deployment, survivor.submit(sleeper(4))
    deployment.wait_for_unit(SLEEPER, UnitState.RUNNING, job_id)

    for pid in children_of(survivor.worker.pid):
        os.kill(pid, signal.SIGKILL)

    assert deployment.wait_for_end(job_id).state == JobState.SUCCEEDED
    assert deployment.unit(SLEEPER, job_id).attempt == 2


def test_a_broken_device_is_not_the_methods_fault_and_not_the_next_units(survivor):
    deployment = survivor.deployment
    deployment.wait_for_worker(survivor.worker)
    runners = children_of(survivor.worker.pid)
    job_id = survivor.submit("toy_unlucky", "toy_noise")

    assert deployment.wait_for_end(job_id).state == JobState.PARTIALLY_SUCCEEDED

    unlucky = deployment.unit("unlearn with toy_unlucky", job_id)
    assert (unlucky.attempt, unlucky.failure_class) == (3, FailureClass.QUARANTINED)
    assert deployment.unit(NOISE, job_id).state == UnitState.DONE
    assert set(runners) - set(children_of(survivor.worker.pid))  # the process that met it is gone
    with deployment.store.read() as session:
        assert "toy_unlucky" not in session.scalars(select(ResultRow.unlearner)).all()


def test_a_step_without_memory_is_tried_again_and_fails_where_there_is_never_enough(survivor):
    job_id = survivor.submit("toy_glutton", "toy_noise", model="toy_hungry_net")

    assert survivor.deployment.wait_for_end(job_id).state == JobState.PARTIALLY_SUCCEEDED

    found = survivor.deployment.units_of(job_id)
    trained = [unit.attempt for unit in found.values() if unit.kind == "train"]
    assert sorted(trained) == [1, 2]
    assert found[NOISE].state == UnitState.DONE
    glutton = found["unlearn with toy_glutton"]
    assert (glutton.attempt, glutton.failure_class) == (3, FailureClass.QUARANTINED)
    assert glutton.error.count("OutOfMemoryError: CUDA out of memory.") == 3
    assert "LETHE_SLOTS_PER_DEVICE" in glutton.error.splitlines()[-1]


def test_poison_fails_after_three_attempts_and_the_rest_is_done(survivor, recovery):
    deployment, job_id = survivor.deployment, survivor.submit("toy_killer", "toy_noise")

    with recovery("a unit that kills its runner: until it was in quarantine and all others were done"):
        assert deployment.wait_for_end(job_id).state == JobState.PARTIALLY_SUCCEEDED

    poison = deployment.unit("unlearn with toy_killer", job_id)
    assert (poison.state, poison.attempt) == (UnitState.FAILED, 3)
    assert poison.failure_class == FailureClass.QUARANTINED
    assert poison.error.count("SIGKILL") == 3
    assert deployment.unit(NOISE, job_id).state == UnitState.DONE

    original = deployment.unit("train the original model", job_id)
    with deployment.store.read() as session:
        told = last_lines(session, job_id, unit_id=poison.id, tail=100)
        trained = last_lines(session, job_id, unit_id=original.id, tail=100)
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


@pytest.mark.parametrize("survivor", KINDS, indirect=True)
def test_cancel_stops_the_running_unit_and_frees_the_worker(survivor):
    deployment, job_id = survivor.deployment, survivor.submit(sleeper(60))
    deployment.wait_for_unit(SLEEPER, UnitState.RUNNING, job_id)

    with deployment.store.write() as session:
        jobs.cancel(session, job_id, actor="test")
    next_job = survivor.submit("toy_noise")

    assert deployment.wait_for_end(job_id).state == JobState.CANCELLED
    assert deployment.unit(SLEEPER, job_id).state == UnitState.CANCELLED
    assert deployment.wait_for_end(next_job).state == JobState.SUCCEEDED


def test_a_deleted_broker_folder_only_costs_a_moment(survivor):
    shutil.rmtree(survivor.deployment.var_dir / "broker")

    assert survivor.deployment.wait_for_end(survivor.submit("toy_noise")).state == JobState.SUCCEEDED
