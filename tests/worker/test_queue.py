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
MODEL_SEEDS = 76  # of three settings, each with 22 units


@pytest.mark.postgres
@pytest.mark.slow
def test_four_workers_do_each_of_5000_queued_units_once_and_in_order(tmp_path, postgres_url, record_property):
    store = Store(postgres_url)
    store.migrate()
    settings = Settings(var_dir=tmp_path, database_url=postgres_url, device="cpu", slots_per_device=WORKERS)
    job_id = submit(store, settings=SETTINGS, model_seeds=MODEL_SEEDS)

    shifts = work_asleep(settings, job_id, workers=WORKERS)

    done = sum(shift.units for shift in shifts)
    with store.read() as session:
        states = units.count_by_state(session)
        happened = Counter(session.scalars(select(EventRow.reason)))
        measuring = select(func.count()).where(UnitRow.kind != "train")
        assert session.scalar(select(func.count()).select_from(ResultRow)) == session.scalar(measuring)
        assert session.scalar(select(func.count()).select_from(LedgerRow)) == done
        assert jobs.get_job(session, job_id).state == JobState.SUCCEEDED
    seconds = max(shift.seconds for shift in shifts)
    record_property(
        PROPERTY, (f"{WORKERS} workers on {done:,} queued units, {done / seconds:.0f} a second", seconds)
    )
    assert done > 5000
    assert all(shift.units for shift in shifts)
    assert states[UnitState.DONE] == sum(states.values()) == done
    assert happened["claimed"] == happened["done"] == done
    deployment = Deployment(store, installed(), {}, tmp_path)
    deployment.require_once()
    deployment.require_order()
    store.close()
