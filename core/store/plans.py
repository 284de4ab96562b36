"""A job's plan in the store: settings, units and dependencies; what is there already is shared."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import CursorResult, Insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core.plan import PlannedUnit
from core.spec.resolve import ResolvedJob
from core.spec.setting import Setting
from core.store.schema import Table
from core.store.states import UnitState
from core.store.tables import JobUnitRow, SettingRow, UnitDependencyRow, UnitRow


def insert_plan(
    session: Session,
    job_id: str,
    job: ResolvedJob,
    units: Sequence[PlannedUnit],
    *,
    queue: str,
    now: datetime,
) -> int:
    """Store a job's settings, units and dependencies that are not there yet, and which units it needs; how
    many of these are new.
    """
    _insert_new(session, SettingRow, [_setting_values(setting) for setting in _named_settings(job, units)])
    # In id order, so that two jobs submitted at once wait for each other instead of deadlocking.
    by_id = sorted(enumerate(units), key=lambda item: item[1].id)
    num_new = _insert_new(
        session,
        UnitRow,
        [_unit_values(planned, position, now, job_id, queue) for position, planned in by_id],
    )
    dependencies = [(planned.id, needed) for _, planned in by_id for needed in planned.unit.depends_on]
    _insert_new(
        session, UnitDependencyRow, [{"unit_id": unit, "depends_on": on} for unit, on in dependencies]
    )
    _insert_new(
        session,
        JobUnitRow,
        [{"job_id": job_id, "unit_id": planned.id, "position": position} for position, planned in by_id],
    )
    return num_new


def _named_settings(job: ResolvedJob, units: Sequence[PlannedUnit]) -> list[Setting]:
    """The job's own settings, and those of studies that trials are told with."""
    searched = {id(found.unit.setting): found.unit.setting for found in units if found.unit.kind == "trial"}
    return [*(cell.setting for cell in job.cells), *searched.values()]


def _setting_values(setting: Setting) -> dict[str, Any]:
    return {
        "id": setting.id,
        "protocol": setting.protocol,
        "dataset": setting.dataset,
        "model": setting.model,
        "definition": setting.model_dump(mode="json"),
    }


def _unit_values(
    planned: PlannedUnit, position: int, now: datetime, job_id: str, queue: str
) -> dict[str, Any]:
    """A new unit's row, in the turn of the job; of older jobs first, then in the plan's own order."""
    return {
        "id": planned.id,
        "kind": planned.unit.kind,
        "title": planned.unit.title,
        "payload": planned.unit.model_dump(mode="json"),
        "tuning": planned.tuning,
        "queue": queue,
        "lead_job_id": job_id,
        "position": now.timestamp() + position * 1e-6,
        "state": UnitState.WAITING if planned.unit.depends_on else UnitState.READY,
        "not_before": now,
        "created_at": now,
        "attempt": 0,
        "max_attempts": 3,
        "fence": 0,
        "cancel_requested": False,
    }


def _insert_new(session: Session, table: type[Table], rows: list[dict[str, Any]]) -> int:
    """Insert the rows that are not there yet; how many those were. Into the table, not the class: the mapper
    sends one batch for every run of rows with the same columns missing.
    """
    if not rows:
        return 0
    statement = _insert_into(table, session.get_bind().dialect.name)
    inserted = session.execute(statement, rows, execution_options={"preserve_rowcount": True})
    return cast("CursorResult[Any]", inserted).rowcount


@cache
def _insert_into(table: type[Table], name: str) -> Insert:
    dialect = postgresql if name == "postgresql" else sqlite
    statement: Insert = dialect.insert(table.__table__).on_conflict_do_nothing()
    return statement
