"""Deployments for the worker's tests: embedded, and on real PostgreSQL and Redis."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.catalog import registry
from core.store.session import Store
from tests.services import fresh_postgres_url, fresh_redis_url
from tests.worker.deployment import Deployment

PLUGIN = Path(__file__).parent.parent / "plugin"


@pytest.fixture(scope="session")
def plugin_path(tmp_path_factory) -> Path:
    """The throw-away package, installed the way any package is."""
    build, target = tmp_path_factory.mktemp("build"), tmp_path_factory.mktemp("plugin")
    for source in PLUGIN.iterdir():
        if source.is_file():
            (build / source.name).write_bytes(source.read_bytes())
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*command, "--no-build-isolation", "--target", str(target), str(build)], check=True)
    return target


@pytest.fixture
def catalogue(plugin_path, monkeypatch) -> Iterator[registry.Catalogue]:
    """The catalogue of an installation that has the package."""
    monkeypatch.syspath_prepend(str(plugin_path))
    registry.installed.cache_clear()
    yield registry.installed()
    registry.installed.cache_clear()


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
