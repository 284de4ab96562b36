"""Migrated databases to copy: every migration takes as long as a test, and they are many."""

from collections.abc import Iterator

import pytest

from core.store.session import Store
from tests.services import fresh_postgres_url


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


def migrate(url: str) -> None:
    """Migrate a database, and leave no connection to it: then SQLite has written all into the one file."""
    store = Store(url)
    store.migrate()
    store.engine.dispose()
