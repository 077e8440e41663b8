"""`comity mirror`: a copy of a published ledger, as files.

The copy is a tile directory (c2sp.org/tlog-tiles): the newest cosigned
checkpoint and every tile and entry bundle that its size implies.  `comity verify`
checks such a copy offline; mirroring checks nothing by itself.
"""

import json
import os
import time
from collections import Counter
from itertools import chain
from pathlib import Path

import click

from comity.cli.calling import ask_json
from comity.cli.home import Home
from comity.ledger import LedgerError, new_bundles, parse_head, parse_note, tiles_for
from comity.ledger.reader import TileDirectory
from comity.ledger.transport import fetching

__all__ = ["copy_published", "mirror"]

POLL_SECONDS = 0.2
TRIES = 5


@click.command()
@click.argument("url")
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Where the copy goes.")
@click.option(
    "--wait",
    default=0.0,
    type=click.FloatRange(0, 3600),
    show_default=True,
    help="Seconds to wait until the checkpoint covers what the ledger holds now.",
)
@click.option("--json", "as_json", is_flag=True, help="Print size and counts as JSON.")
@click.pass_obj
def mirror(home: Home, url: str, out: Path, wait: float, as_json: bool) -> None:
    """Copy the ledger published at URL (…/a/<id>) to a folder, with this person's key."""
    secret = os.environ.get("COMITY_KEY") or home.secret()
    try:
        size, files = copy_published(url, out, secret=secret, wait=wait)
        kinds = Counter(json.loads(entry)["kind"] for entry in TileDirectory(out).entries(0, size))
    except LedgerError as error:
        raise click.ClickException(str(error)) from None
    members = {
        "size": size,
        "files": files,
        "calls": kinds["call.permitted"],
        "refused": kinds["call.refused"],
        "kinds": dict(sorted(kinds.items())),
    }
    click.echo(json.dumps(members) if as_json else f"{size} entries in {files} files copied to {out}")


def copy_published(url: str, out: Path, *, secret: str, wait: float = 0.0) -> tuple[int, int]:
    """Copy a published ledger into a folder; with `wait`, once its checkpoint covers what the ledger holds now.

    Returns its size and the number of files.  Raises a `ClickException`, and `LedgerError` where no answer comes.
    """
    fetch = fetching(url, headers={"authorization": f"Bearer {secret}"})
    wanted = int(ask_json(f"{url.rstrip('/')}/status", secret=secret)["entries"]) if wait else 0
    until = time.monotonic() + wait
    while (size := _size(checkpoint := _file(fetch("checkpoint"), "checkpoint"))) < wanted:
        if time.monotonic() > until:
            raise click.ClickException(f"after {wait:g} s the checkpoint covers {size} of {wanted} entries")
        time.sleep(POLL_SECONDS)
    fetched: dict[str, bytes | None] = {}
    for _ in range(TRIES):  # a newer checkpoint may replace partial tiles while they are fetched
        names = [tile.path for tile in chain(tiles_for(size), new_bundles(0, size))]
        fetched = {name: fetch(name) for name in names}
        if all(content is not None for content in fetched.values()):
            break
        size = _size(checkpoint := _file(fetch("checkpoint"), "checkpoint"))
    for name, content in fetched.items():
        _write(out / name, _file(content, name))
    _write(out / "checkpoint", checkpoint)
    return size, len(fetched) + 1


def _file(content: bytes | None, name: str) -> bytes:
    if content is None:
        raise click.ClickException(f"{name} is not published there yet; ask again, or give --wait SECONDS")
    return content


def _size(checkpoint: bytes) -> int:
    return parse_head(parse_note(checkpoint).text).size


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
