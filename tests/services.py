"""Databases and queues of a test's own on the servers of this machine; a test skips only where a server is
absent.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
import redis
from psycopg import sql

POSTGRES = os.environ.get("LETHE_TEST_POSTGRES", "postgresql://127.0.0.1:5432/postgres")
REDIS = os.environ.get("LETHE_TEST_REDIS", "redis://127.0.0.1:6379")


@contextmanager
def fresh_postgres_url() -> Iterator[str]:
    """The SQLAlchemy URL of a new, empty database, dropped at the end."""
    name = f"lethe_test_{secrets.token_hex(6)}"
    try:
        admin = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        pytest.skip(f"PostgreSQL is not running at {POSTGRES}: {error}")
    with admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
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
