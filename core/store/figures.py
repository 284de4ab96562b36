"""What operators watch, out of the store: each figure is one query, asked when somebody looks."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.store.session import database_now
from core.store.states import FailureClass, UnitState
from core.store.tables import EventRow, LedgerRow, UnitRow


def oldest_ready_seconds(session: Session) -> dict[str, float]:
    """For how long the unit that waits longest for a worker could have been running, by queue, in seconds."""
    rows = session.execute(
        select(UnitRow.queue, func.min(UnitRow.not_before))
        .where(UnitRow.state == UnitState.READY, UnitRow.not_before <= database_now())
        .group_by(UnitRow.queue)
    )
    now = session.execute(select(database_now())).scalar_one()
    return {queue: max((now - since).total_seconds(), 0.0) for queue, since in rows}


def expired_leases(session: Session) -> int:
    """How many attempts were lost because their worker went silent, ever."""
    lost = select(func.count()).where(
        EventRow.reason == FailureClass.INFRA_LOST, EventRow.actor == "scheduler"
    )
    return session.scalar(lost) or 0


def release_seconds(session: Session) -> list[float]:
    """For each running unit that was ever cancelled, the seconds until its device was free."""
    taken = EventRow.data["release_seconds"].as_float()
    rows = session.scalars(select(taken).where(EventRow.reason == UnitState.CANCELLED, taken.is_not(None)))
    return [seconds for seconds in rows if seconds is not None]


def device_seconds(session: Session) -> dict[str, float]:
    """Device-seconds ever used, by why the attempts at units ended."""
    rows = session.execute(
        select(LedgerRow.reason, func.sum(LedgerRow.device_seconds)).group_by(LedgerRow.reason)
    )
    return {"done": 0.0, "cancelled": 0.0} | {reason: float(seconds) for reason, seconds in rows}


def unit_seconds(session: Session) -> dict[str, tuple[int, float]]:
    """By kind: how many units are done, and the seconds that they ran altogether."""
    rows = session.execute(
        select(UnitRow.kind, func.count(), func.sum(UnitRow.runtime_seconds))
        .where(UnitRow.state == UnitState.DONE)
        .group_by(UnitRow.kind)
    )
    return {kind: (count, float(seconds or 0)) for kind, count, seconds in rows}


def cache_hits(session: Session) -> int:
    """How many units were already done when a job asked for them, over all jobs ever submitted."""
    shared = EventRow.data["shared"].as_integer()
    return session.scalar(select(func.sum(shared)).where(EventRow.reason == "submitted")) or 0
