"""Policies: which log, which witnesses, and who of them must have signed (c2sp.org/tlog-policy).

    log <vkey> [<url>]
    witness <name> <vkey> [<url>]
    group <name> all|any|<k> <member>...
    quorum <name>|none

One line each, items apart by spaces and tabs; empty lines and lines that begin with "#" are skipped.
A name is defined before it is used, once, and is a member of at most one group; exactly one `quorum`.
A policy accepts any of its logs; the two `log` lines of one of our ledgers are its two keys.

Stricter than the specification:
the text is UTF-8 (there: opaque octets);
`k` has no leading zero;
a log's key is of type 01 or 06, a witness's of type 04 or 06;
one public key is not both a log's and a witness's, because a log that witnesses itself proves nothing.

Limit: 1,000,000 bytes, in which the 32 logs, witnesses and groups that every reader should take fit.

Not promised: that a quorum of names is a quorum of interests. A policy cannot see who runs a key.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from comity.ledger.encoding import parse_decimal
from comity.ledger.errors import MalformedKey, MalformedPolicy
from comity.ledger.keys import NoteVerifier, parse_vkey

MAX_POLICY_BYTES: Final = 1_000_000
NO_QUORUM: Final = "none"
_FORMS: Final = {
    "log": "log <vkey> [<url>]",
    "witness": "witness <name> <vkey> [<url>]",
    "group": "group <name> all|any|<k> <member>...",
    "quorum": "quorum <name>|none",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """A key of an accepted log. The key's name is the log's origin."""

    key: NoteVerifier
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessLine:
    """A witness under the policy's own name for it, which may differ from its key's name."""

    name: str
    key: NoteVerifier
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Members of which at least `threshold` must have witnessed."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuorumMet:
    """The witnesses that signed are enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuorumMissing:
    """The witnesses that signed are not enough."""

    missing: tuple[str, ...]
    """A smallest set of witnesses whose signatures would make them enough; of equals, the first named."""


QuorumOutcome = QuorumMet | QuorumMissing


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy as parsed. Build one with `parse_policy`: the rules are checked there."""

    logs: tuple[LogLine, ...]
    witnesses: tuple[WitnessLine, ...]
    groups: tuple[Group, ...]
    quorum: str

    def outcome(self, signed: Iterable[str]) -> QuorumOutcome:
        """Whether the witnesses named (by their names in this policy) make the quorum."""
        have = frozenset(signed)
        if strange := have - {w.name for w in self.witnesses}:
            raise AssertionError(f"{sorted(strange)} are not names of witnesses in this policy")
        if self.quorum == NO_QUORUM:
            return QuorumMet()
        lacking: dict[str, tuple[str, ...]] = {
            w.name: () if w.name in have else (w.name,) for w in self.witnesses
        }
        for group in self.groups:  # members are defined before their group
            cheapest = sorted((lacking[member] for member in group.members), key=len)[: group.threshold]
            chosen = {name for names in cheapest for name in names}
            lacking[group.name] = tuple(w.name for w in self.witnesses if w.name in chosen)
        missing = lacking[self.quorum]
        return QuorumMissing(missing=missing) if missing else QuorumMet()


def parse_policy(text: str | bytes) -> Policy:
    """Read a policy, or raise `MalformedPolicy` and nothing else."""
    reader = _Reader()
    for number, line in enumerate(_lines(text), 1):
        items = [item for item in re.split(r"[ \t]+", line) if item]
        if not items or items[0].startswith("#"):
            continue
        try:
            reader.take(items, number)
        except (MalformedKey, ValueError) as e:
            raise MalformedPolicy(str(e), line=number) from None
    return reader.finish()


def format_policy(policy: Policy) -> str:
    """A policy's text in one spelling: logs, witnesses, groups, quorum. `parse_policy` reads it back."""
    lines = [_join("log", log.key.vkey, log.url) for log in policy.logs]
    lines += [_join("witness", w.name, w.key.vkey, w.url) for w in policy.witnesses]
    for group in policy.groups:
        everyone = group.threshold == len(group.members)
        how = "all" if everyone else "any" if group.threshold == 1 else str(group.threshold)
        lines.append(_join("group", group.name, how, *group.members))
    lines.append(_join("quorum", policy.quorum))
    text = "".join(f"{line}\n" for line in lines)
    if parse_policy(text) != policy:
        raise AssertionError("a policy was built that parse_policy would refuse or read differently")
    return text


