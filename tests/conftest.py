"""What every test stands on: one profile for Hypothesis, and no silent skip where everything is required."""

import os
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

EVERYTHING_REQUIRED = os.environ.get("COMITY_CI") == "1"
"""In CI a test that would skip for want of a tool fails instead: a green run means that all of it ran."""

settings.register_profile(
    "comity",
    deadline=None,
    print_blob=True,
    derandomize=EVERYTHING_REQUIRED,
    suppress_health_check=[HealthCheck.too_slow],  # how fast examples are drawn says how busy the machine is
)
settings.load_profile("comity")


def refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure that says why it is one."""
    if EVERYTHING_REQUIRED and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"COMITY_CI=1 requires every test to run, and this one would skip: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skipped test fails where everything is required."""
    report = yield
    refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """So does a skipped module."""
    report = yield
    refuse_skip(report)
    return report
