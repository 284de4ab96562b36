"""A job from its submission to its board, over real processes."""

from collections import Counter
from pathlib import Path

import torch
from sqlalchemy import select

from core.board import Metric
from core.catalog.protocols import QUICK
from core.provenance import device_name
from core.store import results, workers
from core.store.boards import load_board
from core.store.states import JobState, UnitState
from core.store.tables import ResultRow


def test_a_job_runs_to_its_board(deployment):
    deployment.start("scheduler")
    worker = deployment.start("worker")
    job_id = deployment.submit("toy_noise", "ft", model_seeds=(0, 1, 2))

    job = deployment.wait_for_end(job_id)

    assert job.state == JobState.SUCCEEDED
    assert job.units[UnitState.DONE] == 3 * 6
    assert "libtorch" not in Path(f"/proc/{worker.pid}/maps").read_text()  # the parent stays free of it
    deployment.require_order()
    with deployment.store.read() as session:
        board = load_board(session, QUICK, Metric.RETENTION_DEVIATION)
    assert {row.method.label for row in board.rows} == {"ft", "toy_noise"}
    assert all(row.rank for row in board.rows)
    assert [row.method.label for row in board.references] == ["retrained", "original"]


def test_two_workers_share_a_job_and_write_each_result_once(deployment):
    deployment.start("scheduler")
    for _ in range(2):
        deployment.start("worker")
    job_id = deployment.submit("toy_noise", "ga", "ft", model_seeds=(0, 1, 2))

    assert deployment.wait_for_end(job_id).state == JobState.SUCCEEDED

    with deployment.store.read() as session:
        written = Counter(session.scalars(select(ResultRow.unit_id)))
    assert set(written.values()) == {1}
    assert len(written) == 3 * 5
    deployment.require_order()


def test_a_second_job_reuses_what_the_first_has_trained(deployment):
    deployment.start("scheduler")
    deployment.start("worker")
    deployment.wait_for_end(deployment.submit("toy_noise"))

    second = deployment.submit("toy_noise", "ga")

    before = deployment.job(second).units
    assert before[UnitState.DONE] == 5
    assert deployment.wait_for_end(second).state == JobState.SUCCEEDED


def test_a_diverged_model_is_a_result_not_an_error(deployment):
    deployment.start("scheduler")
    deployment.start("worker")
    job_id = deployment.submit({"id": "toy_noise", "hyperparameters": {"sigma": 1e38}})

    assert deployment.wait_for_end(job_id).state == JobState.SUCCEEDED

    with deployment.store.read() as session:
        records = [record for _, record in results.job_results(session, job_id, limit=10)]
    diverged = next(record for record in records if record.unlearner == "toy_noise")
    assert not diverged.is_usable
    assert diverged.metrics["retention_deviation"] is None
    assert diverged.reasons["retention_deviation"]


def test_a_worker_says_who_and_where_it_is(deployment):
    deployment.start("worker")

    def workers_now():
        with deployment.store.read() as session:
            return workers.list_workers(session)

    deployment.wait_until(lambda: [w.state for w in workers_now()] == ["idle"], "the worker to be idle")
    (worker,) = workers_now()
    assert worker.queues == ["gpu"]
    assert worker.device.split(",")[0] == device_name(torch.device("cpu")).split(",")[0]
