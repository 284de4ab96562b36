"""The ledger of device-seconds: what each attempt at a unit used, and who pays for it.

An attempt is charged to the oldest open job that needs its unit, and so to that job's owner and key. One that
ended by no fault of the job's (its worker or its memory was lost, its worker was drained) is written down and
refunded at once.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Double, bindparam, func, insert, select, type_coerce, update
from sqlalchemy.orm import Session

from core.errors import AllowanceSpent
from core.spec.units import UnitId
from core.store.session import changed, database_now, executed
from core.store.states import OPEN_JOB
from core.store.tables import ApiKeyRow, JobRow, JobUnitRow, LedgerRow, UnitRow
from core.store.tallies import Tally, count_up
from core.store.turns import SHORT_SECONDS, note_use

ELAPSED = type_coerce(database_now(), Double) - type_coerce(UnitRow.started_at, Double)
PAYING = (
    select(JobRow.id, JobRow.owner, JobRow.key_id, JobRow.estimated_seconds, ELAPSED.label("elapsed"))
    .join(JobUnitRow, JobUnitRow.job_id == JobRow.id)
    .join(UnitRow, UnitRow.id == JobUnitRow.unit_id)
    .where(UnitRow.id == bindparam("unit"), JobRow.state.in_(OPEN_JOB))
    .order_by(JobRow.created_at, JobRow.id)
    .limit(1)
)
ENTER = insert(LedgerRow).values(created_at=database_now())
TOOK = bindparam("took", type_=Double)
CHARGE = update(JobRow).where(JobRow.id == bindparam("job")).values(used_seconds=JobRow.used_seconds + TOOK)
KEY = update(ApiKeyRow).where(ApiKeyRow.id == bindparam("key"))
CHARGE_KEY = KEY.values(used_seconds=ApiKeyRow.used_seconds + TOOK)
REFUND_KEY = KEY.values(refunded_seconds=ApiKeyRow.refunded_seconds + TOOK)


@dataclass(frozen=True)
class Allowance:
    """A key's device-seconds.

    Attributes:
        granted: how many it may use in all; None is no limit.
        used: charged so far.
        refunded: used by attempts that were lost through no fault of its jobs; not charged.
        committed: what its open jobs are still estimated to take.
    """

    granted: float | None
    used: float
    refunded: float
    committed: float

    @property
    def left(self) -> float | None:
        """What further jobs may take; None is no limit."""
        return None if self.granted is None else self.granted - self.used - self.committed


@dataclass(frozen=True)
class LedgerEntry:
    """One attempt at a unit, as it was charged or refunded."""

    id: int
    job_id: str
    unit_id: str
    reason: str
    is_charged: bool
    device_seconds: float
    created_at: datetime


def enter(session: Session, unit_id: UnitId, reason: str, *, is_charged: bool) -> None:
    """Write down what the attempt that has just ended used its device for."""
    job = executed(session, PAYING, {"unit": unit_id}).first()
    if job is None:  # a unit that its last job has given up meanwhile
        return
    seconds = max(job.elapsed or 0.0, 0.0)
    executed(
        session,
        ENTER,
        {
            "job_id": job.id,
            "unit_id": unit_id,
            "owner": job.owner,
            "key_id": job.key_id,
            "reason": reason,
            "is_charged": is_charged,
            "device_seconds": seconds,
        },
    )
    count_up(session, Tally.DEVICE_SECONDS, reason, seconds=seconds)
    if job.key_id is not None:
        changed(session, CHARGE_KEY if is_charged else REFUND_KEY, {"key": job.key_id, "took": seconds})
    if is_charged:
        changed(session, CHARGE, {"job": job.id, "took": seconds})
        is_short = job.estimated_seconds is not None and job.estimated_seconds <= SHORT_SECONDS
        note_use(session, job.owner, seconds, is_short=is_short)


def allowance(session: Session, key_id: str) -> Allowance:
    """What a key may use, has used, and has under way."""
    key = session.execute(
        select(ApiKeyRow.device_seconds, ApiKeyRow.used_seconds, ApiKeyRow.refunded_seconds).where(
            ApiKeyRow.id == key_id
        )
    ).one()
    ahead = JobRow.estimated_seconds - JobRow.used_seconds
    committed = session.scalar(
        select(func.sum(ahead)).where(JobRow.key_id == key_id, JobRow.state.in_(OPEN_JOB), ahead > 0)
    )
    return Allowance(key.device_seconds, key.used_seconds, key.refunded_seconds, committed or 0.0)


def require_allowance(session: Session, key_id: str, estimated_seconds: float | None) -> None:
    """Check that a job fits into what its key may still use.

    Raises:
        AllowanceSpent: it does not; or nothing is left, and nobody knows what the job takes.
    """
    left = allowance(session, key_id).left
    if left is not None and (left <= 0 or (estimated_seconds or 0.0) > left):
        raise AllowanceSpent(key_id, left=max(left, 0.0), estimated=estimated_seconds)


def require_allowance_for_rest(session: Session, job_id: str) -> None:
    """Check that what an ended job still takes fits into what its key may use.

    Raises:
        AllowanceSpent: as for a new job.
    """
    job = session.execute(
        select(JobRow.key_id, JobRow.estimated_seconds, JobRow.used_seconds).where(JobRow.id == job_id)
    ).one()
    if job.key_id is not None:
        estimated = job.estimated_seconds
        rest = None if estimated is None else max(estimated - job.used_seconds, 0.0)
        require_allowance(session, job.key_id, rest)


def entries(session: Session, key_id: str, *, limit: int) -> list[LedgerEntry]:
    """A key's newest attempts."""
    rows = session.scalars(
        select(LedgerRow).where(LedgerRow.key_id == key_id).order_by(LedgerRow.id.desc()).limit(limit)
    )
    return [
        LedgerEntry(**{name: getattr(row, name) for name in LedgerEntry.__dataclass_fields__}) for row in rows
    ]
