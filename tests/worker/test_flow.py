"""A job from its submission to its board, over the real processes of one deployment of each kind."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from sqlalchemy import select

from core.board import Board, Metric
from core.catalog.protocols import QUICK
from core.provenance import device_name
from core.store import results
from core.store.boards import load_board
from core.store.jobs import JobRecord
from core.store.states import FailureClass, JobState, UnitState
from core.store.tables import ResultRow
from core.store.workers import WorkerRecord
from tests.worker.deployment import KINDS, Deployment, deployed


@dataclass(frozen=True)
class Flow:
    """A deployment, its two workers before they had work, and what there was after its first job."""

    deployment: Deployment
    workers: list[WorkerRecord]
    job: JobRecord
    board: Board
    written: Counter[str]


@pytest.fixture(scope="module", params=KINDS)
def flow(request, tmp_path_factory, plugin_path) -> Iterator[Flow]:
    """A scheduler and two workers have done a job, and wait for the next."""
    with deployed(request, tmp_path_factory.mktemp("deployment"), plugin_path) as deployment:
        deployment.start("scheduler")
        started = [deployment.start("worker") for _ in range(2)]
        workers = [deployment.wait_for_worker(process) for process in started]
        job = deployment.wait_for_end(deployment.submit("toy_noise", "ft", "ga", model_seeds=(0, 1, 2)))
        with deployment.store.read() as session:
            board = load_board(session, QUICK, Metric.RETENTION_DEVIATION)
            written = Counter(session.scalars(select(ResultRow.unit_id)))
        yield Flow(deployment, workers, job, board, written)


def test_a_job_runs_to_its_board(flow):
    assert flow.job.state == JobState.SUCCEEDED
    assert flow.job.units[UnitState.DONE] == 3 * 7
    flow.deployment.require_order()
    assert {row.method.label for row in flow.board.rows} == {"ft", "ga", "toy_noise"}
    assert all(row.rank for row in flow.board.rows)
    assert [row.method.label for row in flow.board.references] == ["retrained", "original"]


def test_two_workers_share_a_job_and_write_each_result_once(flow):
    assert set(flow.written.values()) == {1}
    assert len(flow.written) == 3 * 5


def test_a_workers_parent_stays_free_of_torch(flow):
    for worker in flow.workers:
        assert "libtorch" not in Path(f"/proc/{worker.pid}/maps").read_text()


def test_a_worker_says_who_and_where_it_is(flow):
    for worker in flow.workers:
        assert worker.queues == ["gpu"]
        assert worker.device.split(",")[0] == device_name(torch.device("cpu")).split(",")[0]


def test_a_second_job_reuses_what_the_first_has_trained(flow):
    second = flow.deployment.submit("toy_noise", {"id": "ft", "hyperparameters": {"num_epochs": 1}})

    before = flow.deployment.job(second).units
    assert before[UnitState.DONE] == 5
    assert flow.deployment.wait_for_end(second).state == JobState.SUCCEEDED


def test_a_diverged_model_is_a_result_not_an_error(flow):
    job_id = flow.deployment.submit({"id": "toy_noise", "hyperparameters": {"sigma": 1e38}})

    assert flow.deployment.wait_for_end(job_id).state == JobState.SUCCEEDED

    with flow.deployment.store.read() as session:
        records = [record for _, record in results.job_results(session, job_id, limit=10)]
    diverged = next(record for record in records if record.unlearner == "toy_noise")
    assert not diverged.is_usable
    assert diverged.metrics["retention_deviation"] is None
    assert diverged.reasons["retention_deviation"]


def test_what_a_method_raises_is_told_even_where_no_database_stores_it(flow):
    job_id = flow.deployment.submit("toy_raiser", {"id": "toy_noise", "hyperparameters": {"sigma": 0.5}})

    assert flow.deployment.wait_for_end(job_id).state == JobState.PARTIALLY_SUCCEEDED

    units = {unit.payload.get("unlearner"): unit for unit in flow.deployment.units_of(job_id).values()}
    raiser = units["toy_raiser"]
    assert (raiser.attempt, raiser.failure_class) == (1, FailureClass.USER_CODE)
    assert "RuntimeError: it never works" in raiser.error
    assert units["toy_noise"].state == UnitState.DONE
