"""The API on a database of the test's own, SQLite and PostgreSQL."""

from collections.abc import Iterator

import pytest
from sqlalchemy import event
from starlette.testclient import TestClient

from api.main import create_app
from core.settings import Settings
from core.store.session import Store
from tests.services import HERE, fresh_postgres_url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def settings(request, tmp_path) -> Iterator[Settings]:
    if request.param == "sqlite":
        yield Settings(var_dir=tmp_path, page_dir=tmp_path / "no-page")
        return
    with fresh_postgres_url() as url:
        yield Settings(var_dir=tmp_path, page_dir=tmp_path / "no-page", database_url=url)


@pytest.fixture
def store(settings) -> Iterator[Store]:
    store = Store(settings.database)
    store.migrate()
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
