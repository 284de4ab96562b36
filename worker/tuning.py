"""How a runner's process uses its processors and its memory."""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# What torch's threads and the C library read when a process starts; elsewhere than on Linux with glibc
# nothing reads the last two.
RUNNER_ENVIRONMENT = {
    # Threads that wait spin for microseconds, then sleep. On two cores a step took 55 ms so, and 70 where
    # they slept at once; with another process on one of the cores 80 ms, where torch's default of spinning
    # for milliseconds took over a second.
    "GOMP_SPINCOUNT": "1000",
    # Freed memory is kept for the next tensor: a training step makes the same ones again and again, and
    # pages that were given back must be filled with zeros before they can be used anew. TinyViT's step on
    # two cores took 410 ms so, and 550 without.
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(2**40),  # bytes: never
}


@contextmanager
def runners_environment() -> Iterator[None]:
    """A process that is started meanwhile is born with it, but for what somebody else has set."""
    added = {name: value for name, value in RUNNER_ENVIRONMENT.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def give_back_freed_memory() -> None:
    """Give back to the system what the environment above has kept: between units others may need it."""
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's
    if trim is not None:
        trim(0)
