"""Places: where the operator's ledgers lie.

The folder of an adopted arrangement, `ledgers/<id>/` in the operator's home, holds one of two files:

| file | the ledger is |
| --- | --- |
| `ledger.sqlite` | this file |
| `ledger.url` | in the database whose address is its one line, `postgresql://…` without a password |
"""

from pathlib import Path
from typing import Final

import click

from comity.ledger.doors import is_url

__all__ = ["ADDRESS", "FILE", "adopted_folders", "ledger_place", "read_place"]

FILE: Final = "ledger.sqlite"
ADDRESS: Final = "ledger.url"


def adopted_folders(home: Path) -> list[Path]:
    """The folders of an operator's home whose arrangement was adopted."""
    return sorted({path.parent for name in (FILE, ADDRESS) for path in (home / "ledgers").glob(f"*/{name}")})


def ledger_place(folder: Path) -> Path | str:
    """The place of the ledger that was adopted in a folder, as `comity.gateway.open_arrangement` takes it."""
    address = folder / ADDRESS
    return read_place(address if address.exists() else folder / FILE)


def read_place(path: Path) -> Path | str:
    """The place that a path names: the address in a file that ends in `.url`, or else the file itself."""
    if path.suffix != Path(ADDRESS).suffix:
        return path
    address = path.read_text(encoding="utf-8").strip()
    if not is_url(address):
        raise click.ClickException(
            f"{path.name} in {path.parent.name}/: expected one line, an address such as "
            "postgresql://db.example/comity without a password, and found something else"
        )
    return address
