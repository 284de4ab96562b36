"""Units in the store: claim, beat, finish, reap. Every change is a conditional update, so that of two who
try it at once only one does it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, literal, select, update
from sqlalchemy.orm import Session

from core.foreign_text import last_words
from core.spec.units import Unit, UnitId, unit_from_json
from core.store.artifacts import note_use
from core.store.events import append_event, append_unit_events
from core.store.job_states import (
    needed_by_a_live_job,
    refresh_jobs_of,
    refresh_open_jobs,
    start_jobs_of,
)
from core.store.ledger import enter
from core.store.quarantine import log_of_attempts
from core.store.session import changed, database_now, executed
from core.store.slots import note_neighbours
from core.store.states import RETRIED, FailureClass, UnitState
from core.store.tables import EventRow, JobUnitRow, UnitDependencyRow, UnitRow
from core.store.tallies import Tally, count_release, count_up
from core.store.turns import order_jobs, settle_leads
from core.store.unit_statements import CLAIM, DEPENDENTS, FINISH, PROMOTE

CANCEL_REQUESTED = "cancel_requested"
CHUNK = 500  # ids in one statement
# Workers that a unit may lose: one that takes its machine down looks like the machine's fault.
MOST_LOSSES = 6
RETRY_DELAY_SECONDS = 2.0  # times the attempt: a machine that just failed gets a moment


@dataclass(frozen=True)
class Lease:
    """The right to run a unit, until another fence number is given out."""

    unit_id: UnitId
    fence: int
    attempt: int
    unit: Unit
    title: str
    job_id: str | None = None  # in whose turn it was claimed


@dataclass(frozen=True)
class Beat:
    """What a beat learned: whether somebody wants the unit stopped."""

    cancel_requested: bool


@dataclass(frozen=True)
class UnitRecord:
    """A unit as the API shows it."""

    id: str
    kind: str
    title: str
    payload: dict[str, Any]
    tuning: str | None
    state: UnitState
    attempt: int
    max_attempts: int
    lease_owner: str | None
    failure_class: str | None
    error: str | None
    progress: float | None
    progress_text: str | None
    runtime_seconds: float | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


def claim(session: Session, queue: str, owner: str, lease_seconds: float) -> Lease | None:
    """Take the first ready unit of the job whose turn it is, or None. One statement; two workers never get
    the same unit.
    """
    told = {"for_queue": queue, "me": owner, "lease_seconds": lease_seconds}
    row = executed(session, CLAIM, told).first()
    if row is None:
        return None
    note_neighbours(session, UnitId(row.id), owner)
    note_use(session, UnitId(row.id))
    append_event(
        session,
        unit_id=row.id,
        actor=owner,
        reason="claimed",
        text=f"Worker {owner} started to {row.title} (attempt {row.attempt}).",
        data={"state": UnitState.RUNNING, "attempt": row.attempt},
    )
    start_jobs_of(session, row.id)
    unit = unit_from_json(row.payload)
    return Lease(UnitId(row.id), row.fence, row.attempt, unit, row.title, row.lead_job_id)


def beat(
    session: Session, lease: Lease, lease_seconds: float, *, progress: float | None, progress_text: str | None
) -> Beat | None:
    """Renew the lease and report progress; None when it is lost, and nothing may be published any more."""
    row = session.execute(
        update(UnitRow)
        .where(*_held(lease))
        .values(
            lease_until=database_now(lease_seconds),
            progress=func.coalesce(literal(progress), UnitRow.progress),
            progress_text=func.coalesce(literal(progress_text), UnitRow.progress_text),
        )
        .returning(UnitRow.cancel_requested)
        .execution_options(synchronize_session=False)
    ).first()
    return None if row is None else Beat(cancel_requested=row.cancel_requested)


def finish(
    session: Session,
    lease: Lease,
    *,
    owner: str,
    runtime_seconds: float | None,
    artifact: dict[str, Any],
    text: str,
) -> bool:
    """Mark the unit done and promote what waited for it; False, with nothing changed, without the lease."""
    made = {"took": runtime_seconds, "made": artifact, "made_bytes": artifact.get("size_bytes")}
    if not changed(session, FINISH, {"unit": lease.unit_id, "held_fence": lease.fence, **made}):
        return False
    enter(session, lease.unit_id, "done", is_charged=True)
    count_up(session, Tally.UNIT_SECONDS, lease.unit.kind, seconds=runtime_seconds or 0.0)
    promote(session, dependents_of=[lease.unit_id])
    append_event(
        session, unit_id=lease.unit_id, actor=owner, reason="done", text=text, data={"state": UnitState.DONE}
    )
    refresh_jobs_of(session, [lease.unit_id])
    return True


def fail(session: Session, lease: Lease, *, owner: str, failure: FailureClass, error: str) -> bool:
    """Requeue the unit, or fail it for good and all that depends on it; False when the lease is lost.

    One that ended too many runners, or lost too many workers, goes into quarantine, with what became of each
    attempt.
    """
    if failure in RETRIED and _requeue(session, lease, failure):
        enter(session, lease.unit_id, failure, is_charged=False)
        append_event(
            session,
            unit_id=lease.unit_id,
            actor=owner,
            reason=failure,
            text=f"Attempt {lease.attempt} to {lease.title} was lost ({error.splitlines()[0]}); "
            "it is queued again.",
            data={"state": UnitState.READY, "attempt": lease.attempt, "error": error},
        )
        return True
    final, told = failure, error
    if failure in RETRIED:
        final = FailureClass.QUARANTINED
        told = log_of_attempts(session, lease.unit_id, lease.attempt, failure, error)
    if not _leave(session, lease, UnitState.FAILED, failure_class=final, error=told):
        return False
    enter(session, lease.unit_id, failure, is_charged=failure not in RETRIED)
    append_event(
        session,
        unit_id=lease.unit_id,
        actor=owner,
        reason=failure,
        text=f"Failed to {lease.title}: {last_words(error)}",
        data={"state": UnitState.FAILED},
    )
    fail_dependents(session, [lease.unit_id], owner)
    refresh_jobs_of(session, [lease.unit_id])
    return True


def give_back(
    session: Session, lease: Lease, *, owner: str, reason: str, text: str, delay_seconds: float = 0.0
) -> bool:
    """Return a unit that a worker may not go on with, to be claimed after a delay; the attempt is not
    charged. False when the lease is lost.
    """
    row = changed(
        session,
        update(UnitRow)
        .where(*_held(lease))
        .values(
            state=UnitState.READY,
            attempt=UnitRow.attempt - 1,
            not_before=database_now(delay_seconds),
            lease_owner=None,
            lease_until=None,
            progress=None,
            cancel_requested=False,
        ),
    )
    if not row:
        return False
    enter(session, lease.unit_id, reason, is_charged=False)
    append_event(
        session, unit_id=lease.unit_id, actor=owner, reason=reason, text=text, data={"state": UnitState.READY}
    )
    return True


def stop_cancelled(session: Session, lease: Lease, *, owner: str) -> bool:
    """Mark a running unit cancelled once its runner is gone; False when the lease is lost.

    A job submitted meanwhile may need the unit after all: then it goes back to the queue.
    """
    wanted = session.scalar(select(1).where(UnitRow.id == lease.unit_id, needed_by_a_live_job()))
    if wanted:
        text = f"{owner} stopped to {lease.title} for a cancelled job; another job needs it."
        return give_back(session, lease, owner=owner, reason="needed_again", text=text)
    if not _leave(session, lease, UnitState.CANCELLED):
        return False
    enter(session, lease.unit_id, "cancelled", is_charged=True)
    seconds = _seconds_since_cancel(session, lease)
    if seconds is not None:
        count_release(session, seconds)
    append_event(
        session,
        unit_id=lease.unit_id,
        actor=owner,
        reason="cancelled",
        text=f"Worker {owner} no longer works to {lease.title}; it is free again.",
        data={"state": UnitState.CANCELLED, "release_seconds": seconds},
    )
    refresh_jobs_of(session, [lease.unit_id])
    return True


def redo(session: Session, lease: Lease, *, broken: UnitId, owner: str, text: str) -> bool:
    """Run a finished dependency again because its artifact is gone or corrupt; this unit waits for it."""
    if not give_back(session, lease, owner=owner, reason="artifact_broken", text=text):
        return False
    lead = session.scalar(select(UnitRow.lead_job_id).where(UnitRow.id == lease.unit_id))
    is_done_again = changed(
        session,
        update(UnitRow)
        .where(UnitRow.id == broken, UnitRow.state == UnitState.DONE)
        .values(
            state=UnitState.READY,
            attempt=0,
            losses=0,
            artifact=None,
            artifact_size_bytes=None,
            progress=None,
            lead_job_id=lead,
        ),
    )
    if is_done_again:
        append_event(
            session,
            unit_id=broken,
            actor=owner,
            reason="artifact_broken",
            text=text,
            data={"from": UnitState.DONE, "state": UnitState.READY},
        )
    needing = select(UnitDependencyRow.unit_id).where(UnitDependencyRow.depends_on == broken)
    waiting_again = (UnitRow.id.in_(needing), UnitRow.state == UnitState.READY)
    append_unit_events(
        session,
        *waiting_again,
        actor=owner,
        reason="waits_again",
        before="It waits until what it needs is made again",
        state=UnitState.WAITING,
    )
    changed(session, update(UnitRow).where(*waiting_again).values(state=UnitState.WAITING))
    return True


def reap(session: Session, actor: str = "scheduler") -> int:
    """Requeue or fail units whose worker went silent, promote what was missed, and bring the order of
    jobs up to date. Any number may run at once.

    Returns:
        How many leases had expired.
    """
    expired = session.execute(
        select(
            UnitRow.id, UnitRow.fence, UnitRow.attempt, UnitRow.lease_owner, UnitRow.title, UnitRow.payload
        )
        .add_columns(UnitRow.cancel_requested)
        .where(UnitRow.state == UnitState.RUNNING, UnitRow.lease_until < database_now())
        .order_by(UnitRow.id)
        .limit(100)
        .with_for_update(skip_locked=True)
    ).all()
    for row in expired:
        lease = Lease(UnitId(row.id), row.fence, row.attempt, unit_from_json(row.payload), row.title)
        if row.cancel_requested:
            stop_cancelled(session, lease, owner=actor)
        else:
            message = f"worker {row.lease_owner} stopped answering"
            if fail(session, lease, owner=actor, failure=FailureClass.WORKER_LOST, error=message):
                count_up(session, Tally.LEASE_EXPIRIES)
    promote(session)
    refresh_open_jobs(session)
    order_jobs(session)
    settle_leads(session)
    return len(expired)


def promote(
    session: Session, *, dependents_of: list[UnitId] | None = None, of_job: str | None = None
) -> None:
    """Make units ready whose dependencies are all done. Derived, not counted: a counter can miss a shared
    unit.
    """
    ready = PROMOTE
    if of_job is not None:
        ready = ready.where(UnitRow.id.in_(select(JobUnitRow.unit_id).where(JobUnitRow.job_id == of_job)))
    if dependents_of is None:
        changed(session, ready)
        return
    # Named one by one: given a subquery, PostgreSQL goes through all that wait.
    ids = executed(session, DEPENDENTS, {"done": dependents_of}).scalars().all()
    for start in range(0, len(ids), CHUNK):
        changed(session, ready.where(UnitRow.id.in_(ids[start : start + CHUNK])))


def ready_by_queue(session: Session) -> dict[str, int]:
    """How many units could start now, by queue."""
    rows = session.execute(
        select(UnitRow.queue, func.count())
        .where(UnitRow.state == UnitState.READY, UnitRow.not_before <= database_now())
        .group_by(UnitRow.queue)
    )
    return {queue: count for queue, count in rows}  # noqa: C416 - rows are not pairs to the type checker


def count_by_state(session: Session) -> dict[UnitState, int]:
    """How many units are in each state, over all jobs; every state is a key."""
    found = dict.fromkeys(UnitState, 0)
    for state, count in session.execute(select(UnitRow.state, func.count()).group_by(UnitRow.state)):
        found[UnitState(state)] = count
    return found


def job_units(
    session: Session, job_id: str, *, limit: int, after: int = -1, states: Sequence[UnitState] = ()
) -> list[tuple[int, UnitRecord]]:
    """The job's units in the order of its plan, with their positions, positions above `after`; in one of the
    states, or in any.
    """
    query = (
        select(JobUnitRow.position, UnitRow)
        .join(UnitRow, UnitRow.id == JobUnitRow.unit_id)
        .where(JobUnitRow.job_id == job_id, JobUnitRow.position > after)
        .order_by(JobUnitRow.position)
        .limit(limit)
    )
    if states:
        query = query.where(UnitRow.state.in_(states))
    return [(position, _record(row)) for position, row in session.execute(query)]


def failed_units(session: Session, job_id: str) -> list[UnitRecord]:
    """The job's units that have failed, in the order of its plan."""
    rows = session.scalars(
        select(UnitRow)
        .join(JobUnitRow, JobUnitRow.unit_id == UnitRow.id)
        .where(JobUnitRow.job_id == job_id, UnitRow.state == UnitState.FAILED)
        .order_by(JobUnitRow.position)
    )
    return [_record(row) for row in rows]


