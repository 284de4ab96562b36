"""`docs/api.md`: every example of it runs, against a real service, and the client knows every operation."""

import hashlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest

import lethe
from api.client import Client, RequestRefused
from api.commands.asking import console
from api.main import openapi_document
from core.outcome import LogLine
from core.store import keys, unit_logs, units
from core.store.keys import Scope
from core.store.session import Store
from tests.api.steps import SPEC, work
from tests.e2e.service import await_ready, free_port

PAGE = (Path(__file__).parent.parent / "docs" / "api.md").read_text()
OTHER = {**SPEC, "model_seeds": [77]}  # a job that waits: no worker runs here
ADDRESS = "http://127.0.0.1:8000"


def examples(text: str) -> dict[str, list[tuple[str, str]]]:
    """The fenced examples of each section, as their language and text."""
    sections = re.split(r"^## ", text, flags=re.MULTILINE)
    fence = re.compile(r"^```(sh|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return {section.partition("\n")[0]: fence.findall(section) for section in sections}


PREAMBLE, *_ = examples(PAGE).values()
SECTIONS = {title: found for title, found in examples(PAGE).items() if title != "# The API, from three sides"}
SAID = {  # what each side's answer has in it, whichever it is
    "Estimate": "18",
    "Submit": "job_",
    "List": "job_",
    "Follow": "units are done",
    "Logs": "Epoch 1 of 2",
    "Results": "ga",
    "Board": "ga",
    "Export": "digits,resnet18",
    "Cancel and retry": "queued",
    "Webhooks": "webhook.test",
    "Keys": "ana",
}


@dataclass
class Reader:
    """Somebody who tries out the page: a service, a finished job, a webhook, and what was said so far."""

    url: str
    store: Store
    environment: dict[str, str]
    folder: Path
    names: dict = field(default_factory=dict)

    @property
    def client(self) -> Client:
        return Client(self.url, self.environment["LETHE_KEY"])

    def run(self, language: str, text: str) -> str:
        """What an example prints; it fails where the example does."""
        text = text.replace(ADDRESS, self.url)
        if language == "python":
            return self._python(text)
        return self._lethe(text) if text.startswith("lethe") else self._shell(text)

    def _shell(self, text: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            env={**os.environ, **self.environment},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _lethe(self, text: str) -> str:
        """The command line in this process: a new one for every line would take most of a minute."""
        said = StringIO()
        for line in text.splitlines():
            _, *words = (os.path.expandvars(word) for word in shlex.split(line))
            with redirect_stdout(said):
                assert lethe.main(words) == 0, line
        return said.getvalue()

    def _python(self, text: str) -> str:
        with redirect_stdout(said := StringIO()):
            exec(compile(text, "docs/api.md", "exec"), self.names)
        return said.getvalue()


@pytest.fixture(scope="module")
def reader(tmp_path_factory) -> Iterator[Reader]:
    folder = tmp_path_factory.mktemp("service")
    store = Store(f"sqlite:///{folder / 'lethe.db'}")
    store.migrate()
    with store.write() as session:
        key = keys.create_key(session, name="ana", owner="ana", scope=Scope.ADMIN, days=1)
    (folder / "spec.json").write_text(re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)[1])
    environment = {"LETHE_VAR_DIR": str(folder), "LETHE_PORT": str(free_port()), "LETHE_KEY": key}
    url = f"http://127.0.0.1:{environment['LETHE_PORT']}"
    with (folder / "api.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "lethe", "api"], env={**os.environ, **environment}, stdout=log, stderr=log
        )
    try:
        await_ready(process, url, folder / "api.log")
        yield Reader(url, store, environment, folder)
    finally:
        process.terminate()
        process.wait(timeout=30)
        store.engine.dispose()


@pytest.fixture
def page(reader, monkeypatch) -> Reader:
    """The reader with a finished job, or where it is to be stopped, one that waits."""
    with reader.client as client:
        reader.environment["JOB"] = client.submit_job(SPEC).id
        reader.environment["HOOK"] = client.create_webhook("https://hooks.example/").id
    for name, value in reader.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(console, "width", 200)
    monkeypatch.chdir(reader.folder)
    yield reader
    if "client" in reader.names:
        reader.names.pop("client").close()
    with reader.client as client:
        for hook in client.list_webhooks().items:
            client.delete_webhook(hook.id)


def log_and_work(store: Store) -> None:
    """Finish every unit that can start, as a worker would that logs a line at first."""
    with store.write() as session:
        if lease := units.claim(session, "gpu", "worker", 60):
            unit_logs.append_lines(
                session, lease, [LogLine(datetime.now(UTC), "info", "Epoch 1 of 2.", {"epoch": 1})]
            )
            units.give_back(session, lease, owner="worker", reason="drained", text="It goes on.")
    work(store)


def test_every_section_shows_three_sides_and_what_they_say_is_known():
    assert {title: [language for language, _ in found] for title, found in SECTIONS.items()} == {
        title: ["sh", "sh", "python"] for title in SAID
    }


@pytest.mark.parametrize("title", SAID)
def test_every_example_runs_and_its_sides_say_the_same(page, title):
    if title != "Cancel and retry":
        log_and_work(page.store)
    for language, text in PREAMBLE:
        page.run(language, text)
    for language, text in SECTIONS[title]:
        if title == "Cancel and retry":
            with page.client as client:
                os.environ["JOB"] = page.environment["JOB"] = page.names["job_id"] = client.submit_job(
                    OTHER
                ).id
        assert SAID[title] in page.run(language, text), text


def test_every_operation_is_a_method_of_the_client(page):
    operations = {
        re.sub(r"([A-Z])", lambda found: f"_{found[1].lower()}", operation["operationId"])
        for path in openapi_document()["paths"].values()
        for operation in path.values()
    }
    assert {name for name in operations if not hasattr(Client, name)} == set()


def test_what_the_page_has_no_example_of_is_read_too(page):
    log_and_work(page.store)
    with page.client as client:
        (setting,) = client.list_settings(protocol="quick/1.0").items
        result = next(client.list_results(setting=setting.id, unlearner="ga"))
        job, unit = page.environment["JOB"], next(client.list_job_units(page.environment["JOB"]))
        assert client.get_result(result.id).unlearner == "ga"
        assert client.wait_for_end(job).state == "succeeded"
        assert client.get_unit_logs(job, unit.id).items[0].unit_id == unit.id
        assert page.environment["JOB"] in {job.id for job in client.list_jobs()}
        assert list(client.list_job_trials(job)) == client.list_job_attacks(job).items == []
        frozen, is_new = client.create_snapshot(protocol="quick/1.0")
        assert is_new
        assert client.get_snapshot(frozen.id).content.results
        assert hashlib.sha256(client.get_snapshot_content(frozen.id)).hexdigest() == frozen.sha256
        assert not client.get_snapshot_diff(frozen.id).boards[0].moved
        assert frozen.id in {snapshot.id for snapshot in client.list_snapshots()}
        assert client.list_attacks(setting.id).items == []
        with pytest.raises(RequestRefused, match="no attack"):
            client.get_attacks(setting.id, "ga")
        assert client.get_leaderboard_uncertainty(protocol="quick/1.0").rows
        assert client.get_leaderboard_sensitivity(protocol="quick/1.0")
        assert client.list_leaderboard_claims(protocol="quick/1.0")
        assert client.get_leaderboard_paper(protocol="quick/1.0")
        assert "<svg" in client.get_badge("ga")
        assert "digits" in {dataset.id for dataset in client.get_catalog().datasets}
        assert client.list_workers().items == []
        assert client.get_queue().running == 0
        assert client.get_health() == client.get_readiness()
        assert "lethe_units" in client.get_metrics()


def test_commands_that_the_page_has_no_example_of_work_too(page):
    log_and_work(page.store)
    job, hook = page.environment["JOB"], page.environment["HOOK"]
    assert job in page.run("sh", "lethe jobs")
    assert "Epoch 1 of 2. epoch=1" in page.run("sh", "lethe logs $JOB --follow")
    with page.client as client:
        unit = client.get_job_logs(job, tail=1).items[0].unit_id
    assert "Epoch 1 of 2" in page.run("sh", f"lethe logs $JOB --unit {unit}")
    assert hook in page.run("sh", "lethe webhooks list")
    assert "is deleted" in page.run("sh", "lethe webhooks delete $HOOK")


def test_a_refusal_says_all_that_the_service_said(page):
    with page.client as client, pytest.raises(RequestRefused, match="Did you mean 'ga'") as refusal:
        client.submit_job({**SPEC, "unlearners": ["gaa"]})
    assert refusal.value.code == "invalid_spec"
