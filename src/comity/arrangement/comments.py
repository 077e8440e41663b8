"""Comments: what one side says about a clause of a version, as a signed note that can be handed over.

The text has seven lines, each ending in a newline:

    comity comment/1
    <id of the arrangement>
    <version>
    <digest of that version's terms, hex>
    <clause, such as budget.calls or models[NAME].max_output>
    <id of the comment, 32 hex digits>
    <what is said, one line of at most 2,000 characters>

with one signature, by a party key of the terms.  A comment is about one version and changes no terms; an answer to
it is a comment too, or the next version.

    sign_comment(terms, clause=…, item=…, text=…, signer=…) -> note
    open_comment(note, terms) -> Comment

What a side wants to keep to itself is no comment: it goes into that side's own notes and is never signed.

Not promised: that a comment was read, or that the other side agrees.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from comity.arrangement.clauses import CLAUSES
from comity.arrangement.errors import CommentRefused
from comity.arrangement.terms import Role, Terms
from comity.ledger import LedgerError, Note, Signer, format_note, open_note, parse_vkey

__all__ = ["MAX_COMMENT", "Comment", "check_clause", "open_comment", "sign_comment"]

HEAD: Final = "comity comment/1"
MAX_COMMENT: Final = 2_000
"""Characters of a comment: half a page. What is longer is a letter."""
MAX_NOTE: Final = 16_384
"""Bytes of a comment: its text in UTF-8, and one signature."""

_ITEM: Final = re.compile(r"\[[^\]]{1,200}\]")
_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """One comment, and the side whose key signed it."""

    arrangement: str
    version: int
    digest: str
    clause: str
    item: str
    text: str
    by: Role


def check_clause(clause: str) -> str:
    """A clause's name as it stands, an item's name allowed in brackets; raises `CommentRefused` for an unknown one."""
    if _ITEM.sub("", clause) not in CLAUSES or not clause.isprintable():
        raise CommentRefused(
            f"expected a clause such as budget.calls or models[NAME].max_output; got {clause[:80]!r}. "
            "docs/reference/terms.md lists them all."
        )
    return clause


def sign_comment(terms: Terms, *, clause: str, item: str, text: str, signer: Signer) -> bytes:
    """The note of a comment; raises `CommentRefused`."""
    if signer.vkey not in terms.parties.keys().values():
        raise CommentRefused(f"the key {signer.name} is not a party key of these terms; a comment is a party's")
    said = _text(terms, check_clause(clause), item, text)
    return format_note(Note(text=said, signatures=(signer.sign_note(said),)))


def open_comment(note: bytes, terms: Terms) -> Comment:
    """The comment in a note that a party to these terms signed about them; raises `CommentRefused` alone."""
    if len(note) > MAX_NOTE:
        raise CommentRefused(f"expected a comment of at most {MAX_NOTE} bytes; got {len(note)}")
    keys = terms.parties.keys()
    try:
        opened = open_note(note, [parse_vkey(key) for key in keys.values()])
    except LedgerError as error:
        raise CommentRefused(f"expected a comment signed by a party to these terms: {error}") from None
    if len(opened.verified) != 1 or opened.unknown:
        raise CommentRefused("expected one signature; a comment is one party's alone")
    lines = opened.text.removesuffix("\n").split("\n")
    if len(lines) != 7 or lines[0] != HEAD:
        raise CommentRefused(f"expected seven lines that begin with {HEAD}; got {lines[0][:60]!r}")
    _, _, _, digest, clause, item, text = lines
    if opened.text != _text(terms, check_clause(clause), item, text):
        raise CommentRefused(
            f"the comment is on terms with digest {digest[:64]}; these have {terms.digest}. "
            "Hand over the version that it is about."
        )
    vkey = opened.verified[0].verifier.vkey
    by: Role = "authority" if vkey == keys["authority"] else "provider"
    return Comment(
        arrangement=terms.id, version=terms.version, digest=terms.digest, clause=clause, item=item, text=text, by=by
    )


def _text(terms: Terms, clause: str, item: str, text: str) -> str:
    if not text.strip() or len(text) > MAX_COMMENT or not text.isprintable():
        raise CommentRefused(f"expected a comment of 1 to {MAX_COMMENT} printable characters in one line")
    if not _ID.fullmatch(item):
        raise CommentRefused(f"expected an id of 32 hex digits; got {item[:40]!r}")
    lines: Sequence[str] = (HEAD, terms.id, str(terms.version), terms.digest, clause, item, text)
    return "".join(f"{line}\n" for line in lines)
