"""In CI nothing may be skipped for want of a service, a browser or data: such a skip fails the run."""

import os

import pytest

pytest_plugins = ["tests.plugins", "tests.recovery"]

NEEDED_IN_CI = frozenset({"postgres", "redis", "e2e"})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    marks = {mark.name for mark in item.iter_markers()}
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI") and marks & NEEDED_IN_CI:
        report.outcome = "failed"
        why = call.excinfo.value if call.excinfo else "no reason given"
        report.longrepr = f"Skipped in CI, where it must run: {why}"
    return report
