"""Going on after a run that was killed, in a store that only one worker uses: nobody else holds a unit."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.spec.units import UnitId, unit_from_json
from core.store import units
from core.store.states import UnitState
from core.store.tables import UnitRow
from core.store.units import Lease


def release_held(session: Session, *, actor: str) -> None:
    """Return every running unit, uncharged."""
    rows = session.execute(
        select(UnitRow).where(UnitRow.state == UnitState.RUNNING).order_by(UnitRow.id)
    ).scalars()
    for row in rows.all():
        lease = Lease(UnitId(row.id), row.fence, row.attempt, unit_from_json(row.payload), row.title)
        text = f"The run that had begun to {row.title} was stopped; it goes on."
        units.give_back(session, lease, owner=actor, reason="resumed", text=text)
