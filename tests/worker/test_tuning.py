"""The process that computes: what it is born with, and what it gives back."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.settings import Settings
from worker.runner import Runner
from worker.tuning import RUNNER_ENVIRONMENT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

FREED_AND_GIVEN_BACK = """
from pathlib import Path
from worker.tuning import give_back_freed_memory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1])

blocks = [bytearray(65_536) for _ in range(4_096)]
del blocks
kept = resident()
give_back_freed_memory()
print(kept, resident())
"""


def test_a_runner_is_born_with_its_environment_and_its_parent_keeps_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")  # what an admin sets stays
    before = dict(os.environ)
    runner = Runner(Settings(var_dir=tmp_path, device="cpu"), "host-1")
    try:
        runner.await_ready(60, lambda: False)  # before, it may not have its own environment yet
        given = Path(f"/proc/{runner.pid}/environ").read_text().split("\0")
    finally:
        runner.end()

    assert {f"{name}={value}" for name, value in {**RUNNER_ENVIRONMENT, "GOMP_SPINCOUNT": "7"}.items()} <= {
        *given
    }
    assert dict(os.environ) == before


def test_freed_memory_is_kept_until_it_is_given_back():
    done = subprocess.run(
        [sys.executable, "-c", FREED_AND_GIVEN_BACK],
        env=os.environ | RUNNER_ENVIRONMENT,
        stdout=subprocess.PIPE,
        check=True,
    )
    kept, left = map(int, done.stdout.split())

    assert kept > 2 * left
