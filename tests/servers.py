"""PostgreSQL and Redis servers of a test's own, on free ports of loopback, that it may kill, freeze and
restart.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
import redis

from tests.e2e.service import free_port

PATIENCE_SECONDS = 60.0
LOOPBACK = "127.0.0.1"
# What a crash of the machine would lose does not matter here; a crash of the server loses nothing.
POSTGRES_OPTIONS = ("-c", "fsync=off", "-c", "unix_socket_directories=", "-c", "max_connections=50")


@dataclass
class PostgresServer:
    """A PostgreSQL server; as root it runs as the user `postgres`, since it refuses to be root."""

    binaries: Path
    folder: Path
    port: int
    address: str = LOOPBACK
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of its database."""
        return f"postgresql+psycopg://lethe@{LOOPBACK}:{self.port}/postgres"

    def create(self) -> None:
        """Make the files of an empty server. Whoever is on a network of this machine may connect."""
        command = ("initdb", f"--pgdata={self.folder}", "--username=lethe", "--auth=trust", "--no-sync")
        subprocess.run([self.binaries / command[0], *command[1:]], check=True, capture_output=True, **_user())
        with (self.folder / "pg_hba.conf").open("a") as rules:
            rules.write("host all all samenet trust\n")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        where = ("-D", str(self.folder), "-p", str(self.port), "-h", self.address)
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.binaries / "postgres", *where, *POSTGRES_OPTIONS], stdout=log, stderr=log, **_user()
            )
        _await(self._answers, "PostgreSQL")

    def stop(self, mode: str = "immediate") -> None:
        """End it; `immediate` is the nearest to pulling the plug."""
        if self.process is not None:
            command = [self.binaries / "pg_ctl", "stop", f"--pgdata={self.folder}", f"--mode={mode}"]
            subprocess.run(command, check=True, capture_output=True, **_user())
            self.process.wait()
            self.process = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """All its processes stand still: connections stay open, and nobody answers on them."""
        assert self.process is not None
        pids = [self.process.pid, *children_of(self.process.pid)]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url.replace("+psycopg", ""), connect_timeout=1).close()
        except psycopg.OperationalError:
            return False
        return True


@dataclass
class RedisServer:
    """A Redis server that keeps nothing on disk: once killed, it starts empty."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    @property
    def url(self) -> str:
        """The URL of its database."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = ("--port", str(self.port), "--bind", LOOPBACK, "--save", "", "--appendonly", "no")
        command = ["redis-server", *options, "--dir", str(self.folder), "--protected-mode", "no"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _await(self._answers, "Redis")

    def kill(self) -> None:
        """End it at once."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def listen_also(self, address: str) -> None:
        """Answer on another address of this machine, too."""
        with redis.Redis.from_url(self.url) as client:
            client.config_set("bind", f"{LOOPBACK} {address}")

    def _answers(self) -> bool:
        with redis.Redis.from_url(self.url) as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False


@contextmanager
def own_postgres() -> Iterator[PostgresServer]:
    """A new, empty server; the test skips where PostgreSQL is not installed."""
    binaries = _postgres_binaries()
    with tempfile.TemporaryDirectory(prefix="lethe-postgres-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        server = PostgresServer(binaries, folder / "data", free_port())
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def own_redis() -> Iterator[RedisServer]:
    """A new, empty server; the test skips where Redis is not installed."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed.")
    with tempfile.TemporaryDirectory(prefix="lethe-redis-") as name:
        server = RedisServer(Path(name), free_port())
        server.start()
        try:
            yield server
        finally:
            server.kill()


def children_of(pid: int) -> list[int]:
    """The process ids of a process's children."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(line) for line in listed.stdout.split()]


def _postgres_binaries() -> Path:
    """Where initdb and the server are: Debian keeps them off the path."""
    places = [Path(shutil.which("initdb") or "").parent, *Path("/usr/lib/postgresql").glob("*/bin")]
    for place in sorted(places, reverse=True):
        if (place / "initdb").is_file() and (place / "postgres").is_file():
            return place
    pytest.skip("PostgreSQL's initdb is not installed.")


def _user() -> dict[str, str]:
    if os.geteuid() != 0:
        return {}
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres.")
    return {"user": "postgres", "cwd": "/"}


def _await(is_there: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_there():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not answer within {PATIENCE_SECONDS:.0f} s.")
        time.sleep(0.05)
