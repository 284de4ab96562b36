"""Jobs in the store: submit, read, cancel, retry. One transaction each, opened by the caller."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NewType

from sqlalchemy import ColumnElement, bindparam, select, update
from sqlalchemy.orm import Session
from uuid6 import uuid7

from core.errors import Conflict, NotFound
from core.plan import PlannedUnit
from core.spec.job import JobSpec
from core.spec.resolve import ResolvedJob
from core.store.events import STORE, append_event, append_unit_events
from core.store.job_states import (
    Stages,
    needed_by_a_live_job,
    refresh_jobs,
    stages_of_jobs,
    total_counts,
    unit_counts,
)
from core.store.ledger import require_allowance, require_allowance_for_rest
from core.store.plans import insert_plan
from core.store.quarantine import quarantined_units
from core.store.results import show_results
from core.store.session import changed, database_now
from core.store.states import FINAL_JOB, LIVE_JOB, FailureClass, JobState, UnitState
from core.store.tables import JobRow, JobUnitRow, UnitRow
from core.store.tallies import Tally, count_up
from core.store.turns import lead_units, note_sharing, order_jobs, settle_leads
from core.store.units import CANCEL_REQUESTED, fail_dependents, promote
from core.store.viewers import EVERYTHING, Viewer, visible_job

JobId = NewType("JobId", str)
LOCAL = "local"  # the owner of what is submitted without a key
QUEUE = "gpu"  # the queue of everything that trains
SAME_OF_OWNER = select(  # the newest job with this content that is under way or has results, and the time
    select(JobRow.id)
    .where(
        JobRow.spec_sha256 == bindparam("spec_sha256"),
        JobRow.owner == bindparam("owner"),
        JobRow.state.in_((*LIVE_JOB, JobState.SUCCEEDED, JobState.PARTIALLY_SUCCEEDED)),
    )
    .order_by(JobRow.id.desc())
    .limit(1)
    .scalar_subquery(),
    database_now(),
)


@dataclass(frozen=True)
class JobRecord:
    """A job as the API shows it."""

    id: JobId
    label: str
    protocol: str
    spec: dict[str, Any]
    spec_sha256: str
    owner: str
    duplicate_of: str | None
    visibility: str
    priority: int
    state: JobState
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    stages: Stages

    @property
    def units(self) -> dict[UnitState, int]:
        """How many units are in each state, over all kinds."""
        return total_counts(self.stages)


def submit(
    session: Session,
    spec: JobSpec,
    job: ResolvedJob,
    units: Sequence[PlannedUnit],
    *,
    actor: str,
    owner: str = LOCAL,
    key_id: str | None = None,
    estimated_seconds: float | None = None,
) -> JobId:
    """Store a job with its units and dependencies; units that exist are shared.

    A unit that had failed or was cancelled is wanted again, so it gets a new set of attempts. A job that
    means the same as one that its owner has under way or finished is stored too, and says so.

    Args:
        session: of a `store.write()`.
        spec: as it was submitted.
        job: as it was resolved.
        units: its plan.
        actor: who submits it.
        owner: whose it is.
        key_id: the key whose allowance it uses; None is no key's.
        estimated_seconds: device-seconds that it should take; None where that cannot be told.

    Raises:
        AllowanceSpent: the key has too few device-seconds left.
    """
    if key_id is not None:
        require_allowance(session, key_id, estimated_seconds)
    row = _insert_job(session, spec, job, owner=owner, key_id=key_id, estimated_seconds=estimated_seconds)
    job_id = JobId(row.id)
    num_new = insert_plan(session, job_id, job, units, queue=QUEUE, now=row.created_at)
    has_known_units = num_new < len(units)
    order_jobs(session, [owner])
    if has_known_units:  # most jobs are new, and spared this
        _join_known_units(session, job_id)
    shared = unit_counts(session, job_id)[UnitState.DONE] if has_known_units else 0
    if shared:
        count_up(session, Tally.CACHE_HITS, times=shared)
    _tell_submission(session, row, actor=actor, units=len(units), shared=shared)
    if has_known_units:  # after the submission is told: the job may fail at once
        fail_dependents(session, quarantined_units(session, job_id), STORE)
        refresh_jobs(session, [job_id])
    return job_id


def get_job(session: Session, job_id: str, viewer: Viewer = EVERYTHING) -> JobRecord:
    """One job.

    Raises:
        NotFound: nothing that the viewer sees has this id.
    """
    row = session.get(JobRow, job_id)
    if row is None or not viewer.sees(row.visibility, row.owner):
        raise NotFound("job", job_id)
    (record,) = _records(session, [row])
    return record


def get_jobs(session: Session, job_ids: Sequence[str], viewer: Viewer = EVERYTHING) -> list[JobRecord]:
    """Those of the jobs that the viewer sees, in the order of their ids."""
    query = select(JobRow).where(JobRow.id.in_(job_ids), visible_job(viewer)).order_by(JobRow.id)
    return _records(session, session.scalars(query).all())


def job_state(session: Session, job_id: str, viewer: Viewer = EVERYTHING) -> JobState:
    """The state of one job, in one cheap statement, however many units it has.

    Raises:
        NotFound: nothing that the viewer sees has this id.
    """
    state = session.scalar(select(JobRow.state).where(JobRow.id == job_id, visible_job(viewer)))
    if state is None:
        raise NotFound("job", job_id)
    return JobState(state)


def list_jobs(
    session: Session,
    *,
    limit: int,
    before: str | None = None,
    states: Sequence[JobState] = (),
    owner: str | None = None,
    protocol: str | None = None,
    viewer: Viewer = EVERYTHING,
) -> list[JobRecord]:
    """Jobs that the viewer sees, newest first; `before` is the id of the last one of the previous page.

    Args:
        states: in one of these, or in any.
        owner: theirs, or everybody's.
        protocol: under this one, or any.
    """
    query = select(JobRow).where(visible_job(viewer)).order_by(JobRow.id.desc()).limit(limit)
    if before is not None:
        query = query.where(JobRow.id < before)
    if states:
        query = query.where(JobRow.state.in_(states))
    if owner is not None:
        query = query.where(JobRow.owner == owner)
    if protocol is not None:
        query = query.where(JobRow.protocol == protocol)
    return _records(session, session.scalars(query).all())


def jobs_with_unit(session: Session, unit_id: str, viewer: Viewer = EVERYTHING) -> list[str]:
    """The ids of the jobs that need a unit and that the viewer sees, newest first."""
    return list(
        session.scalars(
            select(JobRow.id)
            .join(JobUnitRow, JobUnitRow.job_id == JobRow.id)
            .where(JobUnitRow.unit_id == unit_id, visible_job(viewer))
            .order_by(JobRow.id.desc())
        )
    )


def change(
    session: Session,
    job_id: str,
    *,
    actor: str,
    label: str | None = None,
    priority: int | None = None,
    visibility: str | None = None,
) -> None:
    """Change what is not part of a job's identity; None stays as it is.

    Raises:
        NotFound: nothing has this id.
    """
    record = get_job(session, job_id)
    wanted = {"label": label, "priority": priority, "visibility": visibility}
    new = {name: to for name, to in wanted.items() if to is not None and to != getattr(record, name)}
    if not new:
        return
    changed(session, update(JobRow).where(JobRow.id == job_id).values(**new))
    if "priority" in new:
        order_jobs(session, [record.owner])
        settle_leads(session)
    if "visibility" in new:
        show_results(session, job_id)
    told = ", ".join(f"{name} from {getattr(record, name)!r} to {to!r}" for name, to in new.items())
    append_event(
        session, job_id=job_id, actor=actor, reason="changed", text=f"Changed {told}.", data={"changed": new}
    )
    session.expire_all()


def cancel(session: Session, job_id: str, *, actor: str) -> JobRecord:
    """Stop a job: what has not begun never will, what runs is told to stop; units of other jobs live on.

    Raises:
        NotFound: nothing has this id.
        Conflict: the job has ended.
    """
    record = get_job(session, job_id)
    require_open(record)
    cancel_open(session, [record], actor=actor)
    return get_job(session, job_id)


def require_open(job: JobRecord) -> None:
    """Check that there is something to cancel.

    Raises:
        Conflict: the job has ended.
    """
    if job.state in FINAL_JOB:
        raise Conflict(f"Job {job.id} has already ended ({job.state}); there is nothing to cancel.")


def cancel_open(session: Session, open_jobs: Sequence[JobRecord], *, actor: str) -> None:
    """Stop jobs that have not ended, together: a unit that only these need is no longer needed."""
    moved = [job.id for job in open_jobs if _begin_to_cancel(session, job, actor)]
    if moved:
        _stop_units(session, moved)
        settle_leads(session)
        refresh_jobs(session, moved)
    session.expire_all()


def retry(session: Session, job_id: str, *, actor: str) -> JobRecord:
    """Run a job's failed and cancelled units again, with new attempts; what is done stays.

    Raises:
        NotFound: nothing has this id.
        Conflict: the job is still open, or nothing of it failed.
        AllowanceSpent: its key has too few device-seconds left for what it still takes.
    """
    record = get_job(session, job_id)
    if record.state not in FINAL_JOB:
        raise Conflict(f"Job {job_id} is {record.state}; it can be retried when it has ended.")
    if record.state == JobState.SUCCEEDED:
        raise Conflict(f"Job {job_id} succeeded; no unit of it failed.")
    require_allowance_for_rest(session, job_id)
    changed(
        session, update(JobRow).where(JobRow.id == job_id).values(state=JobState.QUEUED, finished_at=None)
    )
    revived = _revive(session, job_id, (UnitState.FAILED, UnitState.CANCELLED))
    order_jobs(session, [record.owner])
    lead_units(session, job_id)
    note_sharing(session, job_id)
    append_event(
        session,
        job_id=job_id,
        actor=actor,
        reason="retried",
        text=f"{revived} units that had not succeeded are queued again.",
        data={"from": record.state, "state": JobState.QUEUED},
    )
    session.expire_all()
    return get_job(session, job_id)


def _insert_job(
    session: Session,
    spec: JobSpec,
    job: ResolvedJob,
    *,
    owner: str,
    key_id: str | None,
    estimated_seconds: float | None,
) -> JobRow:
    told = {"spec_sha256": job.sha256, "owner": owner}
    duplicate_of, now = session.execute(SAME_OF_OWNER, told).one()
    row = JobRow(
        id=f"job_{uuid7()}",
        label=spec.label,
        protocol=job.protocol,
        spec=spec.model_dump(mode="json"),
        spec_sha256=job.sha256,
        owner=owner,
        duplicate_of=duplicate_of,
        visibility=spec.visibility,
        state=JobState.QUEUED,
        priority=spec.priority,
        estimated_seconds=estimated_seconds,
        key_id=key_id,
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row


def _tell_submission(session: Session, job: JobRow, *, actor: str, units: int, shared: int) -> None:
    already = f", {shared} of them already done" if shared else ""
    repeats = f" It repeats {job.duplicate_of}." if job.duplicate_of else ""
    append_event(
        session,
        job_id=job.id,
        actor=actor,
        reason="submitted",
        text=f"Submitted: {units} units{already}.{repeats}",
        data={"state": JobState.QUEUED, "units": units, "shared": shared},
    )


def _join_known_units(session: Session, job_id: str) -> None:
    """Let the job want units that are there: show their results, try again what had failed, and take the lead
    where it comes first.
    """
    show_results(session, job_id)
    ended = (UnitState.FAILED, UnitState.CANCELLED)
    _revive(session, job_id, ended, but=FailureClass.QUARANTINED)
    lead_units(session, job_id)
    note_sharing(session, job_id)


def _revive(
    session: Session,
    job_id: str,
    states: tuple[UnitState, ...],
    *,
    but: FailureClass | None = None,
) -> int:
    """Queue the job's units in these states again, `but` for those that failed so, and take back requests to
    stop; returns how many were revived.
    """
    mine = UnitRow.id.in_(select(JobUnitRow.unit_id).where(JobUnitRow.job_id == job_id))
    wanted: list[ColumnElement[bool]] = [mine, UnitRow.state.in_(states)]
    if but is not None:
        wanted.append(UnitRow.failure_class.is_distinct_from(but))
    append_unit_events(
        session, *wanted, actor=STORE, reason="retried", before="Queued again", state=UnitState.WAITING
    )
    revived = changed(
        session,
        update(UnitRow)
        .where(*wanted)
        .values(
            state=UnitState.WAITING,
            attempt=0,
            losses=0,
            failure_class=None,
            error=None,
            cancel_requested=False,
            progress=None,
            finished_at=None,
        ),
    )
    changed(session, update(UnitRow).where(mine, UnitRow.cancel_requested).values(cancel_requested=False))
    promote(session, of_job=job_id)
    return revived


def _begin_to_cancel(session: Session, job: JobRecord, actor: str) -> bool:
    """Whether the job was live; it is no longer."""
    is_moved = changed(
        session,
        update(JobRow)
        .where(JobRow.id == job.id, JobRow.state.in_(LIVE_JOB))
        .values(state=JobState.CANCELLING),
    )
    if is_moved:
        append_event(
            session,
            job_id=job.id,
            actor=actor,
            reason=CANCEL_REQUESTED,
            text="Cancelling: units that have not begun will not, running ones are told to stop.",
            data={"from": job.state, "state": JobState.CANCELLING},
        )
    return is_moved > 0


def _stop_units(session: Session, job_ids: Sequence[str]) -> None:
    """Cancel what only these jobs need. They are no longer live themselves, so "needed" means by another."""
    theirs = UnitRow.id.in_(select(JobUnitRow.unit_id).where(JobUnitRow.job_id.in_(job_ids)))
    only_theirs = (theirs, ~needed_by_a_live_job())
    not_begun = (*only_theirs, UnitRow.state.in_((UnitState.WAITING, UnitState.READY)))
    append_unit_events(
        session,
        *not_begun,
        actor=STORE,
        reason="cancelled",
        before="Cancelled before it began",
        state=UnitState.CANCELLED,
    )
    changed(
        session,
        update(UnitRow).where(*not_begun).values(state=UnitState.CANCELLED, finished_at=database_now()),
    )
    changed(
        session,
        update(UnitRow).where(*only_theirs, UnitRow.state == UnitState.RUNNING).values(cancel_requested=True),
    )


def _records(session: Session, rows: Sequence[JobRow]) -> list[JobRecord]:
    stages = stages_of_jobs(session, [row.id for row in rows])
    return [
        JobRecord(
            id=JobId(row.id),
            label=row.label,
            protocol=row.protocol,
            spec=row.spec,
            spec_sha256=row.spec_sha256,
            owner=row.owner,
            duplicate_of=row.duplicate_of,
            visibility=row.visibility,
            priority=row.priority,
            state=JobState(row.state),
            created_at=row.created_at,
            started_at=row.started_at,
            finished_at=row.finished_at,
            stages=stages[row.id],
        )
        for row in rows
    ]
