"""`comity init --sample`: an authority's home with the public facts of 2026 about two providers."""

from pathlib import Path

import click

from comity.cli.cases import begin_case, refusing
from comity.cli.home import Home, make_home
from comity.engagement import add_all
from comity.engagement.sample import AUTHORITY, NOTICE, sample_cases

__all__ = ["enter_sample", "make_sample", "what_next"]

HOST = "sample.example"


def make_sample(folder: Path) -> Home:
    """Make the home and enter both cases."""
    home = make_home(folder, role="authority", name=AUTHORITY, host=HOST)
    enter_sample(home)
    return home


def enter_sample(home: Home) -> None:
    """Enter both cases of the sample in a home."""
    now = home.clock()
    with refusing():
        for case in sample_cases(now):
            ledger = begin_case(home, case.engagement)
            try:
                add_all(ledger, case.records, now)
            finally:
                ledger.close()


def what_next(folder: Path) -> str:
    """What the sample shows first."""
    words = [
        f"{AUTHORITY}: authority's instance made, with two engagements.",
        NOTICE,
        "Try next:",
        *(f"  comity --home {click.format_filename(folder)} {command}" for command in (
            "brief", "brief --on 2026-05-11", "brief --public", "engagement show anthropic",
            "grant issue anthropic --person evaluator-1",
        )),
    ]  # fmt: skip
    return "\n".join(words)
