"""Tallies: how often something has happened, and the seconds that it took. They only grow, in the transaction
of what they count, so that reading them costs the same whatever has happened before.
"""

from enum import StrEnum
from typing import Any

from sqlalchemy import Executable, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core.store.session import executed
from core.store.tables import TallyRow

RELEASE_BOUNDS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)  # seconds; each release is in the first that holds it
BEYOND = "+Inf"


def _count_up(dialect: Any) -> Executable:  # noqa: ANN401 - SQLAlchemy's module of one
    insert = dialect.insert(TallyRow)
    grown = {name: getattr(TallyRow, name) + insert.excluded[name] for name in ("count", "seconds")}
    return insert.on_conflict_do_update(index_elements=["name", "label"], set_=grown)  # type: ignore[no-any-return]


COUNT_UP = {"postgresql": _count_up(postgresql), "sqlite": _count_up(sqlite)}


class Tally(StrEnum):
    """What is counted; the labels of each are few."""

    CACHE_HITS = "cache_hits"
    DEVICE_SECONDS = "device_seconds"
    LEASE_EXPIRIES = "lease_expiries"
    RELEASE_SECONDS = "release_seconds"
    UNIT_SECONDS = "unit_seconds"


def count_up(
    session: Session, tally: Tally, label: str = "", *, times: int = 1, seconds: float = 0.0
) -> None:
    """Add to a tally."""
    told = {"name": tally, "label": label, "count": times, "seconds": seconds}
    executed(session, COUNT_UP[session.get_bind().dialect.name], told)


def count_release(session: Session, seconds: float) -> None:
    """Count a device that was freed so many seconds after a cancellation."""
    bound = next((str(bound) for bound in RELEASE_BOUNDS if seconds <= bound), BEYOND)
    count_up(session, Tally.RELEASE_SECONDS, bound, seconds=seconds)


def read_tally(session: Session, tally: Tally) -> dict[str, tuple[int, float]]:
    """By label: how often, and the seconds altogether; labels that never happened are not there."""
    rows = session.execute(
        select(TallyRow.label, TallyRow.count, TallyRow.seconds).where(TallyRow.name == tally)
    )
    return {label: (times, seconds) for label, times, seconds in rows}
