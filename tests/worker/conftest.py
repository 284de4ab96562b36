"""Deployments for the worker's tests: embedded, and on real PostgreSQL and Redis."""

from collections.abc import Iterator

import pytest

from core.store.session import Store
from tests.plugins import catalogue_with
from tests.servers import PostgresServer, RedisServer, own_postgres, own_redis
from tests.services import fresh_postgres_url
from tests.worker.deployment import KINDS, Deployment, deployed


@pytest.fixture
def postgres_url() -> Iterator[str]:
    with fresh_postgres_url() as url:
        yield url


@pytest.fixture(params=KINDS)
def deployment(request, tmp_path, plugin_path) -> Iterator[Deployment]:
    """A deployment of the test's own, in which nothing runs yet."""
    with deployed(request, tmp_path, plugin_path) as new:
        yield new


@pytest.fixture(scope="module")
def postgres_server() -> Iterator[PostgresServer]:
    with own_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with own_redis() as server:
        yield server


@pytest.fixture(scope="module")
def fleet(tmp_path_factory, plugin_path, postgres_server, redis_server) -> Iterator[Deployment]:
    """Servers of its own, two schedulers, one of them minutes behind the time, and two workers."""
    folder = tmp_path_factory.mktemp("fleet")
    environment = {
        "LETHE_VAR_DIR": str(folder),
        "PYTHONPATH": str(plugin_path),
        "LETHE_DEVICE": "cpu",
        "LETHE_DATABASE_URL": postgres_server.url,
        "LETHE_BROKER_URL": redis_server.url,
    }
    store = Store(postgres_server.url)
    store.migrate()
    with catalogue_with(plugin_path) as catalogue:
        running = Deployment(store, catalogue, environment, folder)
        running.start("scheduler")
        running.start("scheduler", fault="clock-420")
        for worker in [running.start("worker"), running.start("worker")]:
            running.wait_for_worker(worker)
        yield running
        running.stop()
    store.engine.dispose()
