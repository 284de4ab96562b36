"""The devices of this machine, by keys that mean the same in all its processes and containers."""

import os
import subprocess
import uuid
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # of the kernel, so of the host under any container
LIST_GPUS = ("nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader")
LIST_SECONDS = 30


def device_keys(wanted: str) -> list[str]:
    """The keys of the devices that a worker may take: GPUs by their UUID, else the machine itself.

    Args:
        wanted: `auto`, `cpu`, `cuda` or `cuda:N`, the N-th that CUDA_VISIBLE_DEVICES leaves.
    """
    if wanted == "cpu":
        return [machine_key()]
    gpus = _visible(_listed(), os.environ.get("CUDA_VISIBLE_DEVICES"))
    if wanted.startswith("cuda:"):
        number = int(wanted.removeprefix("cuda:"))
        gpus = gpus[number : number + 1]
    return gpus or [machine_key()]


def machine_key() -> str:
    """The key of this machine, for workers that compute on its CPU."""
    try:
        return f"host-{BOOT_ID.read_text().strip()}"
    except OSError:  # not Linux
        return f"host-{uuid.getnode():x}"


def is_gpu(key: str) -> bool:
    """Whether the key is a GPU's, and so a value for CUDA_VISIBLE_DEVICES."""
    return not key.startswith("host-")


def _listed() -> list[str]:
    """The UUIDs of all GPUs that the driver shows to this process."""
    try:
        done = subprocess.run(LIST_GPUS, capture_output=True, text=True, check=True, timeout=LIST_SECONDS)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip().startswith("GPU-")]


def _visible(gpus: list[str], shown: str | None) -> list[str]:
    """What CUDA_VISIBLE_DEVICES leaves: numbers, UUIDs or their beginnings, up to the first unknown word."""
    if shown is None:
        return gpus
    kept: list[str] = []
    for word in shown.split(","):
        name = word.strip()
        if name.isdecimal():
            found = gpus[int(name) : int(name) + 1]
        else:
            found = (
                [name] if name.startswith("MIG-") else [gpu for gpu in gpus if name and gpu.startswith(name)]
            )
        if not found:
            break
        kept += found
    return kept
