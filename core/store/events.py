"""The event log: append-only, in words, ordered by commit.

Every state of a job and of a unit is told, but for a unit's `ready`, which follows from those of the units
that it needs.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, insert, literal, or_, select
from sqlalchemy.orm import Session

from core.store.deliveries import announce
from core.store.session import CAUSE, database_now, executed
from core.store.states import UnitState
from core.store.tables import EventRow, JobUnitRow, UnitRow

STORE = "store"  # acts on units for jobs: whoever shares a unit with a private job must not learn whose it is
APPEND = insert(EventRow).values(created_at=database_now())


@dataclass(frozen=True)
class Event:
    """One thing that happened to a job or to one of its units."""

    id: int
    job_id: str | None
    unit_id: str | None
    kind: str | None  # of the unit
    actor: str
    reason: str
    text: str
    data: dict[str, Any]
    created_at: datetime


def append_event(
    session: Session,
    *,
    actor: str,
    reason: str,
    text: str,
    job_id: str | None = None,
    unit_id: str | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """Record what happened, in the caller's transaction; the owner's webhooks will tell of a job's new state.

    Args:
        actor: who did it: the owner of a job, `scheduler`, `worker …`, `store`; of a unit
            never an owner, as jobs share units.
        reason: a stable code (`submitted`, `claimed`, `infra_lost` …).
        text: a sentence a person understands.
    """
    told: dict[str, Any] = {"actor": actor, "reason": reason, "text": text, "data": _told(session, data)}
    executed(session, APPEND, {"job_id": job_id, "unit_id": unit_id, **told})
    if job_id is not None and data and "state" in data:
        announce(session, job_id, **told)


def append_unit_events(
    session: Session, *units: ColumnElement[bool], actor: str, reason: str, before: str, state: UnitState
) -> None:
    """Record the same of all units that the conditions on `UnitRow` hold for, in one statement, before they
    change.

    Args:
        before: what stands before a unit's title in the sentence.
        state: which they are about to have.
    """
    told = select(
        UnitRow.id,
        literal(actor),
        literal(reason),
        literal(f"{before}: ") + UnitRow.title + literal("."),
        literal(_told(session, {"state": state}), EventRow.data.type),
        database_now(),
    )
    columns = ["unit_id", "actor", "reason", "text", "data", "created_at"]
    session.execute(insert(EventRow).from_select(columns, told.where(*units).order_by(UnitRow.id)))


def _told(session: Session, data: dict[str, Any] | None) -> dict[str, Any]:
    """What goes with an event: also the request that caused it."""
    request_id = session.info.get(CAUSE)
    return {**(data or {}), **({CAUSE: request_id} if request_id else {})}


def last_event_id(session: Session) -> int:
    """The id of the newest event, 0 where there is none."""
    return session.scalar(select(func.max(EventRow.id))) or 0


def touched_jobs(session: Session, *, after: int, until: int) -> set[str]:
    """The jobs that events are about, themselves or by a unit, with ids above `after` to `until`."""
    between = (EventRow.id > after, EventRow.id <= until)
    of_jobs = select(EventRow.job_id).where(*between, EventRow.job_id.is_not(None))
    of_units = (
        select(JobUnitRow.job_id).join(EventRow, EventRow.unit_id == JobUnitRow.unit_id).where(*between)
    )
    return {str(job_id) for job_id in session.scalars(of_jobs.union(of_units))}


def job_events(session: Session, job_id: str, *, after: int = 0, limit: int = 500) -> list[Event]:
    """The job's events and its units' since it was submitted, oldest first, ids above `after`."""
    first = select(func.min(EventRow.id)).where(EventRow.job_id == job_id).scalar_subquery()
    units = select(JobUnitRow.unit_id).where(JobUnitRow.job_id == job_id)
    rows = session.execute(
        select(EventRow, UnitRow.kind)
        .outerjoin(UnitRow, UnitRow.id == EventRow.unit_id)
        .where(EventRow.id > after, EventRow.id >= first)
        .where(or_(EventRow.job_id == job_id, EventRow.unit_id.in_(units)))
        .order_by(EventRow.id)
        .limit(limit)
    )
    return [
        Event(
            row.id, row.job_id, row.unit_id, kind, row.actor, row.reason, row.text, row.data, row.created_at
        )
        for row, kind in rows
    ]
