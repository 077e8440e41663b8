"""Vendored parts: what pages may load that others wrote, taken from their packages as they are.

None of it is in this distribution.  `comity portal fetch` brings a part into the instance's own folder; each package is
pinned by its version and by the SHA-512 that the registry's clients call its integrity, and only the listed files are
unpacked.  A part keeps its licence beside its files and is served from the portal's own address.

| part | package | licence | for |
|---|---|---|---|
| `opening` | three of @noble | MIT | opening sealed items in the browser (ML-KEM-768, SHA-3) |
| `ecl-ec` | @ecl/preset-ec | EUPL-1.2 | the look of the European Commission's pages |
"""

import base64
import io
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha512
from pathlib import Path
from typing import Final

__all__ = ["FOLDER", "PARTS", "CannotVendor", "Package", "Part", "held", "unpack"]

FOLDER: Final = "vendor"
MOST: Final = 16 * 1024 * 1024
"""Bytes of one file out of a package."""


class CannotVendor(Exception):
    """A package is not the pinned one, or lacks a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One package of a part."""

    name: str
    version: str
    integrity: str
    """Base64 of the archive's SHA-512."""
    files: Mapping[str, str]
    """A file in the package → where it lies in the part's folder."""
    rewrites: tuple[tuple[str, str], ...] = ()
    """Text that is replaced in every file of the package that is text."""

    @property
    def archive(self) -> str:
        """What the npm client calls the package's file."""
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one use needs."""

    licence: str
    packages: tuple[Package, ...]


# Of ECL's sheet three texts are changed: its fonts come from beside it, and from nowhere else.
SCRIPTS: Final = (("'@noble/hashes/", "'../hashes/"), ("'@noble/curves/abstract/", "'../curves/abstract/"),
                  ("'@noble/curves/", "'../curves/"))  # fmt: skip
"""Browsers find a script by its address, not by its package."""
DEEPER: Final = (("'@noble/hashes/", "'../hashes/"),)

PARTS: Final[Mapping[str, Part]] = {
    "opening": Part(
        licence="MIT",
        packages=(
            Package(
                name="@noble/post-quantum", version="0.7.1",
                integrity="+P9981IiAnVh+rmcubozzVwrEy3XsN/tMhTnvsjV9VDaYpOnNCqWqKo2FLWxbu92YHfjGIlE5XnW175UK+ln+Q==",
                files={one: f"post-quantum/{one}" for one in ("LICENSE", "_crystals.js", "ml-kem.js", "utils.js")},
                rewrites=SCRIPTS,
            ),
            Package(
                name="@noble/curves", version="2.4.0",
                integrity="P4/62zrgfH33CneE3Dn4WhJVA22YUU0eR51wKIan4NVRvwsA0YnPTwWGpNbpuacSujmSFLvyzpyuR30+fbq2Ew==",
                files={
                    one: f"curves/{one}" for one in ("LICENSE", "utils.js", "abstract/fft.js", "abstract/modular.js")
                },
                rewrites=DEEPER,
            ),
            Package(
                name="@noble/hashes", version="2.4.0",
                integrity="X5XaVWZIBCT7HHZGm5I7ZQXDwLG+bGXuSrMQAW+7Zvl87h1kmc1ZB1VSRJcpUfoUrGQp4Fkoxm5kZ+Ms+aW+eA==",
                files={one: f"hashes/{one}" for one in ("LICENSE", "_u64.js", "sha3.js", "utils.js")},
            ),
        ),
    ),
    "ecl-ec": Part(
        licence="EUPL-1.2",
        packages=(
            Package(
                name="@ecl/preset-ec", version="5.3.1",
                integrity="GKJqzoidZdabWTAGeZsVuvQbkhQ+Dm+HPNHenNAoAqeUwXH0T2NjfoV9hfIiVwFsfA5LW7lOncQNE2zGbAmmGA==",
                files={
                    "LICENSE": "LICENSE",
                    "dist/styles/ecl-ec.css": "ecl-ec.css",
                    "dist/fonts/InterVariable.woff2": "fonts/InterVariable.woff2",
                    "dist/fonts/InterVariable-Italic.woff2": "fonts/InterVariable-Italic.woff2",
                },
                rewrites=(
                    ('url(https://webtools.europa.eu/fonts/inter/InterVariable.woff2) format("woff2"),', ""),
                    ('url(https://webtools.europa.eu/fonts/inter/InterVariable-Italic.woff2) format("woff2"),', ""),
                    ("url(../fonts/", "url(fonts/"),
                ),
            ),
        ),
    ),
}  # fmt: skip
"""Name of a part → its packages."""


def unpack(part: Part, archive_of: Callable[[Package], bytes], into: Path) -> list[Path]:
    """Put a part's files into a folder, once every package is the pinned one; the files, in order.

    Raises `CannotVendor`, and then has written nothing.
    """
    found: dict[Path, bytes] = {}
    for package in part.packages:
        content = archive_of(package)
        digest = base64.b64encode(sha512(content).digest()).decode()
        if digest != package.integrity:
            raise CannotVendor(
                f"{package.archive}: expected the archive with SHA-512 {package.integrity[:16]}…; got {digest[:16]}…"
            )
        found |= {into / name: _rewritten(text, package) for name, text in _files(content, package)}
    for path, text in found.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
    return sorted(found)


def held(folder: Path, name: str) -> bool:
    """Whether every file of a part lies in its folder."""
    return all(
        (folder / FOLDER / name / place).is_file() for one in PARTS[name].packages for place in one.files.values()
    )


def _files(content: bytes, package: Package) -> list[tuple[str, bytes]]:
    taken = []
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        for name, place in package.files.items():
            try:
                member = archive.getmember(f"package/{name}")
            except KeyError:
                raise CannotVendor(f"{package.archive}: expected a file {name} in it") from None
            opened = archive.extractfile(member) if member.isfile() and member.size <= MOST else None
            if opened is None:
                raise CannotVendor(f"{package.archive}: {name} is no file of at most {MOST} bytes")
            taken.append((place, opened.read()))
    return taken


def _rewritten(content: bytes, package: Package) -> bytes:
    for before, after in package.rewrites:
        content = content.replace(before.encode(), after.encode())
    return content
