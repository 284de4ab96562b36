"""The state of a job, derived from those of its units and kept beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sqlalchemy import Double, Row, Select, bindparam, exists, func, select, type_coerce, update
from sqlalchemy.orm import Session, aliased

from core.store.events import STORE, append_event
from core.store.session import changed, database_now, executed
from core.store.states import LIVE_JOB, OPEN_JOB, OPEN_UNIT, JobState, UnitState
from core.store.tables import EventRow, JobRow, JobUnitRow, UnitRow

SENTENCES = {
    JobState.RUNNING: "The first unit started.",
    JobState.SUCCEEDED: "All units are done.",
    JobState.PARTIALLY_SUCCEEDED: "All units have ended; some failed, the other results stand.",
    JobState.FAILED: "All units have ended; none of the unlearning succeeded.",
    JobState.CANCELLED: "Cancelled; nothing of it is running any more.",
}

end = aliased(JobUnitRow)
IS_END_OPEN = (  # the end of a plan is done last, so that this mostly suffices
    select(UnitRow.state.in_(OPEN_UNIT))
    .join(end, end.unit_id == UnitRow.id)
    .where(end.job_id == JobRow.id)
    .order_by(end.position.desc())
    .limit(1)
    .correlate(JobRow)
    .scalar_subquery()
)
KNOWN = select(JobRow.id, JobRow.state, IS_END_OPEN.label("is_end_open")).order_by(JobRow.id)
NEEDING = KNOWN.where(
    JobRow.id.in_(select(JobUnitRow.job_id).where(JobUnitRow.unit_id.in_(bindparam("units", expanding=True))))
)
OPEN_NEEDING = NEEDING.where(JobRow.state.in_(OPEN_JOB))
QUEUED_NEEDING = NEEDING.where(JobRow.state == JobState.QUEUED)
TOOK = type_coerce(UnitRow.finished_at, Double) - type_coerce(UnitRow.started_at, Double)
STAGES = (
    select(
        JobUnitRow.job_id,
        UnitRow.kind,
        UnitRow.state,
        func.count().label("units"),
        func.avg(TOOK).label("took"),
    )
    .join(UnitRow, UnitRow.id == JobUnitRow.unit_id)
    .where(JobUnitRow.job_id.in_(bindparam("jobs", expanding=True)))
    .group_by(JobUnitRow.job_id, UnitRow.kind, UnitRow.state)
)
# In one statement, so that on PostgreSQL too the event is the last one that the counts have in them.
STAGES_AS_OF = STAGES.add_columns(select(func.max(EventRow.id)).scalar_subquery().label("last_event"))

KnownJob = Row[tuple[str, str, bool]]


@dataclass
class Stage:
    """A job's units of one kind: how many are in each state, and what those that are done took on average,
    from their start to their end.
    """

    counts: dict[UnitState, int] = field(default_factory=lambda: dict.fromkeys(UnitState, 0))
    mean_seconds: float | None = None


Stages: TypeAlias = dict[str, Stage]  # by kind of unit


def refresh_jobs_of(session: Session, unit_ids: Sequence[str]) -> None:
    """Bring every open job that needs one of these units up to date."""
    if unit_ids:
        _refresh(session, OPEN_NEEDING, {"units": unit_ids})


def start_jobs_of(session: Session, unit_id: str) -> None:
    """The same where a unit has just been started: that only moves jobs of which none had."""
    _refresh(session, QUEUED_NEEDING, {"units": [unit_id]})


def refresh_jobs(session: Session, job_ids: Sequence[str]) -> None:
    """Bring jobs up to date."""
    _refresh(session, KNOWN.where(JobRow.id.in_(job_ids), JobRow.state.in_(OPEN_JOB)))


def refresh_open_jobs(session: Session) -> None:
    """Bring every open job up to date: what a process that died in between has left. One query finds them."""
    is_open, is_running = UnitRow.state.in_(OPEN_UNIT), UnitRow.state == UnitState.RUNNING
    behind = (
        (JobRow.state.in_(LIVE_JOB) & ~_some_unit(is_open))
        | ((JobRow.state == JobState.QUEUED) & _some_unit(is_running))
        | ((JobRow.state == JobState.CANCELLING) & ~_some_unit(running_only_for_it()))
    )
    _refresh(session, KNOWN.where(JobRow.state.in_(OPEN_JOB), behind))


def unit_counts(session: Session, job_id: str) -> dict[UnitState, int]:
    """How many of the job's units are in each state; every state is a key."""
    return total_counts(stages_of_jobs(session, [job_id])[job_id])


