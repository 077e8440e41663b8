"""Canaries: prove that a text which went through the system lies nowhere at rest.

`assert_absent(canary, folder)` reads every byte of every file below `folder` and fails, naming the file,
if the canary stands there in any of the spellings in which software writes text down: raw bytes (UTF-8 and
UTF-16), hex in both cases, base64 and its URL-safe form at each of the three alignments, JSON and percent
escapes, and each of these inside gzip or zlib streams that begin a file.

Choose a canary of at least 16 random characters: base64 alignment cuts up to two characters at each end.
"""

import base64
import gzip
import json
import urllib.parse
import zlib
from collections.abc import Iterator
from pathlib import Path

SHORTEST = 12
"""Below this a base64 core could stand somewhere by chance."""


def spellings(canary: str | bytes) -> dict[str, bytes]:
    """Every spelling that is searched for, by its name."""
    raw = canary.encode() if isinstance(canary, str) else canary
    if len(raw) < SHORTEST:
        raise AssertionError(f"a canary has at least {SHORTEST} bytes, {len(raw)} came")
    found = {
        "bytes": raw,
        "hex": raw.hex().encode(),
        "HEX": raw.hex().upper().encode(),
        "reversed": raw[::-1],
    }
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + raw)
        # the first characters mix in the bytes before, the last ones those after: what is between is fixed
        begin, end = (0, 2, 3)[shift], len(encoded) - (0, 4, 4)[(shift + len(raw)) % 3]
        found[f"base64 at {shift}"] = encoded[begin:end]
        found[f"base64url at {shift}"] = encoded[begin:end].translate(bytes.maketrans(b"+/", b"-_"))
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return found
    found["UTF-16-LE"], found["UTF-16-BE"] = text.encode("utf-16-le"), text.encode("utf-16-be")
    found["JSON"] = json.dumps(text)[1:-1].encode()
    found["percent"] = urllib.parse.quote(text, safe="").encode()
    return found


def find(canary: str | bytes, folder: Path) -> list[tuple[Path, str]]:
    """Where the canary stands below `folder`: file and spelling."""
    wanted = spellings(canary)
    hits: list[tuple[Path, str]] = []
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder)).encode()
        contents = [("name", name)]
        if path.is_file():
            contents += [("content", view) for view in _views(path.read_bytes())]
        for where, view in contents:
            hits += [(path, f"{how} in its {where}") for how, text in wanted.items() if text in view]
    return hits


def assert_absent(canary: str | bytes, *folders: Path) -> None:
    """Fail if the canary stands anywhere below the folders, or if there was nothing to search."""
    for folder in folders:
        files = sum(1 for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
        assert files, f"nothing was searched: {folder} holds no file with content"
        hits = find(canary, folder)
        assert not hits, "content lies at rest: " + "; ".join(f"{path}: {how}" for path, how in hits)


def _views(content: bytes) -> Iterator[bytes]:
    yield content
    try:
        if content[:2] == b"\x1f\x8b":
            yield gzip.decompress(content)
        elif content[:1] == b"\x78":
            yield zlib.decompress(content)
    except (OSError, EOFError, zlib.error):
        return
