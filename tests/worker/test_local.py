"""`lethe run`: a job with no service, from its spec to files that say everything (real processes)."""

import contextlib
import csv
import hashlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from filelock import FileLock
from rich.console import Console

from core.plan import plan
from core.settings import Settings
from core.spec.job import parse_job_spec
from core.spec.resolve import resolve
from core.store import jobs, units
from core.store.session import Store
from core.store.states import FailureClass, UnitState
from worker.local import job_weights, run_here

SPEC = {
    "settings": [{"dataset": "digits", "model": "toy_net"}],
    "unlearners": ["toy_noise"],
    "model_seeds": [0, 1],
    "sweep": {"seeds": [0], "trials": 6},
}


Start = Callable[..., "subprocess.Popen[str]"]


def starting(folder: Path, plugin_path: Path) -> Start:
    """What starts a run of a spec, into the folder's `out`."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(plugin_path),
        "OMP_NUM_THREADS": "1",
        "LETHE_DEVICE": "cpu",
    }

    def start(spec: dict[str, object] = SPEC, *, stdout: int = subprocess.PIPE) -> "subprocess.Popen[str]":
        (folder / "spec.json").write_text(json.dumps(spec))
        command = [sys.executable, "-m", "lethe", "run", str(folder / "spec.json")]
        command += ["--out", str(folder / "out")]
        return subprocess.Popen(command, env=environment, text=True, stdout=stdout, stderr=subprocess.STDOUT)

    return start


@pytest.fixture
def run(tmp_path, plugin_path) -> Start:
    return starting(tmp_path, plugin_path)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, plugin_path) -> tuple[str, Path]:
    """What a run of `SPEC` told, and its folder, which tests copy before they change it."""
    folder = tmp_path_factory.mktemp("finished")
    process = starting(folder, plugin_path)()
    told, _ = process.communicate(timeout=200)
    assert process.returncode == 0, told
    return told, folder / "out"


@pytest.fixture(scope="module")
def killed(tmp_path_factory, plugin_path) -> Path:
    """The folder of a run of `SPEC` that was killed in its sweep, to be copied."""
    folder = tmp_path_factory.mktemp("killed")
    kill_at(starting(folder, plugin_path)(), "trial 2 of 6")
    return folder / "out"


def kill_at(process: "subprocess.Popen[str]", text: str) -> None:
    """Kill a run as soon as it says so; afterwards its runner, which has the same output, is dead too."""
    assert any(text in line for line in process.stdout)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def done_trials(out: Path) -> int:
    """How many trials have been done, of whichever spec."""
    with Store(f"sqlite:///{out / 'lethe.db'}").read() as session:
        stages = [job.stages.get("trial") for job in jobs.list_jobs(session, limit=10)]
    return sum(stage.counts[UnitState.DONE] for stage in stages if stage)


def test_a_run_leaves_boards_results_trials_and_a_manifest_of_them(finished):
    told, out = finished

    assert "Done: try toy_noise, trial 6 of 6" in told
    manifest = json.loads((out / "manifest.json").read_text())
    for name, file in manifest["files"].items():
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == file["sha256"], name
    assert manifest["spec"]["unlearners"][0]["id"] == "toy_noise"
    trials = rows(out / "trials.csv")
    assert [int(trial["index"]) for trial in trials] == list(range(6))
    assert {trial["provenance.device_type"] for trial in trials} == {"cpu"}
    assert {trial["provenance.precision"] for trial in trials} == {"fp32"}
    best = min(trials, key=lambda trial: float(trial["score"]))
    final = next(row for row in rows(out / "results.csv") if row["unlearner"] == "toy_noise")
    assert final["hyperparameters.sigma"] == best["hyperparameters.sigma"]
    assert float(final["metrics.retention_deviation"]) >= 0
    fresh = next(row for row in rows(out / "fresh_seeds.csv") if row["label"] == "toy_noise")
    finals = {row["model_seed"]: row for row in rows(out / "results.csv") if row["unlearner"] == "toy_noise"}
    assert (fresh["metric"], fresh["seeds"]) == ("retention_deviation", "1")
    assert fresh["mean"] == finals["1"]["metrics.retention_deviation"]  # the sweep looked at seed 0
    for row in (*trials, final):
        assert (row["dataset"], row["model"], row["precision"]) == ("digits", "toy_net", "fp32")
        assert (row["forget.rule"], row["forget.fraction"]) == ("random", "0.1")
        assert row["setting_id"] in manifest["settings"]


def test_a_terminal_is_told_which_unit_is_in_hand_from_its_claim_on(run):
    ours, childs = pty.openpty()
    process = run(stdout=childs)
    os.close(childs)
    told = b""
    with contextlib.suppress(OSError):  # how the terminal says that nobody writes to it any more
        while read := os.read(ours, 65536):
            told += read
    os.close(ours)

    assert process.wait(200) == 0
    named = re.search(r"seed 0: train the \w+ model - starting .*? (\d+)/\d+", told.decode())
    assert named
    assert named[1] == "0"


def test_a_killed_run_goes_on_where_it_was(killed, run, tmp_path):
    copytree(killed, tmp_path / "out")

    second = run()
    told, _ = second.communicate(timeout=200)

    assert second.returncode == 0, told
    assert "trial 1 of 6" not in told
    assert "trial 6 of 6" in told
    assert len(rows(tmp_path / "out" / "trials.csv")) == 6


def test_a_unit_that_had_failed_when_a_run_goes_on_is_no_work_that_is_left(
    migrated_sqlite, catalogue, tmp_path
):
    (tmp_path / "lethe.db").write_bytes(migrated_sqlite)
    store = Store(f"sqlite:///{tmp_path / 'lethe.db'}")
    spec = parse_job_spec(json.dumps({**SPEC, "sweep": None}).encode())
    resolved = resolve(spec, catalogue)
    planned = plan(resolved)

    with store.write() as session:
        job_id = jobs.submit(session, spec, resolved, planned, actor="test")
        before = job_weights(session, job_id, planned, done=set())
        lease = units.claim(session, "gpu", "worker", 60)
        units.fail(session, lease, owner="worker", failure=FailureClass.USER_CODE, error="It broke.")
        lost = units.failed_units(session, job_id)
        after = job_weights(session, job_id, planned, done=set())
    store.engine.dispose()

    assert lost
    assert before.total - after.total == pytest.approx(sum(before.of(unit.id, "any") for unit in lost))


def test_a_run_leaves_what_another_spec_left_behind_for_a_later_run_of_that_spec(killed, run, tmp_path):
    copytree(killed, tmp_path / "out")

    before = done_trials(tmp_path / "out")
    other = run({**SPEC, "unlearners": ["ft"], "sweep": None})
    told, _ = other.communicate(timeout=200)
    assert other.returncode == 0, told
    assert "unlearn with ft" in told
    assert done_trials(tmp_path / "out") == before

    again = run()
    told, _ = again.communicate(timeout=200)
    assert again.returncode == 0, told
    assert "Done: train the" not in told  # by the first run, and shared by both
    assert "trial 1 of 6" not in told
    assert "trial 6 of 6" in told
    assert len(rows(tmp_path / "out" / "trials.csv")) == 6


def test_a_newer_version_computes_anew_what_it_has_changed(tmp_path, plugin_path, catalogue, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(plugin_path))
    spec = json.dumps({**SPEC, "unlearners": ["ft"], "model_seeds": [0], "sweep": None}).encode()
    told = StringIO()

    def start() -> None:
        settings, console = Settings(device="cpu"), Console(file=told, width=200)
        assert run_here(spec, settings, out=tmp_path / "out", console=console) == 0

    start()
    (before,) = [found for found in results(tmp_path / "out") if found["unlearner"] == "ft"]
    monkeypatch.setattr("core.plan.EVALUATION_REVISION", 1_000)
    start()

    (after,) = [found for found in results(tmp_path / "out") if found["unlearner"] == "ft"]
    assert after["unit_id"] != before["unit_id"]
    assert board_rows(tmp_path / "out")["ft"]["rank"] == 1
    assert told.getvalue().count("Done: train the") == 2  # the models are those of before


def test_files_of_another_spec_that_a_run_does_not_have_are_taken_away(finished, run, tmp_path):
    copytree(finished[1], tmp_path / "out")
    (tmp_path / "out" / "notes.txt").write_text("mine")
    assert (tmp_path / "out" / "trials.csv").is_file()

    process = run({**SPEC, "unlearners": ["ft"], "sweep": None})
    told, _ = process.communicate(timeout=200)
    assert process.returncode == 0, told

    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"results.csv", "notes.txt"} <= names
    assert not {"trials.csv", "trials.json", "fresh_seeds.csv"} & names


def test_a_service_keeps_its_folder(run, tmp_path):
    settings = Settings(var_dir=tmp_path / "out")
    settings.var_dir.mkdir()
    with FileLock(settings.service_lock):
        pass  # as a service leaves it that has ended

    told, _ = run().communicate(timeout=60)

    assert "is a Lethe service's. Choose another --out." in told
    assert not (settings.var_dir / "lethe.db").exists()


def board_rows(out: Path) -> dict[str, dict[str, object]]:
    board = json.loads((out / "retention_deviation.json").read_text())
    return {row["label"]: row for row in board["rows"]}


def results(out: Path) -> list[dict[str, Any]]:
    return json.loads((out / "results.json").read_text())


def test_a_method_without_a_winner_is_told_as_such_with_the_reason(run):
    sweep = {"seeds": [0], "trials": 2}
    told, _ = run({**SPEC, "unlearners": ["toy_raiser"], "model_seeds": [0], "sweep": sweep}).communicate(
        timeout=200
    )

    raised, why = "RuntimeError: it never works", "no trial of the sweep gave a finite score"
    assert f"No finite score: try toy_raiser, trial 2 of 2 (seed 0): {raised}" in told
    assert f"No winner: choose hyperparameters for toy_raiser (seed 0): {why}." in told
    assert f"No usable model: unlearn with toy_raiser (seed 0): {why}." in told
    assert "toy_raiser" not in "".join(line for line in told.splitlines() if line.startswith("Done"))


def test_the_board_of_a_run_has_all_that_it_asked_for_and_says_what_the_protocol_does_not_rank(run, tmp_path):
    sizes = [
        {"rule": "hard", "fraction": 0.1},
        {"rule": "sequence", "steps": [{"count": 60}, {"fraction": 0.03}]},
    ]
    spec = {
        "settings": [{"dataset": "digits", "model": "toy_net", "forget": size} for size in sizes],
        "unlearners": ["toy_raiser", "ft", {"id": "toy_noise", "hyperparameters": {"sigma": 0.002}}],
        "model_seeds": [0],
    }
    process = run(spec)
    told, _ = process.communicate(timeout=200)

    rows = board_rows(tmp_path / "out")
    assert {row["coverage"] for row in rows.values()} == {"3/3"}
    assert rows["toy_raiser"]["failed"] == 3
    finals = [row for row in results(tmp_path / "out") if row["unlearner"] == "ft"]
    assert [row["forget"]["step"] for row in finals] == [None, 0, 1]
    assert rows["ft"]["rank"]
    assert rows["toy_noise"]["rank"]
    columns = json.loads((tmp_path / "out" / "indiscernibility.json").read_text())["settings"]
    floors = {
        row["forget"]["step"]: row["metrics"]["indiscernibility_floor_test"]
        for row in results(tmp_path / "out")
        if row["unlearner"] == "retrained"
    }
    assert {column["forget"]["step"]: column["indiscernibility_floor"] for column in columns} == floors
    assert [step for step, floor in floors.items() if floor is None] == [None]  # by loss, not at random
    table = (tmp_path / "out" / "retention_deviation.tex").read_text()
    places = ["10 \\% of highest loss", "60 samples at random, step 1"]
    places += ["3 \\% at random, step 2 after 60 samples at random"]
    assert all(f"digits/toy\\_net, {place}" in table for place in places)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert "toy_noise with given hyperparameters" in manifest["unranked_by_protocol"]
    assert "digits/toy_net with 10 % of highest loss" in told
    assert "what lacks model seeds 1, 2" in told
