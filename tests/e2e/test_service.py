"""The embedded service at its edges: what people start twice, misplace or break."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from core.catalog.registry import installed
from tests.e2e.service import free_port, running_service

SPEC = {"settings": [{"dataset": "digits", "model": "toy_net"}], "unlearners": ["toy_noise"]}


def lethe(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "lethe", *arguments]
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120
    )


def test_a_second_service_on_the_same_var_directory_is_refused(tmp_path):
    with running_service(tmp_path):
        second = lethe("serve", LETHE_VAR_DIR=str(tmp_path), LETHE_PORT=str(free_port()))
    assert second.returncode == 2
    assert "Another Lethe service is running" in second.stderr


def test_a_second_service_on_the_same_port_is_refused(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        second = lethe("serve", LETHE_VAR_DIR=str(tmp_path), LETHE_PORT=str(port))
    assert second.returncode == 2
    assert f"Cannot listen on 127.0.0.1:{port}" in second.stderr


@pytest.mark.parametrize("command", ["api", "scheduler", "worker"])
def test_a_database_that_was_never_migrated_is_refused_with_what_to_do(tmp_path, command):
    refused = lethe(command, LETHE_VAR_DIR=str(tmp_path), LETHE_PORT=str(free_port()))
    assert refused.returncode == 2
    assert "lethe migrate" in refused.stderr


def test_a_var_directory_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    refused = lethe("serve", LETHE_VAR_DIR=str(tmp_path / "file" / "var"))
    assert refused.returncode == 2
    assert "cannot be written" in refused.stderr
    assert "LETHE_VAR_DIR" in refused.stderr


def test_the_command_line_says_when_nothing_answers(tmp_path):
    (tmp_path / "spec.json").write_text(json.dumps(SPEC))
    refused = lethe("submit", str(tmp_path / "spec.json"), "--url", f"http://127.0.0.1:{free_port()}")
    assert refused.returncode == 2
    assert "lethe serve" in refused.stderr


def test_a_plug_in_is_in_the_catalogue_in_a_job_and_on_the_board(tmp_path, plugin_path):
    assert "toy_noise" not in installed().unlearners
    (tmp_path / "spec.json").write_text(json.dumps(SPEC))
    with running_service(tmp_path, PYTHONPATH=str(plugin_path)) as url:
        catalog = httpx.get(f"{url}/api/v1/catalog").json()
        done = lethe("submit", str(tmp_path / "spec.json"), "--wait", "--url", url)
        followed = lethe("follow", done.stdout.split()[0], "--url", url)
        board = lethe("board", "--format", "csv", "--url", url)
    assert "toy_noise" in {unlearner["id"] for unlearner in catalog["unlearners"]}
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("Done: unlearn with toy_noise") == 3
    assert "15 of 15 units are done already." in followed.stdout
    assert "Done: " not in followed.stdout
    assert "toy_noise" in board.stdout


def test_a_run_without_a_service_writes_the_board_and_resumes(tmp_path, plugin_path):
    (tmp_path / "spec.json").write_text(json.dumps(SPEC))
    arguments = ("run", str(tmp_path / "spec.json"), "--out", str(tmp_path / "out"))
    first = lethe(*arguments, PYTHONPATH=str(plugin_path))
    written = (tmp_path / "out" / "results.json").read_text()
    second = lethe(*arguments, PYTHONPATH=str(plugin_path))

    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    assert "toy_noise" in first.stdout
    assert "unit_claimed" not in first.stdout + first.stderr
    assert (tmp_path / "out" / "results.json").read_text() == written
    assert {path.suffix for path in (tmp_path / "out").glob("indiscernibility.*")} == {
        ".csv",
        ".json",
        ".md",
        ".tex",
    }


@pytest.mark.parametrize("missing", ["spec.json", "nowhere/spec.json"])
def test_a_spec_that_is_not_there_is_named(tmp_path, missing):
    refused = lethe("run", str(tmp_path / missing))
    assert refused.returncode == 2
    assert Path(missing).name in refused.stderr


def test_a_missing_dataset_is_refused_before_anything_is_stored(tmp_path):
    spec = {"settings": [{"dataset": "mnist", "model": "resnet18"}], "unlearners": ["ft"]}
    with running_service(tmp_path, LETHE_DATA_DIR=str(tmp_path / "nothing")) as url:
        refused = httpx.post(f"{url}/api/v1/jobs", json=spec)
        stored = httpx.get(f"{url}/api/v1/jobs").json()["items"]
    assert refused.status_code == 422
    assert "train-images-idx3-ubyte" in refused.json()["errors"][0]["detail"]
    assert stored == []
