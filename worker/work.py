"""Working: claim a unit, run it in the runner, beat, and publish only where the fence still holds."""

import os
import secrets
import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from threading import Event, Lock, Thread
from typing import TypeVar

import stamina
import structlog
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from core.artifact_files.storage import open_storage
from core.errors import ArtifactsFull
from core.foreign_text import last_words
from core.outcome import LogLine, Outcome, Progress
from core.pulse import beat_pulse
from core.settings import GIGABYTE, Settings
from core.spec.units import AttackUnit, EvaluateUnit, TrialUnit, UnitId, UnlearnUnit
from core.store import artifacts, attacks, results, slots, trials, unit_logs, units, workers
from core.store.jobs import QUEUE
from core.store.session import Store
from core.store.states import METHODS_FAULT, FailureClass, WorkerState
from core.store.units import Lease
from worker.devices import device_keys
from worker.endings import ending
from worker.listener import NOBODY, Listener
from worker.processes import is_gone, resident_bytes
from worker.runner import ArtifactBroken, Failed, Finished, Message, NoSpace, Runner

log = structlog.get_logger()

T = TypeVar("T")
MACHINES_FAULT = frozenset({FailureClass.INFRA_LOST, FailureClass.OOM})
SPACE_FACTOR = 2  # times what had no space: other workers write as well
POLL_SECONDS = 0.2  # how soon a drain or the end of a unit is seen
PROGRESS_SECONDS = 1.0  # a beat comes early when there is progress to show, but not more often than this
STORE_PATIENCE_SECONDS = 300.0  # how long a restarting database is waited for


@dataclass
class Running:
    """What the parent knows of the unit in its runner's hands."""

    lease: Lease
    last_beat: float
    last_message: float
    progress: Progress | None = None
    has_news: bool = False
    lines: list[LogLine] = field(default_factory=list)  # logged, and not in the store yet


