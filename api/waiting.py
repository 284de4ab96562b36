"""Why a job waits, and what comes before it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from api.schemas import WaitingAnswer, WaitingReason
from core.settings import Settings
from core.store import turns, workers
from core.store.jobs import JobRecord
from core.store.states import OPEN_JOB, UnitState, WorkerState
from core.store.turns import Place
from core.store.workers import WorkerRecord

ONLINE_BEATS = 3
NOWHERE = Place(  # of a job that is being cancelled
    units=0, jobs=0, priority=None, has_short=False, has_ready_unit=False
)
RESTING = frozenset(WorkerState) - {WorkerState.STARTING, WorkerState.IDLE, WorkerState.BUSY}


def is_waiting(record: JobRecord) -> bool:
    """Whether the job is open, and nothing of it is running."""
    return record.state in OPEN_JOB and not record.units[UnitState.RUNNING]


def why_waiting(
    session: Session, settings: Settings, records: Sequence[JobRecord]
) -> dict[str, WaitingAnswer]:
    """By id, why nothing of an open job is running, and what comes before it; other jobs are not there."""
    waiting = [record for record in records if is_waiting(record)]
    if not waiting:
        return {}
    queue = Queue.load(session, settings, [record.id for record in waiting])
    return {record.id: queue.why_waiting(record) for record in waiting}


@dataclass(frozen=True)
class Queue:
    """Who works, and when some waiting jobs get their turn, at one moment."""

    workers: tuple[WorkerRecord, ...]
    places: dict[str, Place]

    @classmethod
    def load(cls, session: Session, settings: Settings, job_ids: Sequence[str]) -> "Queue":
        """The queue as it is now; workers that have been silent for long are left out."""
        silent = ONLINE_BEATS * settings.beat_seconds
        return cls(
            tuple(found for found in workers.list_workers(session) if found.silent_seconds < silent),
            turns.places(session, job_ids),
        )

    def why_waiting(self, record: JobRecord) -> WaitingAnswer:
        """Why the job waits."""
        place = self.places.get(record.id, NOWHERE)
        reason = self._reason(record, place)
        return WaitingAnswer(
            code=reason,
            reason=self._told(reason, place.units, place.jobs),
            units_ahead=place.units,
            jobs_ahead=place.jobs,
        )

    def _reason(self, record: JobRecord, place: Place) -> WaitingReason:
        if not self.workers:
            return WaitingReason.NO_WORKER
        if all(worker.state in RESTING for worker in self.workers):
            return WaitingReason.WORKERS_REST
        if all(worker.state in RESTING | {WorkerState.STARTING} for worker in self.workers):
            return WaitingReason.WORKERS_START
        if not place.has_ready_unit:
            return WaitingReason.BACK_OFF if record.units[UnitState.READY] else WaitingReason.DEPENDENCIES
        if place.units:
            if place.priority is not None and place.priority > record.priority:
                return WaitingReason.PRIORITY
            return WaitingReason.SHORT_JOBS if place.has_short else WaitingReason.FAIR_SHARE
        is_idle = any(worker.state == WorkerState.IDLE for worker in self.workers)
        return WaitingReason.NEXT if is_idle else WaitingReason.WORKERS_BUSY

    def _told(self, reason: WaitingReason, units: int, jobs: int) -> str:
        come_first = f"{units} unit(s) of {jobs} job(s) come first"
        return {
            WaitingReason.NO_WORKER: "No worker is online.",
            WaitingReason.WORKERS_REST: (
                f"None of the {len(self.workers)} worker(s) takes work: they are drained or wait for a slot "
                "or space."
            ),
            WaitingReason.WORKERS_START: "A worker is loading; it takes work in a moment.",
            WaitingReason.BACK_OFF: "Its units were lost with their worker; they start again in a moment.",
            WaitingReason.DEPENDENCIES: "Its next units need others that have not ended.",
            WaitingReason.PRIORITY: f"{come_first}: some have a higher priority.",
            WaitingReason.SHORT_JOBS: f"{come_first}: short jobs have a lane of their own.",
            WaitingReason.FAIR_SHARE: (
                f"{come_first}: they are older, or their owners have used the devices less of late."
            ),
            WaitingReason.WORKERS_BUSY: f"All {len(self.workers)} worker(s) are busy; it is next.",
            WaitingReason.NEXT: "A worker is about to take its first unit.",
        }[reason]
