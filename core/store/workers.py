"""Workers in the store: who is there, doing what, and when it last said so."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.orm import Session

from core.errors import NotFound
from core.spec.units import UnitId
from core.store.session import changed, database_now, executed
from core.store.states import WorkerState
from core.store.tables import WorkerRow

FORGET_AFTER_SECONDS = 3600.0  # a worker that has been silent this long is gone, not late

SILENT = "silent"  # what is counted in place of a state that may long be another

MINE = WorkerRow.id == bindparam("me")
BEAT = (
    update(WorkerRow)
    .where(MINE)
    .values(
        state=bindparam("now_state"),
        unit_id=bindparam("in_hand"),
        memory_bytes=bindparam("resident"),
        beat_at=database_now(),
    )
    .returning(WorkerRow.device_key)
)
TAKE_UP = (
    update(WorkerRow)
    .where(MINE)
    .values(state=WorkerState.BUSY, unit_id=bindparam("in_hand"), beat_at=database_now())
)
MAY_CLAIM = select(WorkerRow.id).where(MINE, WorkerRow.device_key.is_not(None), ~WorkerRow.is_drained)
ALL = select(WorkerRow, database_now().label("now")).order_by(WorkerRow.started_at).limit(1000)


@dataclass(frozen=True)
class WorkerRecord:
    """A worker as the API shows it; `silent_seconds` by the database's clock.

    `memory_bytes` is the resident memory of its processes, None where that cannot be told.
    """

    id: str
    host: str
    pid: int
    queues: list[str]
    device: str
    version: str
    state: WorkerState
    unit_id: str | None
    memory_bytes: int | None
    started_at: datetime
    beat_at: datetime
    silent_seconds: float


def register(
    session: Session,
    worker_id: str,
    *,
    host: str,
    pid: int,
    queues: list[str],
    device: str,
    version: str,
    state: WorkerState = WorkerState.IDLE,
    unit_id: str | None = None,
) -> None:
    """Make a worker known, or what has become known of it since."""
    now = session.execute(select(database_now())).scalar_one()
    session.merge(
        WorkerRow(
            id=worker_id,
            host=host,
            pid=pid,
            queues=queues,
            device=device,
            version=version,
            state=state,
            unit_id=unit_id,
            started_at=now,
            beat_at=now,
        )
    )


def worker_beat(
    session: Session,
    worker_id: str,
    *,
    state: WorkerState,
    unit_id: str | None,
    memory_bytes: int | None = None,
) -> bool:
    """A worker says what it is doing; whether it still has its slot."""
    told = {"me": worker_id, "now_state": state, "in_hand": unit_id, "resident": memory_bytes}
    row = executed(session, BEAT, told).first()
    return row is not None and row.device_key is not None


def may_claim(session: Session, worker_id: str) -> bool:
    """Whether the worker has a slot and is not drained; asked in the transaction that claims."""
    return executed(session, MAY_CLAIM, {"me": worker_id}).first() is not None


def take_up(session: Session, worker_id: str, unit_id: UnitId) -> None:
    """The worker has a unit in hand, by the transaction that claims it."""
    changed(session, TAKE_UP, {"me": worker_id, "in_hand": unit_id})


def set_drained(session: Session, worker_id: str, *, is_drained: bool) -> None:
    """Let a worker take no more units after the one in hand, or take units again.

    Raises:
        NotFound: no worker has this id.
    """
    if not changed(session, update(WorkerRow).where(WorkerRow.id == worker_id).values(is_drained=is_drained)):
        raise NotFound("worker", worker_id)


def forget_dead(session: Session, host: str, is_dead: Callable[[int], bool], *, but: str) -> None:
    """Drop workers of a host, but for one, whose process is gone: their slots are free at once."""
    others = select(WorkerRow.id, WorkerRow.pid).where(WorkerRow.host == host, WorkerRow.id != but)
    rows = session.execute(others).all()
    dead = [row.id for row in rows if is_dead(row.pid)]
    changed(session, delete(WorkerRow).where(WorkerRow.id.in_(dead)))


def unregister(session: Session, worker_id: str) -> None:
    """A worker leaves in good order."""
    changed(session, delete(WorkerRow).where(WorkerRow.id == worker_id))


def list_workers(session: Session) -> list[WorkerRecord]:
    """Every worker heard of lately, oldest first."""
    told = [name for name in WorkerRecord.__dataclass_fields__ if name not in ("state", "silent_seconds")]
    return [
        WorkerRecord(
            **{name: getattr(row, name) for name in told},
            state=_shown_state(row),
            silent_seconds=max((now - row.beat_at).total_seconds(), 0.0),
        )
        for row, now in session.execute(ALL)
    ]


def _shown_state(row: WorkerRow) -> WorkerState:
    """What the worker says, but for what it need not know: that it is drained."""
    if row.is_drained:
        return WorkerState.DRAINING if row.unit_id else WorkerState.DRAINED
    return WorkerState(row.state)


def idle_workers(session: Session, *, fresh_seconds: float) -> dict[str, int]:
    """How many workers wait for work, by queue; those silent for longer do not count."""
    rows = session.scalars(
        select(WorkerRow).where(
            WorkerRow.state == WorkerState.IDLE,
            ~WorkerRow.is_drained,
            WorkerRow.device_key.is_not(None),
            WorkerRow.beat_at > database_now(-fresh_seconds),
        )
    )
    counts: dict[str, int] = {}
    for row in rows:
        for queue in row.queues:
            counts[queue] = counts.get(queue, 0) + 1
    return counts


def count_workers(session: Session, *, fresh_seconds: float) -> dict[str, int]:
    """How many workers are in each state, every state being a key; `silent` are those silent for longer."""
    counts: dict[str, int] = {**dict.fromkeys(WorkerState, 0), SILENT: 0}
    for worker in list_workers(session):
        counts[worker.state if worker.silent_seconds < fresh_seconds else SILENT] += 1
    return counts


def forget_silent(session: Session) -> None:
    """Drop workers that have been silent for an hour."""
    changed(session, delete(WorkerRow).where(WorkerRow.beat_at < database_now(-FORGET_AFTER_SECONDS)))