def total_counts(stages: Stages) -> dict[UnitState, int]:
    """The counts over all stages; every state is a key."""
    return {state: sum(stage.counts[state] for stage in stages.values()) for state in UnitState}


def stages_of_jobs(session: Session, job_ids: Sequence[str]) -> dict[str, Stages]:
    """The stages of each job."""
    found: dict[str, Stages] = {job_id: {} for job_id in job_ids}
    for row in session.execute(STAGES, {"jobs": job_ids}):
        _take_in(found[row.job_id], row)
    return found


def stages_as_of(session: Session, job_id: str) -> tuple[int, Stages]:
    """A job's stages, and the id of the newest event that they have in them."""
    last_event, stages = 0, Stages()
    for row in session.execute(STAGES_AS_OF, {"jobs": [job_id]}):
        last_event = row.last_event
        _take_in(stages, row)
    return last_event, stages


def _take_in(stages: Stages, row: Row[Any]) -> None:
    stage = stages.setdefault(row.kind, Stage())
    stage.counts[UnitState(row.state)] = row.units
    if row.state == UnitState.DONE:
        stage.mean_seconds = row.took


def _refresh(session: Session, jobs: Select[Any], parameters: Mapping[str, Any] | None = None) -> None:
    """Bring jobs up to date, given what `KNOWN` tells of them."""
    for job in executed(session, jobs, parameters).all():
        state = _derived(session, job)
        if state != job.state:
            _move(session, job, state)


def _derived(session: Session, job: KnownJob) -> JobState:
    if job.state == JobState.CANCELLING:
        return JobState.CANCELLING if _has(session, job, running_only_for_it()) else JobState.CANCELLED
    if job.is_end_open or _has(session, job, UnitRow.state.in_(OPEN_UNIT)):
        if job.state == JobState.QUEUED and _has(session, job, UnitRow.state == UnitState.RUNNING):
            return JobState.RUNNING
        return JobState(job.state)
    counts = unit_counts(session, job.id)
    if counts[UnitState.DONE] == sum(counts.values()):
        return JobState.SUCCEEDED
    has_results = _has(session, job, (UnitRow.kind == "unlearn") & (UnitRow.state == UnitState.DONE))
    return JobState.PARTIALLY_SUCCEEDED if has_results else JobState.FAILED


def running_only_for_it() -> Any:  # noqa: ANN401 - an SQL condition on UnitRow
    """The unit is running and was asked to stop, as no live job needs it."""
    return (UnitRow.state == UnitState.RUNNING) & UnitRow.cancel_requested


def needed_by_a_live_job() -> Any:  # noqa: ANN401 - an SQL condition on UnitRow
    """Some queued or running job needs the unit."""
    return exists(
        select(1)
        .select_from(JobUnitRow)
        .join(JobRow, JobRow.id == JobUnitRow.job_id)
        .where(JobUnitRow.unit_id == UnitRow.id, JobRow.state.in_(LIVE_JOB))
        .correlate(UnitRow)
    )


def _some_unit(condition: Any) -> Any:  # noqa: ANN401 - SQL conditions on UnitRow and JobRow
    """The condition holds for a unit that the job needs."""
    return exists(
        select(1)
        .select_from(JobUnitRow)
        .join(UnitRow, UnitRow.id == JobUnitRow.unit_id)
        .where(JobUnitRow.job_id == JobRow.id, condition)
        .correlate(JobRow)
    )


def _has(session: Session, job: KnownJob, condition: Any) -> bool:  # noqa: ANN401 - an SQL condition on UnitRow
    found = session.scalar(
        select(1)
        .select_from(JobUnitRow)
        .join(UnitRow, UnitRow.id == JobUnitRow.unit_id)
        .where(JobUnitRow.job_id == job.id, condition)
        .limit(1)
    )
    return found is not None


def _move(session: Session, job: KnownJob, state: JobState) -> None:
    stamp = "started_at" if state == JobState.RUNNING else "finished_at"
    changed(
        session,
        update(JobRow)
        .where(JobRow.id == job.id, JobRow.state == job.state)
        .values(state=state, **{stamp: database_now()}),
    )
    append_event(
        session,
        job_id=job.id,
        actor=STORE,
        reason=state,
        text=SENTENCES[state],
        data={"from": job.state, "state": state},
    )
