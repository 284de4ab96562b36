"""Deployments for the worker's tests: embedded, and on real PostgreSQL and Redis.

At the end of the run, a table says how long each injected fault was felt.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from core.store.session import Store
from tests.plugins import catalogue_with
from tests.servers import PostgresServer, RedisServer, own_postgres, own_redis
from tests.services import fresh_postgres_url, fresh_redis_url
from tests.worker.deployment import LEASE_SECONDS, Deployment

RECOVERY = "recovery"

Recovery = Callable[[str], AbstractContextManager[None]]


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


@pytest.fixture
def recovery(record_property) -> Recovery:
    """`with recovery("what happened"):` notes how long it takes until all is as it should be again."""

    @contextmanager
    def timed(fault: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        record_property(RECOVERY, (fault, time.monotonic() - started))

    return timed


def pytest_terminal_summary(terminalreporter) -> None:
    reports = [report for name in ("passed", "failed") for report in terminalreporter.stats.get(name, ())]
    noted = [value for report in reports for name, value in report.user_properties if name == RECOVERY]
    if noted:
        terminalreporter.section(f"recovery from faults, with a lease of {LEASE_SECONDS:g} s")
    for fault, seconds in noted:
        terminalreporter.write_line(f"{seconds:6.1f} s  {fault}")
