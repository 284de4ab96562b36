"""A long queue, and workers that compete for it."""

from collections import Counter

import pytest
from sqlalchemy import func, select

from core.catalog.registry import installed
from core.settings import Settings
from core.store import units
from core.store.session import Store
from core.store.states import UnitState
from core.store.tables import EventRow, ResultRow, UnitRow
from tests.worker.deployment import Deployment
from tests.worker.sleepers import SETTINGS, submit, work_asleep

WORKERS, EACH = 4, 75
MODEL_SEEDS = 80


@pytest.mark.postgres
@pytest.mark.slow
def test_four_workers_on_5000_queued_units_lose_none_double_none_and_keep_the_order(tmp_path, postgres_url):
    store = Store(postgres_url)
    store.migrate()
    settings = Settings(var_dir=tmp_path, database_url=postgres_url, device="cpu", slots_per_device=WORKERS)
    job_id = submit(store, settings=SETTINGS, model_seeds=MODEL_SEEDS)
    with store.read() as session:
        total = sum(units.count_by_state(session).values())
    assert total > 5000

    shifts = work_asleep(settings, job_id, workers=WORKERS, most=EACH)

    assert [shift.units for shift in shifts] == [EACH] * WORKERS
    with store.read() as session:
        states = units.count_by_state(session)
        happened = Counter(session.scalars(select(EventRow.reason)))
        measuring = select(func.count()).where(UnitRow.kind != "train", UnitRow.state == UnitState.DONE)
        assert session.scalar(select(func.count()).select_from(ResultRow)) == session.scalar(measuring)
    assert sum(states.values()) == total
    assert states[UnitState.DONE] == happened["claimed"] == happened["done"] == WORKERS * EACH
    assert states[UnitState.READY] + states[UnitState.WAITING] == total - WORKERS * EACH
    deployment = Deployment(store, installed(), {}, tmp_path)
    deployment.require_once()
    deployment.require_order()
    store.close()
