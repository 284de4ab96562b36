"""At the end of a run, a table says how long each injected fault was felt."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests.worker.deployment import LEASE_SECONDS

PROPERTY = "recovery"

Recovery = Callable[[str], AbstractContextManager[None]]


@pytest.fixture
def recovery(record_property) -> Recovery:
    """`with recovery("what happened"):` notes how long it takes until all is as it should be again."""

    @contextmanager
    def timed(fault: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        record_property(PROPERTY, (fault, time.monotonic() - started))

    return timed


def pytest_terminal_summary(terminalreporter) -> None:
    reports = [report for name in ("passed", "failed") for report in terminalreporter.stats.get(name, ())]
    noted = [value for report in reports for name, value in report.user_properties if name == PROPERTY]
    if noted:
        terminalreporter.section(f"recovery from faults, with a lease of {LEASE_SECONDS:g} s")
    for fault, seconds in noted:
        terminalreporter.write_line(f"{seconds:6.1f} s  {fault}")
