"""The API on a database of the test's own, SQLite and PostgreSQL."""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from sqlalchemy import event
from starlette.testclient import TestClient

from api.main import create_app
from core.settings import Settings
from core.store.session import Store
from tests.services import HERE, fresh_postgres_url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request) -> str:
    """Which database the service is on."""
    return request.param


@pytest.fixture
def settings(request, database, tmp_path) -> Settings:
    """Those of a service whose database is migrated and empty."""
    if database == "postgres":
        return settings_of(tmp_path, request.getfixturevalue("empty_postgres"))
    (tmp_path / "lethe.db").write_bytes(request.getfixturevalue("migrated_sqlite"))
    return settings_of(tmp_path)


@pytest.fixture
def unmigrated(database, tmp_path) -> Iterator[Settings]:
    """Those of a service whose database has never been migrated."""
    with nullcontext("") if database == "sqlite" else fresh_postgres_url() as url:
        yield settings_of(tmp_path, url)


def settings_of(folder: Path, url: str = "") -> Settings:
    return Settings(var_dir=folder, page_dir=folder / "no-page", database_url=url)


@pytest.fixture
def store(settings) -> Iterator[Store]:
    store = Store(settings.database)
    yield store
    store.engine.dispose()


@pytest.fixture
def client(settings, store) -> Iterator[TestClient]:
    with TestClient(create_app(settings), raise_server_exceptions=False, base_url=HERE) as client:
        yield client


@pytest.fixture
def statements(client) -> Iterator[list[str]]:
    """The SQL that the API runs from here on, but for what opens a transaction."""
    engine = client.app.state.store.engine
    found: list[str] = []

    def note(_connection, _cursor, statement, *_):
        if statement != "BEGIN":
            found.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)
