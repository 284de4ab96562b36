"""The throw-away package in `tests/plugin/`, installed the way any package is."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.catalog import registry

PLUGIN = Path(__file__).parent / "plugin"


@pytest.fixture(scope="session")
def plugin_path(tmp_path_factory) -> Path:
    return install_plugin(tmp_path_factory.mktemp("build"), tmp_path_factory.mktemp("plugin"))


def install_plugin(build: Path, target: Path) -> Path:
    """Install it into the folder `target`, which is returned, by way of the folder `build`."""
    for source in PLUGIN.iterdir():
        if source.is_file():
            (build / source.name).write_bytes(source.read_bytes())
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*command, "--no-build-isolation", "--target", str(target), str(build)], check=True)
    return target


@pytest.fixture
def catalogue(plugin_path) -> Iterator[registry.Catalogue]:
    """The catalogue of an installation that has the package."""
    with catalogue_with(plugin_path) as found:
        yield found


@contextmanager
def catalogue_with(plugin_path: Path) -> Iterator[registry.Catalogue]:
    """The catalogue while the package is on the path."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(plugin_path))
        registry.installed.cache_clear()
        yield registry.installed()
    registry.installed.cache_clear()