class Worker:
    """One slot: a parent that claims and publishes, and the runner that computes. Not for use by several
    threads.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self.id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}"
        self._settings = settings
        self._store = store
        self._draining = Event()
        self._leaving = Event()
        self._farewell = ExitStack()  # what to undo, last first
        self._device = "starting"
        self._unit_id: UnitId | None = None
        self._state = WorkerState.WAITING_FOR_SLOT
        self._saying = Lock()
        self._device_key: str | None = None
        self._has_lost_slot = False
        self._artifacts = open_storage(settings)
        self._needed_bytes = int(settings.min_free_gb * GIGABYTE)
        try:
            self._farewell.callback(self._write, lambda session: workers.unregister(session, self.id))
            self._register()
            self._farewell.callback(self._fall_silent)
            Thread(target=self._beat_forever, name="worker-beat", daemon=True).start()
            key = self._await_slot()
            self._runner, self._is_runner_ready = Runner(settings, key), False
            self._farewell.callback(lambda: self._runner.end())  # whichever it is by then
            self._device_key = key  # from now on beats tell the runner's memory
            self._await_runner()
            self._say(WorkerState.IDLE)
        except BaseException:  # also when told to stop
            self.close()
            raise

    def work(self, queue: str, listener: Listener = NOBODY) -> int:
        """Run ready units of the queue until there are none, there is no space for what they produce, or the
        worker drains; returns how many it ran.

        Raises:
            DeploymentInvalid: a runner had to be replaced, and the new one cannot load; no unit is claimed.
        """
        done = 0
        try:
            while (
                self._resting_state() == WorkerState.IDLE
                and self._await_runner()
                and (lease := self._claim(queue))
            ):
                log.info(
                    "unit_claimed",
                    unit=lease.unit_id,
                    job=lease.job_id,
                    title=lease.title,
                    attempt=lease.attempt,
                    worker=self.id,
                )
                listener.progress(lease, None)
                self._run(lease, listener)
                listener.end(lease)
                done += 1
        finally:  # also where the store stayed away for too long: nobody rings for a worker that is busy
            self._unit_id = None
            self._say(self._resting_state())
        return done

    def require_space(self) -> None:
        """Check that what a unit produces can be stored.

        Raises:
            ArtifactsFull: it cannot; the worker takes no unit until it can.
        """
        self._artifacts.require_space(self._needed_bytes)

    def drain(self) -> None:
        """Give the present unit back and take no other."""
        self._draining.set()

    def close(self) -> None:
        """Leave in good order."""
        self._draining.set()
        self._farewell.close()

    def _run(self, lease: Lease, listener: Listener) -> None:
        """One unit, from the claim to the end that the store hears of."""
        self._runner.start(lease.unit)
        try:
            self._attend(lease, listener)
        except BaseException:
            self._end_runner()  # or its outcome would be taken for that of the next unit
            raise

    def _attend(self, lease: Lease, listener: Listener) -> None:
        """Beat and listen while the runner computes."""
        now = time.monotonic()
        running = Running(lease, last_beat=now, last_message=now)
        running.lines.append(
            _line("info", f"Attempt {lease.attempt} begins.", worker=self.id, device=self._device)
        )
        while True:
            try:
                message = self._runner.receive(POLL_SECONDS)
            except EOFError:
                how = self._end_runner()
                self._fail(running, FailureClass.INFRA_LOST, f"the runner process ended {how}")
                return
            if message is not None and self._handle(message, running):
                return
            if running.has_news:
                listener.progress(lease, running.progress)
            if self._must_stop(running):
                return

    def _handle(self, message: Message, running: Running) -> bool:
        """Act on a message of the runner; whether the unit has ended."""
        running.last_message = time.monotonic()
        lease = running.lease
        match message:
            case Progress():
                running.progress, running.has_news = message, True
            case LogLine():
                running.lines.append(message)
            case Finished():
                self._publish(running, message.outcome)
                return True
            case Failed():
                if message.failure in MACHINES_FAULT:  # such an error stays with the process that had it
                    self._end_runner()
                self._fail(running, message.failure, message.error)
                return True
            case ArtifactBroken():
                broken, text = UnitId(message.unit_id), message.error
                self._end(
                    running,
                    lambda session: units.redo(session, lease, broken=broken, owner=self.id, text=text),
                    _line("warning", text),
                )
                log.warning("artifact_broken", unit=broken, needed_by=lease.unit_id)
                return True
            case NoSpace():
                self._make_way(running, message)
                return True
        return False

    def _make_way(self, running: Running, message: NoSpace) -> None:
        """Give back a unit whose artifact had no space, and take none before there is enough."""
        lease = running.lease
        self._needed_bytes = max(self._needed_bytes, SPACE_FACTOR * message.needed_bytes)
        self._end(
            running,
            lambda session: units.give_back(
                session,
                lease,
                owner=self.id,
                reason="disk_full",
                text=f"Cannot {lease.title} on worker {self.id}: {message.error}",
                delay_seconds=units.RETRY_DELAY_SECONDS,
            ),
            _line("warning", message.error),
        )
        log.warning("disk_full", unit=lease.unit_id, title=lease.title, error=message.error)

    def _must_stop(self, running: Running) -> bool:
        """Beat when it is time; stop the runner when the lease is lost, or somebody or something wants it
        stopped.
        """
        now, lease = time.monotonic(), running.lease
        if self._draining.is_set():
            self._end_runner()
            text = f"Worker {self.id} is shutting down; the unit goes to another one."
            self._end(
                running,
                lambda session: units.give_back(session, lease, owner=self.id, reason="drained", text=text),
                _line("info", text),
            )
            return True
        if now - running.last_message > self._settings.stall_seconds:
            self._end_runner()
            self._fail(
                running, FailureClass.TIMEOUT, f"no progress for {self._settings.stall_seconds:.0f} seconds"
            )
            return True
        due = PROGRESS_SECONDS if running.has_news or running.lines else self._settings.beat_seconds
        if now - running.last_beat < due:
            return False
        return self._beat(running)

    def _beat(self, running: Running) -> bool:
        """Renew the lease; whether the unit has to stop."""
        running.last_beat, running.has_news = time.monotonic(), False
        progress = running.progress
        try:
            with self._store.write_row() as session:
                beat = units.beat(
                    session,
                    running.lease,
                    self._settings.lease_seconds,
                    progress=progress.fraction if progress else None,
                    progress_text=progress.text if progress else None,
                )
            if running.lines:
                with self._store.write() as session:
                    unit_logs.append_lines(session, running.lease, running.lines)
        except DBAPIError as error:  # the lease outlasts a short outage; the fence decides about a long one
            log.warning("beat_failed", unit=running.lease.unit_id, error=str(error.orig))
            return False
        running.lines.clear()
        if beat is None:
            log.warning("lease_lost", unit=running.lease.unit_id, worker=self.id)
            self._end_runner()
            return True
        if beat.cancel_requested:
            self._end_runner()
            self._end(
                running,
                lambda session: units.stop_cancelled(session, running.lease, owner=self.id),
                _line("info", "Stopped: no job needs it any more."),
            )
            log.info("unit_cancelled", unit=running.lease.unit_id, worker=self.id)
            return True
        return False

    def _publish(self, running: Running, outcome: Outcome) -> None:
        """Record what the unit produced, in one transaction, only while the lease holds."""
        lease = running.lease
        text = ending(lease, outcome)

        def publish(session: Session) -> bool:
            if not units.finish(
                session,
                lease,
                owner=self.id,
                runtime_seconds=outcome.runtime_seconds,
                artifact=outcome.artifact,
                text=text,
            ):
                if outcome.artifact:  # its files are where those of whoever was faster were
                    artifacts.note_rewritten(session, lease.unit_id, outcome.artifact)
                return False
            if isinstance(lease.unit, TrialUnit):
                trials.record_trial(session, lease.unit_id, lease.unit, outcome.attempts, outcome.provenance)
            if isinstance(lease.unit, AttackUnit):
                attacks.record_attack(session, lease.unit_id, lease.unit, outcome.attack, outcome.provenance)
            if isinstance(lease.unit, EvaluateUnit | UnlearnUnit):
                results.record_result(
                    session,
                    lease.unit_id,
                    lease.unit,
                    is_usable=outcome.is_usable,
                    metrics=outcome.metrics,
                    reasons=outcome.reasons,
                    provenance=outcome.provenance,
                    hyperparameters=outcome.hyperparameters,
                )
            return True

        published = self._end(running, publish, _line("info", text))
        log.info("unit_done" if published else "publish_refused", unit=lease.unit_id, title=lease.title)

    def _fail(self, running: Running, failure: FailureClass, error: str) -> None:
        """Requeue or fail the unit; an unlearner that raised or hung is left without a model (F)."""
        lease = running.lease

        def fail(session: Session) -> bool:
            held = units.fail(session, lease, owner=self.id, failure=failure, error=error)
            if held and failure in METHODS_FAULT and isinstance(lease.unit, UnlearnUnit):
                reasons = {"model": f"{failure}: {last_words(error)}"}
                results.record_result(
                    session,
                    lease.unit_id,
                    lease.unit,
                    is_usable=False,
                    metrics={},
                    reasons=reasons,
                    provenance={},
                )
            return held

        self._end(running, fail, _line("error", error.strip(), failure_class=failure))
        log.warning("unit_failed", unit=lease.unit_id, title=lease.title, failure=failure, error=error)

    def _end(self, running: Running, change: Callable[[Session], T], last: LogLine) -> T:
        """The change that ends an attempt, and with it, in one transaction, what it has logged."""

        def end(session: Session) -> T:
            unit_logs.append_lines(session, running.lease, [*running.lines, last])
            return change(session)

        return self._write(end)

    def _await_slot(self) -> str:
        """The key of a device with a free slot, once there is one."""
        devices = device_keys(self._settings.device)
        slots_per_device = self._settings.slots_per_device
        has_told = False

        def claim(session: Session) -> str | None:
            workers.forget_dead(session, socket.gethostname(), is_gone, but=self.id)
            return slots.claim_slot(
                session,
                self.id,
                devices,
                slots_per_device=slots_per_device,
                lease_seconds=self._settings.lease_seconds,
            )

        while (key := self._write(claim)) is None:
            if not has_told:
                log.warning(
                    "waiting_for_slot",
                    worker=self.id,
                    devices=",".join(devices),
                    slots_per_device=slots_per_device,
                    hint="every device has its workers; LETHE_SLOTS_PER_DEVICE lets more share one",
                )
                has_told = True
            time.sleep(self._settings.beat_seconds)
        log.info("slot_claimed", worker=self.id, device=key)
        return key

    @stamina.retry(on=OperationalError, attempts=None, timeout=STORE_PATIENCE_SECONDS)
    def _claim(self, queue: str) -> Lease | None:
        with self._saying:  # or a beat between the commit and what it says would tell of an idle worker
            with self._store.write() as session:
                if not workers.may_claim(session, self.id):
                    return None
                lease = units.claim(session, queue, self.id, self._settings.lease_seconds)
                if lease is None:
                    return None
                workers.take_up(session, self.id, lease.unit_id)
            self._state, self._unit_id = WorkerState.BUSY, lease.unit_id
            return lease

    def _resting_state(self) -> WorkerState:
        """What keeps this worker from the next unit, if anything."""
        if self._draining.is_set():
            return WorkerState.DRAINING
        try:
            self.require_space()
        except ArtifactsFull as error:
            if self._state != WorkerState.DISK_FULL:
                log.warning("disk_full", worker=self.id, error=str(error))
            return WorkerState.DISK_FULL
        return WorkerState.IDLE

    @stamina.retry(on=OperationalError, attempts=None, timeout=STORE_PATIENCE_SECONDS)
    def _write(self, change: Callable[[Session], T]) -> T:
        """One transaction, tried again while the database is away; `change` may run twice."""
        with self._store.write() as session:
            return change(session)

    def _end_runner(self) -> str:
        """End the runner and start another, which loads while this worker publishes."""
        assert self._device_key is not None, "a runner starts on a slot"
        how = self._runner.end()
        self._runner, self._is_runner_ready = Runner(self._settings, self._device_key), False
        return how

    def _await_runner(self) -> bool:
        """Whether the runner has loaded, once it has; not where the worker drains meanwhile. Nothing is
        claimed before: where a device is gone, no unit shall pay for it.

        Raises:
            DeploymentInvalid: it cannot load here.
        """
        if not self._runner.is_alive:
            self._end_runner()
        if self._is_runner_ready:
            return True
        self._unit_id = None
        self._say(WorkerState.STARTING)
        device = self._runner.await_ready(self._settings.stall_seconds, self._draining.is_set)
        if device is None:
            return False
        self._device, self._is_runner_ready = device, True
        self._register()
        return True

    def _register(self) -> None:
        self._write(
            lambda session: workers.register(
                session,
                self.id,
                host=socket.gethostname(),
                pid=os.getpid(),
                queues=[QUEUE],
                device=self._device,
                version=version("lethe"),
                state=self._state,
                unit_id=self._unit_id,
            )
        )

    def _say(self, state: WorkerState) -> None:
        """Tell the store what this worker is doing; nobody depends on it, so an outage is only logged."""
        with self._saying:
            self._state = state
            self._tell_store()

    def _say_again(self) -> None:
        """The same, from the thread that beats; it alone notices that there is space again."""
        with self._saying:
            if self._state == WorkerState.DISK_FULL:
                self._state = self._resting_state()
            self._tell_store()

    def _tell_store(self) -> None:
        memory = resident_bytes(os.getpid(), *([self._runner.pid] if self._device_key else []))
        try:
            with self._store.write_row() as session:
                has_slot = workers.worker_beat(
                    session, self.id, state=self._state, unit_id=self._unit_id, memory_bytes=memory
                )
        except DBAPIError as error:
            log.warning("worker_beat_failed", worker=self.id, error=str(error.orig))
            return
        if not has_slot and self._device_key is not None and not self._has_lost_slot:
            self._has_lost_slot = True  # told once: a second signal would interrupt the leaving itself
            log.error("slot_lost", worker=self.id, device=self._device_key, hint="it was silent for too long")
            # In good order; whoever keeps this process alive starts anew.
            os.kill(os.getpid(), signal.SIGTERM)

    def _fall_silent(self) -> None:
        """Beat no more: a beat that came later would miss the slot that is given up."""
        self._leaving.set()
        with self._saying:
            self._device_key = None

    def _beat_forever(self) -> None:
        beat_pulse(self._settings.var_dir, "worker")
        while not self._leaving.wait(self._settings.beat_seconds):
            self._say_again()
            beat_pulse(self._settings.var_dir, "worker")


def _line(level: str, text: str, **fields: str) -> LogLine:
    return LogLine(datetime.now(UTC), level, text, fields)
