"""The statements that claim a unit, finish it and promote what waits for it, built once (see `session`)."""

from sqlalchemy import Double, bindparam, exists, select, type_coerce, update
from sqlalchemy.orm import aliased

from core.store.session import database_now
from core.store.states import LIVE_JOB, UnitState
from core.store.tables import JobRow, UnitDependencyRow, UnitRow

STARTABLE = (
    UnitRow.queue == bindparam("for_queue"),
    UnitRow.state == UnitState.READY,
    UnitRow.lead_job_id == JobRow.id,
    UnitRow.not_before <= database_now(),
)
FIRST = select(UnitRow.id).where(*STARTABLE).order_by(UnitRow.position, UnitRow.id).limit(1)
BEST = (
    select(FIRST.correlate(JobRow).scalar_subquery())
    .where(JobRow.state.in_(LIVE_JOB), exists().where(*STARTABLE).correlate(JobRow))
    .order_by(JobRow.precedence, JobRow.id)
    .limit(1)
    .scalar_subquery()
)
LEASE_UNTIL = type_coerce(database_now(), Double) + bindparam("lease_seconds", type_=Double)
CLAIM = (
    update(UnitRow)
    .where(UnitRow.id == BEST, UnitRow.state == UnitState.READY)
    .values(
        state=UnitState.RUNNING,
        lease_owner=bindparam("me"),
        lease_until=LEASE_UNTIL,
        fence=UnitRow.fence + 1,
        attempt=UnitRow.attempt + 1,
        started_at=database_now(),
        finished_at=None,
        progress=0.0,
        progress_text=None,
        is_timed_beside=False,
    )
    .returning(
        UnitRow.id, UnitRow.fence, UnitRow.attempt, UnitRow.payload, UnitRow.title, UnitRow.lead_job_id
    )
)
HELD = (
    UnitRow.id == bindparam("unit"),
    UnitRow.fence == bindparam("held_fence"),
    UnitRow.state == UnitState.RUNNING,
)
FINISH = (
    update(UnitRow)
    .where(*HELD)
    .values(
        state=UnitState.DONE,
        lease_owner=None,
        lease_until=None,
        finished_at=database_now(),
        runtime_seconds=bindparam("took"),
        artifact=bindparam("made"),
        artifact_size_bytes=bindparam("made_bytes"),
        artifact_used_at=database_now(),
        progress=1.0,
    )
)
DEPENDENTS = select(UnitDependencyRow.unit_id).where(
    UnitDependencyRow.depends_on.in_(bindparam("done", expanding=True))
)
dependency = aliased(UnitRow)
UNFINISHED = exists(
    select(1)
    .select_from(UnitDependencyRow)
    .join(dependency, dependency.id == UnitDependencyRow.depends_on)
    .where(UnitDependencyRow.unit_id == UnitRow.id, dependency.state != UnitState.DONE)
    .correlate(UnitRow)
)
PROMOTE = update(UnitRow).where(UnitRow.state == UnitState.WAITING, ~UNFINISHED).values(state=UnitState.READY)
