"""The embedded service: API, scheduler and worker as children of one process, restarted when they die."""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from types import FrameType

import structlog
from filelock import FileLock, Timeout

from core.errors import DeploymentInvalid
from core.settings import Settings
from core.store.keys import require_key_beyond_loopback
from core.store.session import Store

log = structlog.get_logger()

PROCESSES = ("api", "scheduler", "worker")
STEADY_SECONDS = 30.0  # a child that lived this long starts again at once
MAX_BACKOFF_SECONDS = 15.0
STOP_SECONDS = 20.0


@dataclass
class Child:
    """One supervised process and when it may start again."""

    name: str
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    failures: int = 0
    not_before: float = field(default=0.0)


def serve(settings: Settings) -> None:
    """Run the embedded service until SIGINT or SIGTERM.

    Raises:
        DeploymentInvalid: another service has this var directory or this port, or the directory is not
            writable, or the address is not loopback and there is no key.
        StoreNotReady: the database is at a revision that this version does not know.
    """
    store = Store(settings.database)  # checks that the directory can be written
    lock = FileLock(settings.service_lock)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise DeploymentInvalid(
            f"Another Lethe service is running on {settings.var_dir.absolute()}. "
            "Stop it, or set LETHE_VAR_DIR."
        ) from None
    with lock:
        require_free_port(settings.host, settings.port)
        store.migrate()
        require_key_beyond_loopback(store, settings.host)
        _supervise()


def require_free_port(host: str, port: int) -> None:
    """Check that the API can listen.

    Raises:
        DeploymentInvalid: it cannot; the message says why and what to change.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise DeploymentInvalid(
                f"Cannot listen on {host}:{port} ({error.strerror}). "
                "Stop what is using it, or set LETHE_PORT."
            ) from error


def _supervise() -> None:
    stopping = False

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    children = [Child(name) for name in PROCESSES]
    while not stopping:
        for child in children:
            _keep_alive(child)
        time.sleep(0.2)
    _stop_all(children)


def _keep_alive(child: Child) -> None:
    now = time.monotonic()
    if child.process is not None and (code := child.process.poll()) is not None:
        child.process = None
        child.failures = 0 if now - child.started_at > STEADY_SECONDS else child.failures + 1
        delay = 0.0 if not child.failures else min(0.5 * 2 ** (child.failures - 1), MAX_BACKOFF_SECONDS)
        child.not_before = now + delay
        log.warning("process_died", process=child.name, code=code, restart_in_seconds=delay)
    if child.process is None and now >= child.not_before:
        child.started_at = now
        child.process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "lethe", child.name, "--supervised-by", str(os.getpid())]
        )
        log.info("process_started", process=child.name, pid=child.process.pid)


def _stop_all(children: list[Child]) -> None:
    running = [child.process for child in children if child.process is not None]
    for process in running:
        process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for process in running:
        try:
            process.wait(max(deadline - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            log.warning("process_killed", pid=process.pid)
            process.kill()
            process.wait()
