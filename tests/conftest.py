"""How many tests run at once, in which order, and that in CI nothing is skipped but for want of real data:
else the run fails.
"""

import os
from pathlib import Path

import pytest
import structlog

# structlog's own default draws every traceback with all local variables, which takes seconds.
plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[structlog.contextvars.merge_contextvars, plain])

pytest_plugins = ["tests.plugins", "tests.recovery", "tests.stores"]


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors, as many tests wait for processes that they have started."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items):
    """The core's tests last: they are short, so that the workers, a file at a time each, end together."""
    core = Path(__file__).parent / "core"
    items.sort(key=lambda item: core in item.path.parents)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    may_skip = item.get_closest_marker("data") is not None or not os.environ.get("CI")
    if report.skipped and not hasattr(report, "wasxfail") and not may_skip:
        report.outcome = "failed"
        why = call.excinfo.value if call.excinfo else "no reason given"
        report.longrepr = f"Skipped in CI, where it must run: {why}"
    return report
