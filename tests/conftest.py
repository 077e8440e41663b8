"""What every test stands on: one profile for Hypothesis, and no silent skip where everything is required."""

import os
import uuid
from collections.abc import Generator, Iterator
from urllib.parse import urlsplit

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


@pytest.fixture(scope="session")
def postgres() -> str:
    """The address of a PostgreSQL in which tests may make schemas and roles; they skip where none answers."""
    address = os.environ.get("COMITY_TEST_POSTGRES", "postgresql://127.0.0.1/test")
    psycopg = pytest.importorskip("psycopg", reason="needs psycopg, which comity[postgres] brings")
    try:
        psycopg.connect(address, connect_timeout=3).close()
    except psycopg.Error:
        pytest.skip("needs a PostgreSQL that trusts this user as superuser; COMITY_TEST_POSTGRES is its address")
    return address


@pytest.fixture
def database(postgres: str) -> Iterator[str]:
    """A database of the test's own: the ledger's origin is the same in every test of gateways."""
    import psycopg

    name = f"comity_test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield urlsplit(postgres)._replace(path=f"/{name}").geturl()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
