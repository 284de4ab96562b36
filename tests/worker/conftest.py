"""Deployments for the worker's tests: embedded, and on real PostgreSQL and Redis."""

from collections.abc import Iterator

import pytest

from core.store.session import Store
from tests.services import fresh_postgres_url, fresh_redis_url
from tests.worker.deployment import Deployment


@pytest.fixture
def postgres_url() -> Iterator[str]:
    with fresh_postgres_url() as url:
        yield url


@pytest.fixture
def redis_url() -> Iterator[str]:
    with fresh_redis_url() as url:
        yield url


@pytest.fixture(
    params=["embedded", pytest.param("fleet", marks=[pytest.mark.postgres, pytest.mark.redis])],
)
def deployment(request, tmp_path, plugin_path, catalogue) -> Iterator[Deployment]:
    environment = {"LETHE_VAR_DIR": str(tmp_path), "PYTHONPATH": str(plugin_path), "LETHE_DEVICE": "cpu"}
    url = f"sqlite:///{tmp_path / 'lethe.db'}"
    if request.param == "fleet":
        url = request.getfixturevalue("postgres_url")
        environment |= {"LETHE_DATABASE_URL": url, "LETHE_BROKER_URL": request.getfixturevalue("redis_url")}
    store = Store(url)
    store.migrate()
    running = Deployment(store, catalogue, environment, tmp_path)
    yield running
    running.stop()
    store.engine.dispose()