class _Reader:
    """Takes the lines of a policy one by one and keeps the rules that span lines."""

    def __init__(self) -> None:
        self.logs: list[LogLine] = []
        self.witnesses: list[WitnessLine] = []
        self.groups: list[Group] = []
        self.quorum: str | None = None
        self._defined: dict[str, int] = {}
        self._grouped: dict[str, str] = {}
        self._keys: dict[bytes, int] = {}

    def take(self, items: list[str], number: int) -> None:
        match items:
            case ["log", vkey, *rest] if len(rest) <= 1:
                key = self._key(vkey, number, ("ed25519", "mldsa44-cosigner"), "01 or 06 for a log")
                self.logs.append(LogLine(key=key, url=rest[0] if rest else None))
            case ["witness", name, vkey, *rest] if len(rest) <= 1:
                self._define(name, number)
                key = self._key(
                    vkey, number, ("ed25519-cosigner", "mldsa44-cosigner"), "04 or 06 for a witness"
                )
                self.witnesses.append(WitnessLine(name=name, key=key, url=rest[0] if rest else None))
            case ["group", name, how, *members] if members:
                self._take_group(name, how, members, number)
            case ["quorum", name]:
                if self.quorum is not None:
                    raise ValueError("a second quorum line; exactly one is expected")
                if name != NO_QUORUM and name not in self._defined:
                    raise ValueError(f"{name!r} is not defined on a line before this one")
                self.quorum = name
            case [word, *_] if word in _FORMS:
                raise ValueError(f"'{_FORMS[word]}' is expected, {len(items)} items came")
            case _:
                raise ValueError(
                    f"a line begins with log, witness, group, quorum or #, not with {items[0][:40]!r}"
                )

    def finish(self) -> Policy:
        if self.quorum is None:
            raise MalformedPolicy("no quorum line; 'quorum none' says that no cosignature is needed")
        return Policy(
            logs=tuple(self.logs),
            witnesses=tuple(self.witnesses),
            groups=tuple(self.groups),
            quorum=self.quorum,
        )

    def _take_group(self, name: str, how: str, members: list[str], number: int) -> None:
        if how == "all":
            threshold = len(members)
        elif how == "any":
            threshold = 1
        else:
            threshold = parse_decimal(how)
        if not 1 <= threshold <= len(members):
            raise ValueError(
                f"a group of {len(members)} takes a threshold of 1 to {len(members)}, not {threshold}"
            )
        for member in members:
            if member not in self._defined:
                raise ValueError(f"member {member!r} is not defined on a line before this one")
            if member in self._grouped:
                raise ValueError(
                    f"{member!r} is already a member of {self._grouped[member]!r}; once is allowed"
                )
            self._grouped[member] = name
        self._define(name, number)
        self.groups.append(Group(name=name, threshold=threshold, members=tuple(members)))

    def _define(self, name: str, number: int) -> None:
        if name == NO_QUORUM:
            raise ValueError(f"the name {NO_QUORUM!r} is reserved for 'quorum none'")
        if name in self._defined:
            raise ValueError(f"the name {name!r} is already defined on line {self._defined[name]}")
        self._defined[name] = number

    def _key(self, vkey: str, number: int, kinds: tuple[str, ...], expected: str) -> NoteVerifier:
        key = parse_vkey(vkey)
        if key.kind not in kinds:
            raise ValueError(f"key {key.name!r} is of kind {key.kind}; a type {expected} is expected")
        if key.public in self._keys:
            raise ValueError(f"the public key of {key.name!r} is already on line {self._keys[key.public]}")
        self._keys[key.public] = number
        return key


def _lines(text: str | bytes) -> list[str]:
    try:
        octets = text if isinstance(text, bytes) else text.encode("utf-8")
        whole = octets.decode("utf-8")
    except UnicodeError:
        raise MalformedPolicy("the text is not UTF-8") from None
    if len(octets) > MAX_POLICY_BYTES:
        raise MalformedPolicy(f"a policy has at most {MAX_POLICY_BYTES} bytes, {len(octets)} came")
    lines = whole.split("\n")
    for number, line in enumerate(lines, 1):
        if any((c < " " and c != "\t") or c == "\x7f" for c in line):
            raise MalformedPolicy("a control character other than tab and newline", line=number)
    if lines.pop() != "":
        raise MalformedPolicy(
            "the last line does not end in a newline; is the file cut short?", line=len(lines) + 1
        )
    return lines


def _join(*items: str | None) -> str:
    return " ".join(item for item in items if item is not None)
