"""Databases and queues of a test's own on the servers of this machine; a test skips only where a server is
absent.
"""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest
import redis
from psycopg import sql

HERE = "http://127.0.0.1"  # how a service without keys wants to be called
POSTGRES = os.environ.get("LETHE_TEST_POSTGRES", "postgresql://127.0.0.1:5432/postgres")
REDIS = os.environ.get("LETHE_TEST_REDIS", "redis://127.0.0.1:6379")


@contextmanager
def fresh_postgres_url(like: str | None = None) -> Iterator[str]:
    """The SQLAlchemy URL of a new database, dropped at the end: empty, or a copy of the one at another such
    URL, to which nobody may be connected.
    """
    name = f"lethe_test_{secrets.token_hex(6)}"
    try:
        admin = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        pytest.skip(f"PostgreSQL is not running at {POSTGRES}: {error}")
    with admin:
        template = "template1" if like is None else like.rsplit("/", 1)[1]
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        admin.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
        # What a crash of the machine would lose does not matter here.
        admin.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(name)))
        try:
            yield f"{POSTGRES.rsplit('/', 1)[0].replace('postgresql:', 'postgresql+psycopg:')}/{name}"
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def fresh_redis_url() -> Iterator[str]:
    """The URL of an empty Redis database, emptied again at the end."""
    for number in range(15, 0, -1):
        url = f"{REDIS}/{number}"
        with redis.Redis.from_url(url, socket_connect_timeout=3) as client:
            try:
                is_free = client.set("lethe-test", "taken", nx=True, ex=600)
            except redis.ConnectionError as error:
                pytest.skip(f"Redis is not running at {REDIS}: {error}")
            if not is_free:
                continue
            try:
                yield url
            finally:
                client.flushdb()
            return
    pytest.skip(f"No Redis database is free at {REDIS}.")


S3_READY_SECONDS = 60


@dataclass(frozen=True)
class S3:
    """A server of a test's own that speaks S3, what a client needs to reach it, and an empty bucket on it."""

    environment: dict[str, str]
    bucket: str


@contextmanager
def running_s3(folder: Path) -> Iterator[S3]:
    """A real process on a free port of loopback; it keeps everything in its memory."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url, bucket = f"http://127.0.0.1:{port}", f"lethe-{secrets.token_hex(4)}"
    command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "s3.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + S3_READY_SECONDS
        while not _is_put(f"{url}/{bucket}"):
            assert time.monotonic() < deadline, (folder / "s3.log").read_text()
            time.sleep(0.1)
        given = {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "DEFAULT_REGION": "us-east-1"}
        yield S3({f"AWS_{name}": value for name, value in {**given, "ENDPOINT_URL": url}.items()}, bucket)
    finally:
        server.kill()
        server.wait()


def _is_put(url: str) -> bool:
    try:
        return httpx.put(url).is_success
    except httpx.TransportError:
        return False
