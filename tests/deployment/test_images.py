"""The Dockerfiles: that they can be built from a checkout, and that what they build works.

No Docker is needed; `tests/deployment/images.py` says how they are replayed, and what is left out.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from core.store.session import ROOT
from tests.deployment.images import (
    NEEDS_ROOT,
    Image,
    copied_from_the_checkout,
    replay,
    sent_to_the_builder,
    steps,
)
from tests.e2e.service import await_ready, free_port
from tests.services import fresh_postgres_url

DOCKERFILES = ("Dockerfile.api", "Dockerfile.worker")
each_dockerfile = pytest.mark.parametrize("name", DOCKERFILES)


@each_dockerfile
def test_everything_that_is_copied_exists_and_reaches_the_builder(name, tmp_path):
    sent = sent_to_the_builder()
    for step in steps(name, tmp_path):
        for source in copied_from_the_checkout(step) if step.instruction == "COPY" else []:
            assert any(path == source or path.startswith(f"{source}/") for path in sent), source


def test_the_builder_gets_no_secrets_no_data_and_nothing_that_it_makes_itself():
    sent = sent_to_the_builder()
    unwanted = r"^(\.|var/|tests/|docs/|frontend/(node_modules|dist)/)|__pycache__|egg-info"
    assert [path for path in sent if re.search(unwanted, path)] == []


@each_dockerfile
def test_what_is_shipped_carries_no_tools_and_runs_as_a_user(name, tmp_path):
    found = steps(name, tmp_path)
    shipped = [step for step in found if step.stage == found[-1].stage]
    assert [step.value for step in shipped if step.instruction == "USER"] == ["10001"]
    runs = [step.value for step in shipped if step.instruction == "RUN"]
    assert all(run.startswith(f"{NEEDS_ROOT}--uid 10001 ") for run in runs)


@each_dockerfile
def test_both_images_are_made_on_a_python_that_lethe_supports(name):
    version = re.search(r"^ARG PYTHON=3\.(\d+)$", (ROOT / name).read_text(), re.MULTILINE)
    assert int(version[1]) >= 11


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.timeout(600)
def test_the_apis_image_serves_the_page_and_the_api_without_torch(tmp_path):
    image = replay("Dockerfile.api", tmp_path)

    assert image.run("python -c 'import importlib.util as u; print(u.find_spec(\"torch\"))'") == "None\n"
    with fresh_postgres_url() as database, serving(image, database) as url:
        assert httpx.get(f"{url}/healthz").status_code == 200
        assert "<title>Lethe" in httpx.get(url).text
        assert httpx.get(f"{url}/api/v1/workers").is_success
        image.run("lethe alive api")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_workers_image_trains_unlearns_and_evaluates(tmp_path, plugin_path):
    image = replay("Dockerfile.worker", tmp_path)
    document = {
        "settings": [{"dataset": "digits", "model": "toy_net"}],
        "unlearners": ["ft"],
        "model_seeds": [0],
    }
    (tmp_path / "spec.json").write_text(json.dumps(document))
    image.environment["PYTHONPATH"] = str(plugin_path)

    image.run(f"lethe run {tmp_path / 'spec.json'} --out {tmp_path / 'out'}")

    assert image.command == ["lethe", "worker"]
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert {result["unlearner"] for result in results} == {"original", "retrained", "ft"}


@contextmanager
def serving(image: Image, database: str) -> Iterator[str]:
    """The image's command, on a loopback address: that needs no key."""
    port = free_port()
    image.environment |= {"LETHE_DATABASE_URL": database, "LETHE_PORT": str(port)}
    image.run("lethe migrate")
    log = image.root / "api.log"
    with log.open("wb") as file:
        command = [image.root / "venv/bin" / image.command[0], *image.command[1:]]
        process = subprocess.Popen(command, cwd=image.folder, env=image.environment, stdout=file, stderr=file)
    try:
        await_ready(process, f"http://127.0.0.1:{port}", log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)
