"""A sweep over real processes: spread over workers, killed in the middle, none the worse for it."""

import pytest
from sqlalchemy import select

from core.spec.units import POPULATION
from core.store import results
from core.store.states import JobState
from core.store.tables import TrialRow
from tests.worker.deployment import fleet

TRIALS = POPULATION + 4  # so that there is a second generation


@pytest.mark.slow
@fleet
def test_a_sweep_that_loses_a_worker_repeats_and_loses_no_trial(deployment):
    deployment.start("scheduler")
    doomed, _ = deployment.start("worker"), deployment.start("worker")
    job_id = deployment.submit("toy_noise", model_seeds=(0, 1), sweep={"seeds": [0], "trials": TRIALS})
    deployment.wait_until(lambda: len(trials(deployment)) >= 5, "five trials to be done")

    doomed.kill()
    doomed.wait()

    assert deployment.wait_for_end(job_id).state == JobState.SUCCEEDED
    rows = trials(deployment)
    assert sorted(row.index for row in rows) == list(range(TRIALS))
    assert {row.state for row in rows} == {"completed"}
    best = min(rows, key=lambda row: (row.score, row.index))
    with deployment.store.read() as session:
        records = [record for _, record in results.job_results(session, job_id, limit=20)]
    final = [record for record in records if record.unlearner == "toy_noise"]
    assert [record.hyperparameters for record in final] == [best.hyperparameters] * 2
    assert {record.tuning for record in final} == {"other_sweep"}
    searched = {"target": "retrained", "seeds": [0], "trials": TRIALS, "rule": "best_trial"}
    assert [record.provenance["search"] for record in final] == [searched] * 2
    deployment.require_order()


def trials(deployment) -> list[TrialRow]:
    with deployment.store.read() as session:
        return list(session.scalars(select(TrialRow)))
