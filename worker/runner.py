"""The runner: one long-lived child process that holds torch, the device and the resident data.

The parent stays free to beat whatever the child's C code does, and can end it at any moment: what a unit
publishes is written atomically, so a killed runner leaves nothing half-done.
"""

import contextlib
import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from core.errors import ArtifactCorrupt, ArtifactMissing, ArtifactsFull, DeploymentInvalid, LetheError
from core.foreign_text import told
from core.outcome import LogLine, Outcome, Progress
from core.settings import Settings
from core.spec.units import Unit, unit_from_json
from core.store.states import FailureClass
from worker.capture import ToParent, capture_logs
from worker.devices import is_gpu
from worker.lifeline import die_with_parent
from worker.tuning import give_back_freed_memory, runners_environment

TERM_GRACE_SECONDS = 3.0
READY_POLL_SECONDS = 0.2  # how soon it is seen that nobody waits any more


@dataclass(frozen=True)
class Ready:
    """The runner is up; `device` in words."""

    device: str


@dataclass(frozen=True)
class Finished:
    """A unit ended as it should; see `core.outcome`."""

    outcome: Outcome


@dataclass(frozen=True)
class Failed:
    """A unit raised."""

    failure: FailureClass
    error: str


@dataclass(frozen=True)
class ArtifactBroken:
    """A unit could not read what another one had produced."""

    unit_id: str
    error: str


@dataclass(frozen=True)
class NoSpace:
    """What a unit produced could not be stored; nothing of it is left."""

    needed_bytes: int
    error: str


Message = Ready | Progress | LogLine | Finished | Failed | ArtifactBroken | NoSpace


class Runner:
    """The parent's handle on the child process."""

    def __init__(self, settings: Settings, device_key: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, childs_end = context.Pipe()
        arguments = (childs_end, settings, device_key, os.getpid())
        self._process = context.Process(target=_serve, args=arguments, name="lethe-runner", daemon=True)
        with runners_environment():
            self._process.start()
        childs_end.close()

    @property
    def is_alive(self) -> bool:
        """Whether the child still runs."""
        return self._process.is_alive()

    @property
    def pid(self) -> int | None:
        """The child's process id."""
        return self._process.pid

    def await_ready(self, patience_seconds: float, is_stopped: Callable[[], bool]) -> str | None:
        """The child's device in words, once it has loaded; None where waiting was stopped before.

        Raises:
            DeploymentInvalid: it cannot load here, or not in time, which is no unit's fault.
        """
        deadline = time.monotonic() + patience_seconds
        while not is_stopped():
            try:
                message = self.receive(READY_POLL_SECONDS)
            except EOFError as error:
                raise DeploymentInvalid(
                    "The runner ended while it loaded; what it printed says why."
                ) from error
            if isinstance(message, Ready):
                return message.device
            if time.monotonic() > deadline:
                raise DeploymentInvalid(
                    f"The runner has not loaded within {patience_seconds:.0f} seconds (LETHE_STALL_SECONDS). "
                    "Look at the device, its driver and the disk that torch is on."
                )
        return None

    def start(self, unit: Unit) -> None:
        """Hand the child its next unit."""
        with contextlib.suppress(OSError):  # a dead child shows itself at the next `receive`
            self._connection.send(unit.model_dump(mode="json"))

    def receive(self, timeout_seconds: float) -> Message | None:
        """The child's next message, or None when there is none within the time.

        Raises:
            EOFError: the child is dead.
        """
        try:
            message: Message | None = (
                self._connection.recv() if self._connection.poll(timeout_seconds) else None
            )
        except OSError as error:
            raise EOFError from error
        return message

    def end(self) -> str:
        """End the child, by force if need be, and say how it ended."""
        self._process.terminate()
        self._process.join(TERM_GRACE_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._connection.close()
        code = self._process.exitcode or 0
        return f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"


def _serve(connection: Connection, settings: Settings, device_key: str, parent_pid: int) -> None:
    """The child's life: take a unit, run it, report, again."""
    die_with_parent(signal.SIGKILL, parent_pid)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    device = settings.device
    if is_gpu(device_key):  # read when torch loads: of all GPUs it then sees the one with our slot
        os.environ["CUDA_VISIBLE_DEVICES"] = device_key
        device = "cuda"
    logs = capture_logs(connection.send)
    from core.artifact_files.storage import open_storage
    from core.artifacts import ArtifactStore
    from core.execute import Workbench

    workbench = Workbench(
        ArtifactStore(open_storage(settings)),
        data_dir=settings.data,
        cache_dir=settings.cache,
        device=device,
    )
    connection.send(Ready(workbench.device_name))
    while True:
        try:
            document: dict[str, Any] = connection.recv()
        except EOFError:  # the parent closed its end
            return
        connection.send(_run(document, workbench.execute, connection, logs))


def _run(
    document: dict[str, Any],
    execute: Callable[[Unit, Callable[[Progress], None]], Outcome],
    connection: Connection,
    logs: ToParent,
) -> Message:
    logs.begin()

    def report(progress: Progress) -> None:
        connection.send(progress)

    try:
        return Finished(execute(unit_from_json(document), report))
    except (ArtifactMissing, ArtifactCorrupt) as error:
        return ArtifactBroken(error.unit_id, str(error))
    except ArtifactsFull as error:
        return NoSpace(error.needed_bytes, str(error))
    except Exception as error:  # noqa: BLE001 - the unit runner is one of the two places that catch everything
        return Failed(_failure_class(error), told(traceback.format_exc()))
    finally:
        give_back_freed_memory()


def _failure_class(error: Exception) -> FailureClass:
    import torch

    classes: tuple[tuple[type[Exception], FailureClass], ...] = (
        (torch.OutOfMemoryError, FailureClass.OOM),
        (MemoryError, FailureClass.OOM),
        (torch.AcceleratorError, FailureClass.INFRA_LOST),  # a device that broke is nobody's method
        (LetheError, FailureClass.BAD_SPEC),
        (OSError, FailureClass.INFRA_LOST),
    )
    return next((failure for kind, failure in classes if isinstance(error, kind)), FailureClass.USER_CODE)
