"""What operators watch, out of the store: each figure is one query, asked when somebody looks.

What only grows is a tally: no figure reads all that ever happened.
"""

from itertools import accumulate

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.store.session import database_now
from core.store.states import UnitState
from core.store.tables import UnitRow
from core.store.tallies import BEYOND, RELEASE_BOUNDS, Tally, read_tally


def oldest_ready_seconds(session: Session) -> dict[str, float]:
    """For how long the unit that waits longest for a worker could have been running, by queue, in seconds."""
    rows = session.execute(
        select(UnitRow.queue, func.min(UnitRow.not_before))
        .where(UnitRow.state == UnitState.READY, UnitRow.not_before <= database_now())
        .group_by(UnitRow.queue)
    )
    now = session.execute(select(database_now())).scalar_one()
    return {queue: max((now - since).total_seconds(), 0.0) for queue, since in rows}


def expired_leases(session: Session) -> int:
    """How many attempts were lost because their worker went silent, ever."""
    return _times(session, Tally.LEASE_EXPIRIES)


def release_seconds(session: Session) -> tuple[dict[str, int], float]:
    """For running units that were ever cancelled, the seconds until their device was free: how many took no
    more than each bound, the last one being `+Inf`, and all seconds together.
    """
    found = read_tally(session, Tally.RELEASE_SECONDS)
    bounds = [*(str(bound) for bound in RELEASE_BOUNDS), BEYOND]
    counts = accumulate(found.get(bound, (0, 0.0))[0] for bound in bounds)
    return dict(zip(bounds, counts, strict=True)), sum(seconds for _, seconds in found.values())


def device_seconds(session: Session) -> dict[str, float]:
    """Device-seconds ever used, by why the attempts at units ended."""
    used = {reason: seconds for reason, (_, seconds) in read_tally(session, Tally.DEVICE_SECONDS).items()}
    return {"done": 0.0, "cancelled": 0.0} | used


def unit_seconds(session: Session) -> dict[str, tuple[int, float]]:
    """By kind: how often units were done, and the seconds that they ran altogether."""
    return read_tally(session, Tally.UNIT_SECONDS)


def cache_hits(session: Session) -> int:
    """How many units were already done when a job asked for them, over all jobs ever submitted."""
    return _times(session, Tally.CACHE_HITS)


def _times(session: Session, tally: Tally) -> int:
    return sum(times for times, _ in read_tally(session, tally).values())
