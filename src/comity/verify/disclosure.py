"""Disclosures: whether the content shown is what the ledger commits to, and what is withheld.

A third party's own reading of `comity disclosure/1`, independent of the vault that wrote it:

    {"format": "comity disclosure/1", "ledger": origin, "index": n,
     "items": [{"part": "request" | "answer", "epoch": hex, "commitment": hex,
                "content_key": base64, "ciphertext": base64}, …]}

For each item: AES-256-GCM under the content key, nonce zero, with the associated data
"comity sealed/1\\n" ledger "\\n" part "\\n" epoch "\\n" gives a 32-byte salt and the content;
HMAC-SHA-256(salt, content) must be the commitment in the entry: `request` in the `call.permitted` at `index`,
`answer` in the `call.settled` that names it.  The file's own `commitment` is not looked at.

Of a part that is not shown, the entry tells that it exists and how long it is: *withheld*.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from comity.ledger.encoding import decode_base64
from comity.records import CallPermitted, CallSettled
from comity.verify.errors import MalformedDisclosureFile
from comity.verify.facts import Fact, Verdict
from comity.verify.history import History, entry

FORMAT: Final = "comity disclosure/1"
PARTS: Final = ("request", "answer")
SALT_SIZE: Final = 32
MAX_DISCLOSURE: Final = 192 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Content that matches its entry's commitment."""

    part: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """Content that exists and is not shown."""

    part: str
    commitment: str
    length: int


Part = Shown | Withheld


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosureVerdict:
    """The facts, and for each part of the call what can be shown of it."""

    verdict: Verdict
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosureFile:
    """A disclosure as read: nothing in it is established."""

    ledger: str
    index: int
    items: dict[str, dict[str, Any]]


def read_disclosure(data: bytes) -> DisclosureFile:
    """Read a disclosure, or raise `MalformedDisclosureFile` and nothing else."""
    if len(data) > MAX_DISCLOSURE:
        raise MalformedDisclosureFile(f"{len(data)} bytes, at most {MAX_DISCLOSURE} are read")
    try:
        whole = json.loads(data.decode("utf-8"), object_pairs_hook=_once)
        if set(whole) != {"format", "ledger", "index", "items"} or whole["format"] != FORMAT:
            raise ValueError("expected the members format, ledger, index and items")
        items = {item["part"]: _item(item) for item in whole["items"]}
        if len(items) != len(whole["items"]) or not items or not items.keys() <= set(PARTS):
            raise ValueError("each part stands once, 'request' or 'answer'")
        if type(whole["index"]) is not int or not isinstance(whole["ledger"], str):
            raise ValueError("ledger is a text, index an integer")
    except (UnicodeDecodeError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise MalformedDisclosureFile(f"the file is no disclosure ({FORMAT}): {error}") from None
    return DisclosureFile(ledger=whole["ledger"], index=whole["index"], items=items)


def verify_disclosure(
    disclosure: DisclosureFile, history: History, origin: str, *, before: tuple[Fact, ...] = ()
) -> DisclosureVerdict:
    """Compare what is shown with the entries of a ledger; `before` are the facts about that ledger."""
    facts: list[Fact] = list(before)
    parts: list[Part] = []
    number = disclosure.index
    if disclosure.ledger != origin:
        said = f"the disclosure is of {disclosure.ledger}, this is {origin}"
        facts.append(Fact(name="ledger", holds=False, detail=said, where="disclosure"))
    permit = next((r for i, r in history if i == number and isinstance(r, CallPermitted)), None)
    ending = next(((i, r) for i, r in history if isinstance(r, CallSettled) and r.permit == number), None)
    if permit is None:
        said = "no call was permitted there"
        facts.append(Fact(name="call", holds=False, detail=said, where=entry(number)))
        return DisclosureVerdict(verdict=_verdict(number, facts), parts=())
    said = f"permitted at {permit.at} to {permit.person} for {permit.model}"
    facts.append(Fact(name="call", holds=True, detail=said))
    committed: list[tuple[str, str, int, int]] = [("request", permit.request, permit.request_bytes, number)]
    if ending is not None and ending[1].answer:
        committed.append(("answer", ending[1].answer, ending[1].answer_bytes, ending[0]))
    elif "answer" in disclosure.items:
        facts.append(
            Fact(name="answer", holds=False, detail="the ledger commits to no answer of this call", where="disclosure")
        )
    for part, commitment, length, index in committed:
        item = disclosure.items.get(part)
        if item is None:
            parts.append(Withheld(part=part, commitment=commitment, length=length))
            said = f"withheld: {length} bytes, commitment {commitment}"
            facts.append(Fact(name=part, holds=None, detail=said))
            continue
        content = _open(item, disclosure.ledger, part, commitment)
        if isinstance(content, str):
            facts.append(Fact(name=part, holds=False, detail=content, where="disclosure"))
            continue
        parts.append(Shown(part=part, content=content))
        said = f"{len(content)} bytes, shown; they match the commitment in {entry(index)}"
        facts.append(Fact(name=part, holds=True, detail=said))
    return DisclosureVerdict(verdict=_verdict(number, facts), parts=tuple(parts))


def _verdict(number: int, facts: list[Fact]) -> Verdict:
    return Verdict(subject=f"disclosure of call {number}", facts=tuple(facts))


def _open(item: dict[str, Any], ledger: str, part: str, commitment: str) -> bytes | str:
    """The content, or why it is not what the entry commits to."""
    bound = f"comity sealed/1\n{ledger}\n{part}\n{item['epoch']}\n".encode()
    try:
        plain = AESGCM(item["content_key"]).decrypt(bytes(12), item["ciphertext"], bound)
    except (InvalidTag, ValueError):
        return "the ciphertext does not open under the key beside it"
    salt, content = plain[:SALT_SIZE], plain[SALT_SIZE:]
    if len(salt) != SALT_SIZE or not hmac.compare_digest(hmac.digest(salt, content, hashlib.sha256).hex(), commitment):
        return "what is shown is not what the entry commits to"
    return content


def _item(item: dict[str, Any]) -> dict[str, Any]:
    if set(item) != {"part", "epoch", "commitment", "content_key", "ciphertext"} or not isinstance(item["epoch"], str):
        raise ValueError("an item has the members part, epoch, commitment, content_key and ciphertext")
    item["epoch"].encode()
    opened = {name: decode_base64(item[name]) for name in ("content_key", "ciphertext")}
    if len(opened["content_key"]) != 32:
        raise ValueError("a content key has 32 bytes")
    return {"epoch": item["epoch"], **opened}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice in one object")
    return members