def running_units(session: Session, job_id: str) -> list[UnitRecord]:
    """The job's units that a worker has in hand."""
    rows = session.scalars(
        select(UnitRow)
        .join(JobUnitRow, JobUnitRow.unit_id == UnitRow.id)
        .where(JobUnitRow.job_id == job_id, UnitRow.state == UnitState.RUNNING)
        .order_by(JobUnitRow.position)
        .limit(100)
    )
    return [_record(row) for row in rows]


def progress_by_job(
    session: Session, job_ids: Sequence[str]
) -> dict[str, list[tuple[str, float | None, str | None]]]:
    """What runs for each of the jobs: units with how far they are, as a fraction and in words."""
    rows = session.execute(
        select(JobUnitRow.job_id, UnitRow.id, UnitRow.progress, UnitRow.progress_text)
        .join(UnitRow, UnitRow.id == JobUnitRow.unit_id)
        .where(UnitRow.state == UnitState.RUNNING, JobUnitRow.job_id.in_(job_ids))
        .order_by(JobUnitRow.job_id, JobUnitRow.position)
    )
    found: dict[str, list[tuple[str, float | None, str | None]]] = {}
    for job_id, unit_id, fraction, text in rows:
        found.setdefault(job_id, []).append((unit_id, fraction, text))
    return found


