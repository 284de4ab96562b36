"""Going on after a run that was killed, in a store that only one worker uses: nobody else holds a unit."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.plan import PlannedUnit
from core.spec.units import UnitId, unit_from_json
from core.store import units
from core.store.jobs import JobRecord, get_job
from core.store.states import UnitState
from core.store.tables import JobRow, JobUnitRow, UnitRow
from core.store.units import Lease


def earlier_job(session: Session, spec_sha256: str, planned: Sequence[PlannedUnit]) -> JobRecord | None:
    """The newest job of this content that has this plan; another version of Lethe may have planned other
    units for it.
    """
    wanted = {unit.id for unit in planned}
    of_content = select(JobRow.id).where(JobRow.spec_sha256 == spec_sha256).order_by(JobRow.id.desc())
    for job_id in session.scalars(of_content).all():
        if wanted == set(session.scalars(select(JobUnitRow.unit_id).where(JobUnitRow.job_id == job_id))):
            return get_job(session, job_id)
    return None


def release_held(session: Session, *, actor: str) -> None:
    """Return every running unit, uncharged."""
    rows = session.execute(
        select(UnitRow).where(UnitRow.state == UnitState.RUNNING).order_by(UnitRow.id)
    ).scalars()
    for row in rows.all():
        lease = Lease(UnitId(row.id), row.fence, row.attempt, unit_from_json(row.payload), row.title)
        text = f"The run that had begun to {row.title} was stopped; it goes on."
        units.give_back(session, lease, owner=actor, reason="resumed", text=text)
