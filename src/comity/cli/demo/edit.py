"""The publisher's pen: it changes numbers in a finished report and packs the bundle again.

    python -m comity.cli.demo.edit --bundle FILE --out FILE [--page-only] --set PATH=VALUE …

PATH is a member of `report.json`, such as `runs.begun`.  The page's claims of it are changed with it, value and
text, so that page and report agree; with `--page-only` the report stays as it is.  The list of digests in
`bundle.json` is written anew, as a forger would, so that nothing in the file contradicts itself but the record.
It prints what was changed, in one JSON line.
"""

import argparse
import json
import re
import sys
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from comity.records import canonical_bytes, parse_canonical
from comity.report.forms import shown

MAX_REPORT: Final = 1 << 20


def edit_report(data: bytes, changes: dict[str, str]) -> bytes:
    """The report with other values at these paths, each of the type that stood there."""
    members = parse_canonical(data, limit=MAX_REPORT)
    for path, value in changes.items():
        *steps, last = path.split(".")
        inner: Any = members
        for step in steps:
            inner = inner[int(step)] if isinstance(inner, list) else inner[step]
        inner[last] = type(inner[last])(value)
    return canonical_bytes(members)


def edit_page(page: bytes, changes: dict[str, str]) -> bytes:
    """The page with other values in its claims of these paths, and the text that belongs to them."""
    text = page.decode()
    for path, value in changes.items():
        claim = re.compile(
            rf'(<data class="claim" data-claim="{re.escape(path)}" data-form="(\w+)" value=")[^"]*(">)[^<]*(</data>)'
        )

        def other(found: re.Match[str], value: str = value) -> str:
            return f"{found[1]}{value}{found[3]}{shown(value, found[2])}{found[4]}"

        text, times = claim.subn(other, text)
        if not times:
            raise SystemExit(f"the page claims nothing at {path}")
    return text.encode()


def repack(bundle: Path, out: Path, changed: dict[str, bytes]) -> None:
    """Write the bundle again with other contents for some of its files, and their digests in its list."""
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(out, "w") as new:
        manifest = json.loads(old.read("bundle.json"))
        manifest["files"] |= {name: sha256(content).hexdigest() for name, content in changed.items()}
        changed = {**changed, "bundle.json": canonical_bytes(manifest)}
        for member in old.infolist():
            new.writestr(member, changed.get(member.filename) or old.read(member), member.compress_type)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m comity.cli.demo.edit", description="The publisher's pen.")
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--page-only", action="store_true", help="leave report.json as it is")
    parser.add_argument("--set", dest="members", action="append", metavar="PATH=VALUE", required=True)
    asked = parser.parse_args()
    changes = dict(text.partition("=")[::2] for text in asked.members)
    with zipfile.ZipFile(asked.bundle) as bundle:
        changed = {"report.html": edit_page(bundle.read("report.html"), changes)}
        if not asked.page_only:
            changed["report.json"] = edit_report(bundle.read("report.json"), changes)
    repack(asked.bundle, asked.out, changed)
    print(json.dumps({"changed": sorted(changed), "out": str(asked.out)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
