"""Back up and restore, by the very commands of docs/operating.md."""

import re
import shutil
import subprocess

import pytest
import torch
from starlette.testclient import TestClient

from api.main import create_app
from core.artifacts import ArtifactStore
from core.settings import Settings
from core.store.session import ROOT, Store
from tests.api.steps import JOBS, SPEC, work
from tests.deployment.test_compose import SERVICES
from tests.services import HERE, fresh_postgres_url

MANUAL = (ROOT / "docs" / "operating.md").read_text()
IN_CONTAINER = "docker compose exec -T postgres "
IN_API = "docker compose run --rm --no-deps -T api "
DATABASE = "--username=lethe --dbname=lethe"


def commands(kind: str, tool: str) -> str:
    """The manual's commands of this kind that use a tool."""
    (found,) = [text for text in re.findall(rf"```{kind}\n(.+?)```", MANUAL, re.DOTALL) if tool in text]
    return found


def run(script: str, folder) -> None:
    done = subprocess.run(["/bin/sh", "-ec", script], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def board(settings: Settings) -> dict:
    """The leaderboard and the jobs that a service on this database shows."""
    store = Store(settings.database)
    store.require_current()
    store.engine.dispose()
    with TestClient(create_app(settings), base_url=HERE) as client:
        shown = {path: client.get(path).json() for path in ("/api/v1/leaderboard", JOBS)}
    assert shown["/api/v1/leaderboard"]["rows"]
    assert shown[JOBS]["items"]
    return shown


def fill(settings: Settings) -> None:
    """A finished job."""
    store = Store(settings.database)
    store.migrate()
    with TestClient(create_app(settings), base_url=HERE) as client:
        client.post(JOBS, json=SPEC).raise_for_status()
    work(store)
    store.engine.dispose()


def needs(*tools: str) -> None:
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed.")


@pytest.mark.postgres
def test_a_restored_postgresql_database_shows_the_same_board(tmp_path):
    needs("pg_dump", "pg_restore")

    def on(url: str, script: str) -> str:
        return script.replace(IN_CONTAINER, "").replace(DATABASE, f"--dbname={url.replace('+psycopg', '')}")

    with fresh_postgres_url() as old, fresh_postgres_url() as new:
        before = Settings(var_dir=tmp_path, database_url=old)
        fill(before)
        run(on(old, commands("backup", "pg_dump")), tmp_path)
        run(on(new, commands("restore", "pg_restore")), tmp_path)

        assert board(Settings(var_dir=tmp_path, database_url=new)) == board(before)


def test_a_restored_embedded_database_shows_the_same_board(tmp_path):
    needs("sqlite3")
    settings = Settings(var_dir=tmp_path / "var")
    fill(settings)
    before = board(settings)
    run(commands("backup", "sqlite3"), tmp_path)
    shutil.rmtree(tmp_path / "var")
    (tmp_path / "var").mkdir()

    run(commands("restore", "lethe.backup"), tmp_path)

    assert board(settings) == before


def test_restored_artifacts_are_whole(tmp_path):
    needs("tar")
    place = "/var/lib/lethe/artifacts"
    assert SERVICES["api"]["volumes"] == [f"artifacts:{place}"]
    (text,) = re.findall(r"```artifacts\n(.+?)```", MANUAL, re.DOTALL)
    backup, restore = text.replace(IN_API, "").replace(place, str(tmp_path / "artifacts")).splitlines()
    store = ArtifactStore(tmp_path / "artifacts")
    store.write("ab" * 32, tensors={"model": {"weight": torch.ones(3)}}, record={"is_usable": True})

    run(backup, tmp_path)
    shutil.rmtree(tmp_path / "artifacts")
    (tmp_path / "artifacts").mkdir()
    run(restore, tmp_path)

    assert store.read_record("ab" * 32) == {"is_usable": True}
    assert torch.equal(store.read_tensors("ab" * 32, "model")["weight"], torch.ones(3))
