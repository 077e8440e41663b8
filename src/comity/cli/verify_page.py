"""Writing `verify.html` beside a report, and saying by which digest it is known."""

import json
from pathlib import Path

import click

from comity.report.verify_page import page_digest, verify_page

__all__ = ["write_verify_page"]


def write_verify_page(path: Path, *, as_json: bool) -> None:
    """Write the page, and print its SHA-256, which every report made by this release states."""
    try:
        path.write_bytes(verify_page())
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from None
    if as_json:
        click.echo(json.dumps({"page": str(path), "sha256": page_digest()}))
        return
    click.echo(f"page     {path}\nsha256   {page_digest()}")
    click.echo("open it in a browser and drop a bundle onto it; it needs no network, and may use none")
