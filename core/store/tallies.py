"""Tallies: how often something has happened, and the seconds that it took. They only grow, in the transaction
of what they count, so that reading them costs the same whatever has happened before.
"""

from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core.store.tables import TallyRow

RELEASE_BOUNDS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)  # seconds; each release is in the first that holds it
BEYOND = "+Inf"


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
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    row = {"name": tally, "label": label, "count": times, "seconds": seconds}
    grown = {"count": TallyRow.count + times, "seconds": TallyRow.seconds + seconds}
    session.execute(
        dialect.insert(TallyRow.__table__)
        .values(row)
        .on_conflict_do_update(index_elements=["name", "label"], set_=grown)
    )


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
