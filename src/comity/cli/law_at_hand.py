"""Which law packs a command reads: those that ship, and those in the folders that the caller named.

`comity law --packs` names folders for one command, `COMITY_LAW_PACKS` for every command: a case that was opened under
a pack of one's own is read under it everywhere.
"""

import os
from pathlib import Path
from typing import Final

import click

from comity.law import Pack, load_pack

__all__ = ["FOLDERS", "folders_at_hand", "law_at_hand"]

FOLDERS: Final = "comity.law.folders"
VARIABLE: Final = "COMITY_LAW_PACKS"


def folders_at_hand() -> tuple[Path, ...]:
    """The folders with further packs; raises a `ClickException` for one that is not there."""
    context = click.get_current_context(silent=True)
    if context is not None and FOLDERS in context.meta:
        named: tuple[Path, ...] = context.meta[FOLDERS]
        return named
    found = tuple(Path(one) for one in os.environ.get(VARIABLE, "").split(os.pathsep) if one)
    for folder in found:
        if not folder.is_dir():
            raise click.ClickException(f"{VARIABLE}: expected folders with law packs; {folder} is none")
    return found


def law_at_hand(name: str, version: str | None = None) -> Pack:
    """One pack at hand, in its newest version or a named one; raises as `load_pack` does."""
    return load_pack(name, version, folders_at_hand())
