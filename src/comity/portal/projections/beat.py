"""The projector's sign of life: a file whose time says when it last looked at the ledgers."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

__all__ = ["give", "seconds_since"]

BEAT: Final = "projector.beat"


def give(folder: Path, at: datetime) -> None:
    """Say that every ledger was looked at, at a time."""
    file = folder / BEAT
    file.touch()
    os.utime(file, (at.timestamp(), at.timestamp()))


def seconds_since(folder: Path, at: datetime) -> int | None:
    """Whole seconds since the last sign; `None` where there was none."""
    try:
        last = datetime.fromtimestamp((folder / BEAT).stat().st_mtime, UTC)
    except OSError:
        return None
    return max(0, int((at - last).total_seconds()))