def fail_dependents(session: Session, failed: list[UnitId], owner: str) -> None:
    """Fail everything that can never start, layer by layer."""
    while failed:
        rows = session.execute(
            update(UnitRow)
            .where(
                UnitRow.id.in_(
                    select(UnitDependencyRow.unit_id).where(UnitDependencyRow.depends_on.in_(failed))
                ),
                UnitRow.state.in_((UnitState.WAITING, UnitState.READY)),
            )
            .values(
                state=UnitState.FAILED,
                failure_class=FailureClass.DEPENDENCY_FAILED,
                error="A unit that this one needs has failed.",
                finished_at=database_now(),
            )
            .returning(UnitRow.id, UnitRow.title)
            .execution_options(synchronize_session=False)
        ).all()
        for row in rows:
            append_event(
                session,
                unit_id=row.id,
                actor=owner,
                reason=FailureClass.DEPENDENCY_FAILED,
                text=f"Will not {row.title}: a unit that it needs has failed.",
                data={"state": UnitState.FAILED},
            )
        failed = [UnitId(row.id) for row in rows]
        refresh_jobs_of(session, failed)


def _record(row: UnitRow) -> UnitRecord:
    fields = UnitRecord.__dataclass_fields__
    values = {name: getattr(row, name) for name in fields}
    values |= {"state": UnitState(row.state), "max_attempts": row.max_attempts + row.losses}
    return UnitRecord(**values)


