"""`verify.html`: one file that checks a bundle in a reader's browser, offline.

    verify_page() -> bytes

The file is assembled out of the parts in `verify_html/`: the markup, one style and the scripts, in the order of
`SCRIPTS`.  Nothing is fetched, and nothing may be: its own policy (`Content-Security-Policy`, in its head) allows the
one style and the one script in it, by their SHA-256, and no address at all.  So it opens from a disk, without a
network, for as long as there are browsers.

The scripts are a third reading of the formats, in the browser's own language: no code of `comity.verify` runs there.
What they share with it is written in here out of one source: the kinds of entries and the types of their members
(`comity.records`).  A test holds the verdicts of both against each other, over good bundles and bent ones.

The same release gives the same bytes, so `page_digest()` names the file; every report states it, and the digest of the
report's page stands in the ledger.

Not promised: what a browser cannot do.  docs/explanation/limits.md lists it.
"""

import json
import typing
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final, get_args, get_origin

from comity import __version__
from comity.records import known_kinds
from comity.records.record import Amount, Digest, Hex32, Index, Instant

__all__ = ["PAGE_NAME", "page_digest", "page_policy", "record_types", "verify_page"]

PAGE_NAME: Final = "verify.html"

SCRIPTS: Final = (
    "french.js", "french_forms.js", "say.js", "facts.js", "bytes.js", "canonical.js", "crypto.js", "merkle.js",
    "zip.js", "note.js", "checkpoint.js", "files.js", "history.js", "terms.js", "signing.js", "calls.js", "runs.js",
    "drawing.js", "guard.js", "ending.js", "clauses.js", "sequence.js", "estimate.js", "frame.js", "active.js",
    "sample.js", "scores.js", "planned.js", "labels.js", "report.js", "claims.js", "content.js", "receipt.js",
    "bundle.js", "words.js", "draw.js", "show.js", "page.js",
)  # fmt: skip
TYPES: Final[Mapping[Any, str]] = {
    str: "text", int: "count", bool: "flag", Digest: "digest", Hex32: "id", Index: "count", Instant: "instant",
    Amount: "amount",
}  # fmt: skip


@cache
def verify_page() -> bytes:
    """The file, whole."""
    style, script = script_part("page.css"), _script()
    page = script_part("page.html")
    for mark, text in (("VERSION", __version__), ("POLICY", page_policy()), ("STYLE", style), ("SCRIPT", script)):
        page = page.replace(f"%{mark}%", text)
    return page.encode()


@cache
def page_policy() -> str:
    """What the page may do: run its own script, use its own style, and nothing else; no address is allowed."""
    return (
        f"default-src 'none'; script-src '{_hash(_script())}'; style-src '{_hash(script_part('page.css'))}'; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types comity-inert"
    )


def page_digest() -> str:
    """SHA-256 of the file, in hex: by which a reader knows that it is this release's."""
    return sha256(verify_page()).hexdigest()


def record_types() -> dict[str, dict[str, Any]]:
    """The members of every kind of entry (`call.settled 1`) and their types, as the page reads them."""
    return {
        f"{kind} {version}": {
            name: _type(hint) for name, hint in sorted(typing.get_type_hints(cls).items()) if name not in _CLASS_MEMBERS
        }
        for (kind, version), cls in known_kinds().items()
    }


_CLASS_MEMBERS: Final = frozenset({"kind", "version"})


def _type(hint: Any) -> Any:
    if get_origin(hint) is tuple:
        return [_type(get_args(hint)[0])]
    return TYPES[hint]


@cache
def _script() -> str:
    kinds = json.dumps(record_types(), sort_keys=True, separators=(",", ":"))
    parts = [f"const RECORDS = {kinds};\n", *(script_part(name) for name in SCRIPTS)]
    script = "\n" + '"use strict";\n{\n' + "\n".join(parts) + "}\n"
    if "</script" in script.lower() or "<!--" in script:
        raise AssertionError("a script in a page may not hold its own end, or the beginning of a comment")
    return script


def script_part(name: str) -> str:
    return (files("comity.report") / "verify_html" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
