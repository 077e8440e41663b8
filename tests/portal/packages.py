"""Packages of others, fetched once for every test that needs them and kept under `.cache`."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from comity.portal.vendored import PARTS, Package, unpack

__all__ = ["archive_of", "part_into"]

KEPT = Path(__file__).resolve().parents[2] / ".cache" / "packages"


def archive_of(package: Package) -> bytes:
    """The archive that the registry serves; a test skips where there is no client for it."""
    kept = KEPT / package.archive
    if not kept.exists():
        if shutil.which("npm") is None:
            pytest.skip("no npm here; Debian's package is npm")
        KEPT.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=KEPT) as made:
            command = ["npm", "pack", f"{package.name}@{package.version}", "--ignore-scripts"]
            subprocess.run(command, check=True, capture_output=True, cwd=made, timeout=120)
            os.replace(Path(made) / package.archive, kept)  # two workers may do so at once
    return kept.read_bytes()


def part_into(name: str, folder: Path) -> list[Path]:
    """Unpack a part as `comity portal fetch` does; its files."""
    return unpack(PARTS[name], archive_of, folder / name)
