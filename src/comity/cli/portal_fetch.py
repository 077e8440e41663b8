"""`comity portal fetch`: bring what pages may load that others wrote into this home, from the pinned packages."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import click

from comity.cli.home import Home
from comity.portal.vendored import FOLDER, PARTS, CannotVendor, Package, unpack

__all__ = ["fetch"]

WAIT: Final = 120
"""Seconds for one package."""


@click.command()
@click.argument("name", type=click.Choice(sorted(PARTS)))
@click.option(
    "--from", "folder", type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Take the packages' archives out of this folder, as 'npm pack' wrote them elsewhere.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was fetched as JSON.")
@click.pass_obj
def fetch(home: Home, name: str, folder: Path | None, as_json: bool) -> None:
    """Fetch the part NAME: what it needs of other people's packages, each pinned by its digest.

    `opening` opens sealed items in the browser; `ecl-ec` is the look of the European Commission's pages.  Without
    --from the npm client fetches the archives; no script of theirs is run.
    """
    part, into = PARTS[name], home.path / "portal" / FOLDER / name
    try:
        with tempfile.TemporaryDirectory() as made:
            files = unpack(part, lambda package: _archive(package, folder, Path(made)), into)
    except CannotVendor as refused:
        raise click.ClickException(f"{refused}. Nothing was written") from None
    packages = [f"{one.name} {one.version}" for one in part.packages]
    if as_json:
        click.echo(json.dumps({"part": name, "licence": part.licence, "packages": packages, "files": len(files)}))
        return
    click.echo(f"{name}: {len(files)} files of {', '.join(packages)}, under {part.licence}; start the portal again")


def _archive(package: Package, folder: Path | None, made: Path) -> bytes:
    if folder is not None:
        try:
            return (folder / package.archive).read_bytes()
        except OSError:
            raise CannotVendor(f"{package.archive} is not in {folder.name}/") from None
    npm = shutil.which("npm")
    if npm is None:
        raise CannotVendor(f"npm is not here; fetch {package.archive} elsewhere and give its folder by --from")
    command = [npm, "pack", f"{package.name}@{package.version}", "--ignore-scripts", "--pack-destination", str(made)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=WAIT, cwd=made)
        return (made / package.archive).read_bytes()
    except (subprocess.SubprocessError, OSError):
        raise CannotVendor(f"npm did not bring {package.name} {package.version}") from None
