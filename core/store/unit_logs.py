"""What the attempts at a unit logged: written by whoever runs it, with its beats and its end."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from core.errors import NotFound
from core.outcome import LogLine
from core.store.session import changed, database_now, executed
from core.store.tables import JobUnitRow, UnitLogRow
from core.store.units import Lease

KEPT_SECONDS = 90 * 86400.0
APPEND = insert(UnitLogRow)


@dataclass(frozen=True)
class StoredLine:
    """A line as the API shows it; ids grow with time."""

    id: int
    unit_id: str
    attempt: int
    at: datetime
    level: str
    text: str
    fields: dict[str, Any]


def append_lines(session: Session, lease: Lease, lines: Sequence[LogLine]) -> None:
    """Keep what an attempt logged, also that of one whose lease is lost: it says why."""
    if lines:
        executed(
            session,
            APPEND,
            [
                {
                    "unit_id": lease.unit_id,
                    "attempt": lease.attempt,
                    "at": line.at,
                    "level": line.level,
                    "text": line.text,
                    "fields": line.fields,
                }
                for line in lines
            ],
        )


def last_lines(
    session: Session, job_id: str, *, unit_id: str | None = None, tail: int, after: int = 0
) -> list[StoredLine]:
    """The last `tail` lines of a job's units, or of one of them, oldest first, ids above `after`.

    Raises:
        NotFound: the job has no such unit.
    """
    wanted = select(JobUnitRow.unit_id).where(JobUnitRow.job_id == job_id)
    if unit_id is not None:
        wanted = wanted.where(JobUnitRow.unit_id == unit_id)
        if session.scalar(wanted) is None:
            raise NotFound(f"unit of job {job_id}", unit_id)
    rows = session.scalars(
        select(UnitLogRow)
        .where(UnitLogRow.unit_id.in_(wanted), UnitLogRow.id > after)
        .order_by(UnitLogRow.id.desc())
        .limit(tail)
    )
    newest_first = [
        StoredLine(**{name: getattr(row, name) for name in StoredLine.__dataclass_fields__}) for row in rows
    ]
    return newest_first[::-1]


def forget_old_lines(session: Session) -> None:
    """Drop lines that are older than ninety days."""
    changed(session, delete(UnitLogRow).where(UnitLogRow.at < database_now(-KEPT_SECONDS)))
