"""A process's sign of life."""

import os
import time

import pytest

from core.errors import DeploymentInvalid
from core.pulse import beat_pulse, require_pulse


def test_a_process_that_has_just_beaten_is_alive(tmp_path):
    beat_pulse(tmp_path / "new", "worker")

    require_pulse(tmp_path / "new", "worker", within_seconds=30)


def test_a_process_that_never_was_is_not_alive(tmp_path):
    beat_pulse(tmp_path, "scheduler")

    with pytest.raises(DeploymentInvalid, match="No worker"):
        require_pulse(tmp_path, "worker", within_seconds=30)


def test_a_silent_process_is_not_alive(tmp_path):
    beat_pulse(tmp_path, "worker")
    long_ago = time.time() - 100
    os.utime(tmp_path / "worker.pulse", (long_ago, long_ago))

    with pytest.raises(DeploymentInvalid, match="silent for 100 s"):
        require_pulse(tmp_path, "worker", within_seconds=30)
