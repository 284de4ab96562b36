"""Whose turn it is: fair share between owners, a lane for short jobs, priority above both.

Live jobs are in an order, `JobRow.precedence`, which is kept up to date as devices are used. Every open unit
goes in the turn of one of the jobs that need it, its lead: the best of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Double,
    Function,
    Over,
    bindparam,
    case,
    func,
    insert,
    select,
    type_coerce,
    update,
)
from sqlalchemy.orm import Session, aliased

from core.store.session import changed, database_now, executed
from core.store.states import LIVE_JOB, OPEN_UNIT, UnitState
from core.store.tables import JobRow, JobUnitRow, OwnerUseRow, UnitRow

HALF_LIFE_SECONDS = 6 * 3600.0  # after which a device-second counts half
AGE_WEIGHT = 0.5  # of a second of waiting, against one that a device was used
SHORT_SECONDS = 120.0  # a job that is estimated to take no more is short
LANE_SECONDS = 600.0  # of recent use: who has had so much of the short lane has none for a while
LANE, PRIORITY = 1e11, 1e12  # more than any use and any age make up for
MARGIN_SECONDS = 600.0  # a shared unit stays with its lead unless another job is ahead by this much
STARTABLE = (UnitState.WAITING, UnitState.READY)

AGO = type_coerce(database_now(), Double) - type_coerce(OwnerUseRow.as_of, Double)
MINE = OwnerUseRow.owner == bindparam("who")
USE = select(OwnerUseRow.seconds, OwnerUseRow.short_seconds, AGO.label("ago")).where(MINE)
USED = {
    "seconds": bindparam("used", type_=Double),
    "short_seconds": bindparam("used_short", type_=Double),
    "as_of": database_now(),
}
USE_AGAIN = update(OwnerUseRow).where(MINE).values(USED)
FIRST_USE = insert(OwnerUseRow).values(owner=bindparam("who"), **USED)
RUNNING_FOR = type_coerce(database_now(), Double) - type_coerce(UnitRow.started_at, Double)
IN_HAND = (
    select(JobRow.owner, func.sum(RUNNING_FOR))
    .join(UnitRow, UnitRow.lead_job_id == JobRow.id)
    .where(UnitRow.state == UnitState.RUNNING)
    .group_by(JobRow.owner)
)
PRECEDENCE = (
    bindparam("used", type_=Double)
    + AGE_WEIGHT * type_coerce(JobRow.created_at, Double)
    - case((JobRow.estimated_seconds <= SHORT_SECONDS, bindparam("lane", type_=Double)), else_=0.0)
    - PRIORITY * JobRow.priority
)
ORDER = (
    update(JobRow)
    .where(
        JobRow.state.in_(LIVE_JOB),
        JobRow.owner == bindparam("who"),
        func.abs(JobRow.precedence - PRECEDENCE) > 1.0,
    )
    .values(precedence=PRECEDENCE)
)


def _before(figure: Function[Any]) -> Over[Any]:
    """The figure over all live jobs that come before this one."""
    return figure.over(order_by=(JobRow.precedence, JobRow.id), rows=(None, -1))


WANTED = JobUnitRow.job_id.in_(bindparam("jobs", expanding=True))
LED = (
    select(UnitRow.lead_job_id, func.count().label("units"))
    .where(UnitRow.state.in_(STARTABLE), UnitRow.lead_job_id.is_not(None))
    .group_by(UnitRow.lead_job_id)
    .subquery()
)
IS_IN_LANE = JobRow.precedence + PRIORITY * JobRow.priority < 0
LINE = (
    select(
        JobRow.id,
        _before(func.sum(LED.c.units)).label("units"),
        _before(func.count(LED.c.units)).label("jobs"),
        _before(func.max(case((LED.c.units > 0, JobRow.priority)))).label("priority"),
        _before(func.max(case(((LED.c.units > 0) & IS_IN_LANE, 1)))).label("has_short"),
    )
    .outerjoin(LED, LED.c.lead_job_id == JobRow.id)
    .where(JobRow.state.in_(LIVE_JOB))
    .subquery()
)
NEEDED = (
    select(
        JobUnitRow.job_id,
        func.count().filter(UnitRow.lead_job_id != JobUnitRow.job_id).label("led_by_others"),
        func.count()
        .filter(UnitRow.state == UnitState.READY, UnitRow.not_before <= database_now())
        .label("ready"),
    )
    .join(UnitRow, UnitRow.id == JobUnitRow.unit_id)
    .where(WANTED, UnitRow.state.in_(STARTABLE))
    .group_by(JobUnitRow.job_id)
    .subquery()
)
PLACES = select(LINE, NEEDED.c.led_by_others, NEEDED.c.ready).join(NEEDED, NEEDED.c.job_id == LINE.c.id)


@dataclass(frozen=True)
class Place:
    """What starts before a live job's units, and whether one of these could start now.

    Attributes:
        units: how many units come before, in the turns of other jobs, but for those that it needs too.
        jobs: in the turns of how many jobs.
        priority: the highest among these jobs; None where there are none.
        has_short: whether one of them is in the short jobs' lane.
        has_ready_unit: whether a unit of the job itself could start now.
    """

    units: int
    jobs: int
    priority: int | None
    has_short: bool
    has_ready_unit: bool


def note_use(session: Session, owner: str, seconds: float, *, is_short: bool) -> None:
    """Count device-seconds against an owner, whose jobs stand further back when they are next put in order.

    That is within seconds, by the reaper: until now these seconds were in hand, and counted as such.
    """
    recent, recent_short = _recent_use(session, owner)
    use = recent + seconds, recent_short + (seconds if is_short else 0.0)
    told = {"used": use[0], "used_short": use[1], "who": owner}
    if not changed(session, USE_AGAIN, told):
        executed(session, FIRST_USE, told)


def order_jobs(session: Session, owners: Iterable[str] | None = None) -> None:
    """Bring the order of the owners' live jobs up to date; None is everybody's.

    First by priority; then short jobs, while their owner has not had too much of the lane; then by the
    owner's recent use of devices, units in hand included, less what waiting makes up for.
    """
    live = JobRow.state.in_(LIVE_JOB)
    found = session.scalars(select(JobRow.owner).where(live).distinct()) if owners is None else owners
    running = {owner: float(seconds or 0.0) for owner, seconds in session.execute(IN_HAND)}
    for owner in list(found):
        _order_jobs_of(session, owner, _recent_use(session, owner), running.get(owner, 0.0))


def lead_units(session: Session, job_id: str) -> None:
    """Let the job lead those of its open units that no live job leads, or one that comes clearly later."""
    live = JobRow.state.in_(LIVE_JOB)
    mine = select(JobRow.precedence).where(JobRow.id == job_id).scalar_subquery()
    ahead = select(JobRow.id).where(live, JobRow.precedence <= mine + MARGIN_SECONDS)
    changed(
        session,
        update(UnitRow)
        .where(
            UnitRow.id.in_(select(JobUnitRow.unit_id).where(JobUnitRow.job_id == job_id)),
            UnitRow.state.in_(OPEN_UNIT),
            UnitRow.lead_job_id.is_(None) | UnitRow.lead_job_id.not_in(ahead),
        )
        .values(lead_job_id=job_id),
    )


def note_sharing(session: Session, job_id: str) -> None:
    """Mark the job, and those that need open units of it too: such units may change their lead."""
    mine, theirs = aliased(JobUnitRow), aliased(JobUnitRow)
    others = (
        select(theirs.job_id)
        .join(mine, mine.unit_id == theirs.unit_id)
        .join(UnitRow, UnitRow.id == mine.unit_id)
        .where(mine.job_id == job_id, theirs.job_id != job_id, UnitRow.state.in_(OPEN_UNIT))
        .distinct()
    )
    sharing = update(JobRow).where(JobRow.id.in_(others), JobRow.state.in_(LIVE_JOB)).values(is_sharing=True)
    if changed(session, sharing):
        changed(session, update(JobRow).where(JobRow.id == job_id).values(is_sharing=True))


def settle_leads(session: Session) -> None:
    """Give every shared open unit to the best of its live jobs."""
    sharing = (
        select(JobRow.id)
        .where(JobRow.state.in_(LIVE_JOB), JobRow.is_sharing)
        .order_by(JobRow.precedence.desc(), JobRow.id.desc())
    )
    for job_id in session.scalars(sharing).all():  # the best one last, so that it has the last word
        lead_units(session, job_id)


def places(session: Session, job_ids: Sequence[str]) -> dict[str, Place]:
    """The places of those of the jobs that are live and have units that have not begun."""
    return {
        row.id: Place(
            units=max(int(row.units or 0) - row.led_by_others, 0),
            jobs=row.jobs,
            priority=row.priority,
            has_short=bool(row.has_short),
            has_ready_unit=row.ready > 0,
        )
        for row in session.execute(PLACES, {"jobs": job_ids})
    }


def _order_jobs_of(session: Session, owner: str, use: tuple[float, float], running_seconds: float) -> None:
    """Bring the order of one owner's jobs up to date, given the recent use of devices, in all and by short
    jobs.
    """
    seconds, short_seconds = use
    lane = LANE if short_seconds < LANE_SECONDS else 0.0
    changed(session, ORDER, {"who": owner, "used": seconds + running_seconds, "lane": lane})


def _recent_use(session: Session, owner: str) -> tuple[float, float]:
    """The owner's device-seconds, and those of short jobs, each halved for every six hours since."""
    row = executed(session, USE, {"who": owner}).first()
    if row is None:
        return 0.0, 0.0
    kept = 0.5 ** (max(row.ago, 0.0) / HALF_LIFE_SECONDS)
    return row.seconds * kept, row.short_seconds * kept
