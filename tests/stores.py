"""Migrated databases to copy, or to use one test after the other: to make one takes as long as a test, and
tests are many.
"""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from core.store.schema import Table
from core.store.session import Store
from tests.services import fresh_postgres_url

OTHERS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
EMPTY_TABLE = sql.SQL(
    "ALTER TABLE {0} DISABLE TRIGGER USER; DELETE FROM {0}; ALTER TABLE {0} ENABLE TRIGGER USER"
)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory) -> bytes:
    """The file of an empty, migrated database."""
    path = tmp_path_factory.mktemp("migrated") / "lethe.db"
    migrate(f"sqlite:///{path}")
    return path.read_bytes()


@pytest.fixture(scope="session")
def migrated_postgres() -> Iterator[str]:
    """The URL of an empty, migrated database, to which nobody may connect: it is copied."""
    with fresh_postgres_url() as url:
        migrate(url)
        yield url


@pytest.fixture(scope="session")
def lasting_postgres(migrated_postgres) -> Iterator[str]:
    """The URL of a migrated database that `empty_postgres` gives to one test after the other."""
    with fresh_postgres_url(migrated_postgres) as url:
        yield url


@pytest.fixture
def empty_postgres(lasting_postgres) -> Iterator[str]:
    """The URL of an empty, migrated database: emptied after each test, which takes milliseconds, where
    PostgreSQL takes tenths of a second to make a database and to drop it.
    """
    yield lasting_postgres
    with psycopg.connect(lasting_postgres.replace("+psycopg", "")) as connection:
        connection.execute(f"SELECT pg_terminate_backend(pid) FROM ({OTHERS}) AS others")
        for table in reversed(Table.metadata.sorted_tables):
            connection.execute(EMPTY_TABLE.format(sql.Identifier(table.name)))
        connection.execute("SELECT setval(oid, 1, false) FROM pg_class WHERE relkind = 'S'")


def migrate(url: str) -> None:
    """Migrate a database, and leave no connection to it: then SQLite has written all into the one file."""
    store = Store(url)
    store.migrate()
    store.engine.dispose()
