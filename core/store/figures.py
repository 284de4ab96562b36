"""What operators watch, out of the store: each figure is one query, asked when somebody looks."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.store.session import database_now
from core.store.states import FailureClass, UnitState
from core.store.tables import EventRow, UnitRow


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
