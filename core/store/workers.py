"""Workers in the store: who is there, doing what, and when it last said so."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from core.store.session import changed, database_now
from core.store.tables import WorkerRow

FORGET_AFTER_SECONDS = 3600.0  # a worker that has been silent this long is gone, not late


@dataclass(frozen=True)
class WorkerRecord:
    """A worker as the API shows it; `silent_seconds` by the database's clock."""

    id: str
    host: str
    pid: int
    queues: list[str]
    device: str
    version: str
    state: str
    unit_id: str | None
    started_at: datetime
    beat_at: datetime
    silent_seconds: float


def register(
    session: Session, worker_id: str, *, host: str, pid: int, queues: list[str], device: str, version: str
) -> None:
    """Make a worker known, idle."""
    now = session.execute(select(database_now())).scalar_one()
    session.merge(
        WorkerRow(
            id=worker_id,
            host=host,
            pid=pid,
            queues=queues,
            device=device,
            version=version,
            state="idle",
            unit_id=None,
            started_at=now,
            beat_at=now,
        )
    )


def worker_beat(session: Session, worker_id: str, *, state: str, unit_id: str | None) -> None:
    """A worker says what it is doing."""
    changed(
        session,
        update(WorkerRow)
        .where(WorkerRow.id == worker_id)
        .values(state=state, unit_id=unit_id, beat_at=database_now()),
    )


def unregister(session: Session, worker_id: str) -> None:
    """A worker leaves in good order."""
    changed(session, delete(WorkerRow).where(WorkerRow.id == worker_id))


def list_workers(session: Session) -> list[WorkerRecord]:
    """Every worker heard of lately, oldest first."""
    rows = session.execute(
        select(WorkerRow, database_now().label("now")).order_by(WorkerRow.started_at).limit(1000)
    )
    return [
        WorkerRecord(
            **{
                name: getattr(row, name)
                for name in WorkerRecord.__dataclass_fields__
                if name != "silent_seconds"
            },
            silent_seconds=max((now - row.beat_at).total_seconds(), 0.0),
        )
        for row, now in rows
    ]


def idle_workers(session: Session, *, fresh_seconds: float) -> dict[str, int]:
    """How many workers wait for work, by queue; those silent for longer do not count."""
    rows = session.scalars(
        select(WorkerRow).where(WorkerRow.state == "idle", WorkerRow.beat_at > database_now(-fresh_seconds))
    )
    counts: dict[str, int] = {}
    for row in rows:
        for queue in row.queues:
            counts[queue] = counts.get(queue, 0) + 1
    return counts


def forget_silent(session: Session) -> None:
    """Drop workers that have been silent for an hour."""
    changed(session, delete(WorkerRow).where(WorkerRow.beat_at < database_now(-FORGET_AFTER_SECONDS)))
