"""Where a number comes from: versions, device and determinism of the process that computed it."""

import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

BUILT_FROM = "REVISION"  # a file that Dockerfile.worker writes
PACKAGES = ("lethe", "torch", "torchvision", "timm", "numpy", "scikit-learn")


def provenance(device: torch.device) -> dict[str, Any]:
    """What a result's record carries besides its own spec, as plain JSON."""
    return {
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        "git_revision": _git_revision(),
        "device": device_name(device),
        "device_type": device.type,
        "num_threads": torch.get_num_threads(),
        "is_deterministic": torch.backends.cudnn.deterministic,
        "rounds_to_tf32": torch.backends.cudnn.allow_tf32 or torch.backends.cuda.matmul.allow_tf32,
    }


@cache
def device_name(device: torch.device) -> str:
    """The device in words: what run times may be compared on."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{_cpu_model()}, {torch.get_num_threads()} threads"


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


@cache
def _git_revision() -> str | None:
    """The revision that this code is of: what an image was built from, else that of the checkout; None where
    there is neither.
    """
    here = Path(__file__).parent
    if (built := here / BUILT_FROM).is_file():
        return built.read_text().strip() or None
    command = ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
