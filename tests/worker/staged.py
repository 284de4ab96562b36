"""`lethe` with a fault built in: `python staged.py FAULT COMMAND …`.

| fault | what happens |
|---|---|
| `kill-in-publish`, `kill-after-publish` | SIGKILL at the first unit done: before the commit, after it |
| `freeze-in-publish` | SIGSTOP before the commit |
| `kill-in-submit`, `kill-after-submit` | SIGKILL at the first job stored: before the commit, after it |
| `clock+600` | every clock of the process, but for its monotonic one, is so many seconds ahead |
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

PLACES = {"publish": ("core.store.units", "finish"), "submit": ("core.store.jobs", "submit")}
SIGNALS = {"kill": signal.SIGKILL, "freeze": signal.SIGSTOP}


def shift_clocks(seconds: float) -> None:
    """Put the clocks ahead, before anything else is imported."""
    import datetime

    plain, plain_ns, plain_datetime = time.time, time.time_ns, datetime.datetime

    class Shifted(plain_datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Shifted":
            return cls.fromtimestamp(time.time(), tz)

        @classmethod
        def utcnow(cls) -> "Shifted":
            return cls.fromtimestamp(time.time(), datetime.UTC).replace(tzinfo=None)

    Shifted.__name__ = Shifted.__qualname__ = "datetime"  # by which a pickle of one finds it
    Shifted.__module__ = "datetime"
    time.time = lambda: plain() + seconds
    time.time_ns = lambda: plain_ns() + int(seconds * 1e9)
    datetime.datetime = Shifted


def stage(action: str, moment: str, place: str) -> None:
    """Let a use case of the store end its own process, the first time it changed something."""
    from importlib import import_module

    from sqlalchemy import event

    module_name, name = PLACES[place]
    module: ModuleType = import_module(module_name)
    plain: Callable[..., Any] = getattr(module, name)

    def act(*_: object) -> None:
        os.kill(os.getpid(), SIGNALS[action])

    def staged(session: Any, *args: Any, **options: Any) -> Any:
        answer = plain(session, *args, **options)
        if moment == "in":
            act()
            setattr(module, name, plain)
        else:
            event.listen(session, "after_commit", act)
        return answer

    setattr(module, name, staged)


if sys.argv[1].startswith("clock"):  # also in the runner, which imports this file anew
    shift_clocks(float(sys.argv[1].removeprefix("clock")))

if __name__ == "__main__":
    fault, *arguments = sys.argv[1:]
    if not fault.startswith("clock"):
        stage(*fault.split("-"))
    from lethe import main

    sys.exit(main(arguments))
