"""Why a job waits, and what comes before it."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from api.schemas import WaitingAnswer, WaitingReason
from core.settings import Settings
from core.store import turns, workers
from core.store.jobs import JobRecord
from core.store.states import OPEN_JOB, UnitState, WorkerState
from core.store.turns import Line
from core.store.workers import WorkerRecord

ONLINE_BEATS = 3
RESTING = frozenset(WorkerState) - {WorkerState.IDLE, WorkerState.BUSY}


def is_waiting(record: JobRecord) -> bool:
    """Whether the job is open, and nothing of it is running."""
    return record.state in OPEN_JOB and not record.units[UnitState.RUNNING]


@dataclass(frozen=True)
class Queue:
    """Who works, and in which order jobs get their turn, at one moment."""

    workers: tuple[WorkerRecord, ...]
    line: Line

    @classmethod
    def load(cls, session: Session, settings: Settings) -> "Queue":
        """The queue as it is now; workers that have been silent for long are left out."""
        silent = ONLINE_BEATS * settings.beat_seconds
        online = tuple(found for found in workers.list_workers(session) if found.silent_seconds < silent)
        return cls(online, turns.line(session))

    def why_waiting(self, session: Session, record: JobRecord) -> WaitingAnswer | None:
        """Why nothing of an open job is running, and what comes before it; None for any other job."""
        if not is_waiting(record):
            return None
        ahead = self.line.before(record.id)
        is_ready = turns.has_ready_unit(session, record.id)
        shared = turns.led_by_others(session, record.id) if ahead else 0
        units = max(sum(turn.units for turn in ahead) - shared, 0)
        reason = self._reason(record, is_ready, bool(units))
        return WaitingAnswer(
            code=reason,
            reason=self._told(reason, units, len(ahead)),
            units_ahead=units,
            jobs_ahead=len(ahead),
        )

    def _reason(self, record: JobRecord, is_ready: bool, has_others_ahead: bool) -> WaitingReason:
        if not self.workers:
            return WaitingReason.NO_WORKER
        if all(worker.state in RESTING for worker in self.workers):
            return WaitingReason.WORKERS_REST
        if not is_ready:
            return WaitingReason.BACK_OFF if record.units[UnitState.READY] else WaitingReason.DEPENDENCIES
        if has_others_ahead:
            first = self.line.before(record.id)[0]
            if first.priority > record.priority:
                return WaitingReason.PRIORITY
            return WaitingReason.SHORT_JOBS if first.is_short else WaitingReason.FAIR_SHARE
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
