"""A long queue, and workers that compete for it."""

from collections import Counter

import pytest
from sqlalchemy import func, select

from core.catalog.registry import installed
from core.settings import Settings
from core.store import jobs, units
from core.store.session import Store
from core.store.states import JobState, UnitState
from core.store.tables import EventRow, LedgerRow, ResultRow, UnitRow
from tests.recovery import PROPERTY
from tests.worker.deployment import Deployment
from tests.worker.sleepers import SETTINGS, submit, work_asleep

WORKERS = 4
MODEL_SEEDS = 80  # of three settings, each with 22 units
MOST_SECONDS = 60.0  # as many as a minute lets them: the rest must still be queued, whole and in order


@pytest.mark.postgres
@pytest.mark.slow
def test_four_workers_on_5000_queued_units_lose_none_double_none_and_keep_the_order(
    tmp_path, postgres_url, record_property
):
    store = Store(postgres_url)
    store.migrate()
    settings = Settings(var_dir=tmp_path, database_url=postgres_url, device="cpu", slots_per_device=WORKERS)
    job_id = submit(store, settings=SETTINGS, model_seeds=MODEL_SEEDS)

    shifts = work_asleep(settings, job_id, workers=WORKERS, most_seconds=MOST_SECONDS)

    done = sum(shift.units for shift in shifts)
    with store.read() as session:
        states = units.count_by_state(session)
        total = sum(states.values())
        happened = Counter(session.scalars(select(EventRow.reason)))
        measuring = select(func.count()).where(UnitRow.kind != "train", UnitRow.state == UnitState.DONE)
        assert session.scalar(select(func.count()).select_from(ResultRow)) == session.scalar(measuring)
        assert session.scalar(select(func.count()).select_from(LedgerRow)) == done
        ended = jobs.get_job(session, job_id).state == JobState.SUCCEEDED
    record_property(
        PROPERTY, (f"{done:,} of {total:,} queued units done by {WORKERS} workers", longest(shifts))
    )
    assert total > 5000
    assert all(shift.units for shift in shifts)
    assert states[UnitState.DONE] == happened["claimed"] == happened["done"] == done
    assert states[UnitState.READY] + states[UnitState.WAITING] == total - done
    assert ended == (done == total)
    deployment = Deployment(store, installed(), {}, tmp_path)
    deployment.require_once()
    deployment.require_order()
    store.close()


def longest(shifts) -> float:
    return max(shift.seconds for shift in shifts)
