"""Quarantine: a unit that was lost in each of its attempts is not tried again until somebody asks for it.

Whatever it does to its runner or its machine, it would do to the next; a new job that needs it fails at once.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.spec.units import UnitId
from core.store.states import RETRIED, FailureClass
from core.store.tables import EventRow, JobUnitRow, UnitRow

NO_MEMORY = (
    "A device ran out of memory. Batches are part of the protocol and are not made smaller: let fewer "
    "workers share the device (LETHE_SLOTS_PER_DEVICE), or run one where there is more, and retry the job."
)


def log_of_attempts(
    session: Session, unit_id: UnitId, attempt: int, failure: FailureClass, error: str
) -> str:
    """What became of every attempt, the last of which failed with `error`, and what to do."""
    earlier = session.scalars(
        select(EventRow)
        .where(EventRow.unit_id == unit_id, EventRow.reason.in_(RETRIED))
        .order_by(EventRow.id.desc())
        .limit(attempt - 1)
    ).all()
    told = [(row.data["attempt"], row.reason, row.data["error"]) for row in reversed(earlier)]
    attempts = (*told, (attempt, failure, error))
    parts = [f"Attempt {n} ({why}):\n{what.strip()}" for n, why, what in attempts]
    advice = [NO_MEMORY] if any(why == FailureClass.OOM for _, why, _ in attempts) else []
    return "\n\n".join((*parts, *advice))


def quarantined_units(session: Session, job_id: str) -> list[UnitId]:
    """The job's units that are in quarantine."""
    rows = session.scalars(
        select(UnitRow.id)
        .join(JobUnitRow, JobUnitRow.unit_id == UnitRow.id)
        .where(JobUnitRow.job_id == job_id, UnitRow.failure_class == FailureClass.QUARANTINED)
    )
    return [UnitId(row) for row in rows]
