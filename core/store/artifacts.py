"""What the store knows of artifacts: their sizes, their last use, and which of them may go.

Only what can be computed again goes: results are rows of the database, and a unit that turns out to need an
artifact that is gone has it made again, as it would a corrupt one (`units.redo`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, exists, func, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from core.spec.units import UnitId
from core.store.session import changed, database_now
from core.store.states import OPEN_UNIT, UnitState
from core.store.tables import UnitDependencyRow, UnitRow

EVICTED_KINDS = ("train", "evaluate", "unlearn", "score", "attack")  # a sweep's are records of a kilobyte
USE_SECONDS = 60.0  # how exact the time of the last use is: an original is read by thousands of trials
BATCH = 50  # artifacts that are taken away before their rows say so

NEEDED = select(UnitDependencyRow.depends_on).where(UnitDependencyRow.unit_id == bindparam("user"))
NOTE_USE = (
    update(UnitRow)
    .where(UnitRow.id.in_(NEEDED), UnitRow.artifact_used_at < database_now(-USE_SECONDS))
    .values(artifact_used_at=database_now())
)


@dataclass(frozen=True)
class Stored:
    """An artifact that may go; `fence` tells whether the unit has run again since."""

    unit_id: UnitId
    fence: int
    sha256: str
    size_bytes: int


def note_use(session: Session, unit_id: UnitId) -> None:
    """The unit is about to read the artifacts of those that it depends on."""
    changed(session, NOTE_USE, {"user": unit_id})


def stored_bytes(session: Session) -> int:
    """The size of all artifacts."""
    return _total(session, UnitRow.artifact_size_bytes)


def evicted_bytes(session: Session) -> int:
    """How much has been evicted, ever."""
    return _total(session, UnitRow.evicted_bytes)


def choose_evicted(session: Session, budget_bytes: int) -> list[Stored]:
    """The artifacts, used longest ago first, that must go for the rest to be within the budget; at most 50.

    What an open unit reads stays, also where there is one unit between the two.
    """
    excess = stored_bytes(session) - budget_bytes
    if excess <= 0:
        return []
    rows = session.execute(
        select(UnitRow.id, UnitRow.fence, UnitRow.artifact, UnitRow.artifact_size_bytes)
        .where(
            UnitRow.artifact_size_bytes.is_not(None),  # then it is done; to ask that too would lose the index
            UnitRow.kind.in_(EVICTED_KINDS),
            ~_is_needed(),
        )
        .order_by(UnitRow.artifact_used_at, UnitRow.id)
        .limit(BATCH)
    )
    chosen: list[Stored] = []
    for row in rows:
        if excess <= 0:
            break
        chosen.append(Stored(UnitId(row.id), row.fence, row.artifact["sha256"], row.artifact_size_bytes))
        excess -= row.artifact_size_bytes
    return chosen


def record_evicted(session: Session, gone: Sequence[Stored]) -> None:
    """Record that these artifacts were taken away, unless their units have run again meanwhile."""
    for artifact in gone:
        changed(
            session,
            update(UnitRow)
            .where(
                UnitRow.id == artifact.unit_id,
                UnitRow.fence == artifact.fence,
                UnitRow.state == UnitState.DONE,
                UnitRow.artifact_size_bytes.is_not(None),
            )
            .values(
                artifact=None,
                artifact_size_bytes=None,
                evicted_bytes=UnitRow.evicted_bytes + artifact.size_bytes,
            ),
        )


def note_rewritten(session: Session, unit_id: UnitId, artifact: Mapping[str, Any]) -> None:
    """Somebody whose lease was over has put this in the place of a finished unit's artifact, which may have
    been evicted: it is as good, takes its space, and may go in its turn.
    """
    changed(
        session,
        update(UnitRow)
        .where(UnitRow.id == unit_id, UnitRow.state == UnitState.DONE)
        .values(
            artifact=dict(artifact),
            artifact_size_bytes=artifact["size_bytes"],
            artifact_used_at=func.coalesce(UnitRow.artifact_used_at, database_now()),
        ),
    )


def _is_needed() -> Any:  # noqa: ANN401 - an SQL condition on UnitRow
    """A unit that has not ended depends on this one, or on one that does."""
    near, far = aliased(UnitDependencyRow), aliased(UnitDependencyRow)
    user, users_user = aliased(UnitRow), aliased(UnitRow)
    directly = (
        select(1)
        .select_from(near)
        .join(user, user.id == near.unit_id)
        .where(near.depends_on == UnitRow.id, user.state.in_(OPEN_UNIT))
        .correlate(UnitRow)
    )
    by_another = (
        select(1)
        .select_from(near)
        .join(far, far.depends_on == near.unit_id)
        .join(users_user, users_user.id == far.unit_id)
        .where(near.depends_on == UnitRow.id, users_user.state.in_(OPEN_UNIT))
        .correlate(UnitRow)
    )
    return exists(directly) | exists(by_another)


def _total(session: Session, size: InstrumentedAttribute[Any]) -> int:
    return int(session.scalar(select(func.sum(size)).where(size > 0)) or 0)
