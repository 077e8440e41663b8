"""Finished runs in a home, as commands name them: by their id, or `last`."""

from pathlib import Path
from typing import Final

import click

from comity.cli.home import Home

__all__ = ["run_folder"]

LAST: Final = "last"


def run_folder(home: Home, run: str) -> Path:
    """The folder of a finished run; `last` is the one whose outcome was written last."""
    runs = Path(home.path).resolve() / "runs"
    if run != LAST:
        if not (runs / run / "scores.json").is_file() or Path(run).name != run:
            raise click.ClickException(f"no finished run {run[:64]!r} in runs/ of this home; expected its scores.json")
        return runs / run
    finished = [path for path in runs.glob("*/run.json")]
    if not finished:
        raise click.ClickException("no finished run in this home; carry one out with 'comity run'")
    return max(finished, key=lambda path: path.stat().st_mtime_ns).parent
