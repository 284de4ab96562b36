"""Tie a process to its parent: when the parent dies, however, the kernel ends the child."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(with_signal: signal.Signals, parent_pid: int) -> None:
    """Ask the kernel for a signal when the parent dies; leave at once if it already has. Linux only, else
    nothing.

    The parent must have started this process from its main thread: the kernel watches the thread, not the
    process.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, with_signal)
    if os.getppid() != parent_pid:
        os._exit(1)