def _held(lease: Lease) -> tuple[Any, ...]:
    return (UnitRow.id == lease.unit_id, UnitRow.fence == lease.fence, UnitRow.state == UnitState.RUNNING)


def _leave(session: Session, lease: Lease, state: UnitState, **values: Any) -> bool:  # noqa: ANN401 - columns
    """Move a unit that this lease still holds out of `running`; False, with nothing changed, where it does
    not.
    """
    result = changed(
        session,
        update(UnitRow)
        .where(*_held(lease))
        .values(state=state, lease_owner=None, lease_until=None, finished_at=database_now(), **values),
    )
    return result > 0


def _seconds_since_cancel(session: Session, lease: Lease) -> float | None:
    """For how long the last of the unit's jobs has been cancelled; its device was held until now."""
    asked = (
        select(func.max(EventRow.created_at))
        .join(JobUnitRow, JobUnitRow.job_id == EventRow.job_id)
        .where(JobUnitRow.unit_id == lease.unit_id, EventRow.reason == CANCEL_REQUESTED)
    )
    asked_at, now = session.execute(select(asked.scalar_subquery(), database_now())).one()
    return None if asked_at is None else max((now - asked_at).total_seconds(), 0.0)


def _requeue(session: Session, lease: Lease, failure: FailureClass) -> bool:
    """Queue a unit again that has an attempt left; False where it has none, or the lease is lost."""
    lost = int(failure == FailureClass.WORKER_LOST)
    counted = UnitRow.attempt - UnitRow.losses
    is_one_left = UnitRow.losses + 1 < MOST_LOSSES if lost else counted < UnitRow.max_attempts
    result = changed(
        session,
        update(UnitRow)
        .where(*_held(lease), is_one_left)
        .values(
            state=UnitState.READY,
            losses=UnitRow.losses + lost,
            lease_owner=None,
            lease_until=None,
            not_before=database_now(RETRY_DELAY_SECONDS * lease.attempt),
            progress=None,
        ),
    )
    return result > 0
