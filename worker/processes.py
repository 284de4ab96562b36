"""What can be known of other processes of this host: whether they are there, and their memory."""

import os
from pathlib import Path


def is_gone(pid: int) -> bool:
    """Whether another process that had this number is gone: a container that starts again has the same name
    and, for its new process, the same number.
    """
    if pid == os.getpid():
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # somebody else's, but there
        return False
    return False


def resident_bytes(*pids: int | None) -> int | None:
    """The resident memory of these processes together, in bytes; None where there is no /proc.

    One that is just gone counts as nothing.
    """
    if not Path("/proc/self/statm").exists():
        return None
    return sum(_resident(pid) for pid in pids if pid is not None)


def _resident(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
