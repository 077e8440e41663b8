"""Reading: typed access to a source's nodes that collects every fault.

A `Reading` never stops at the first problem.  Each accessor returns a value of
the promised type: the author's where it is right, a placeholder where it is not,
with a `Problem` noted.  `finish` raises `TermsRefused` when there is any, so no
placeholder leaves this package.

With `partial`, absent clauses are not a problem: an access offer states a part of
the terms' own shape.  What is stated is held to the same rules.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from comity.arrangement.errors import Problem, TermsRefused
from comity.arrangement.source import ABSENT, Node

__all__ = ["EPOCH", "MAX_LONG_TEXT", "MAX_SHORT_TEXT", "Reading", "decimal_micros"]

MAX_SHORT_TEXT: Final = 200
"""Characters of a name or title: two lines of a terminal."""

MAX_LONG_TEXT: Final = 8_000
"""Characters of a legal basis or a publication rule: about four printed pages."""

MAX_PROBLEMS: Final = 200
"""Problems worth listing; an author who has more has another kind of file."""

EPOCH: Final = datetime(1999, 1, 1, tzinfo=UTC)
"""Stands in for a time that was refused: earlier than any that is read."""

_INSTANT: Final = re.compile(r"2[01][0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3})?Z", re.ASCII)
_DECIMAL: Final = re.compile(r"(0|[1-9][0-9]{0,8})(\.[0-9]{1,6})?", re.ASCII)


def decimal_micros(text: str) -> int | None:
    """A decimal string in millionths, or `None` if it is none: digits, at most six after the point."""
    if not _DECIMAL.fullmatch(text):
        return None
    whole, _, fraction = text.partition(".")
    return int(whole) * 1_000_000 + int(fraction.ljust(6, "0"))


@dataclass(slots=True, kw_only=True)
class Reading:
    """One walk over one source. Mutable while it lasts; nothing keeps it."""

    file: str
    partial: bool = False
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, at: Node, clause: str, expected: str, got: str | None = None) -> None:
        """Note one problem."""
        if len(self.problems) < MAX_PROBLEMS:
            found = str(at) if got is None else got
            self.problems.append(
                Problem(file=self.file, line=at.line, clause=clause[:120], expected=expected, got=found)
            )

    def finish(self) -> None:
        """Raise `TermsRefused` if any problem was noted."""
        if self.problems:
            raise TermsRefused(tuple(self.problems))

    def members(
        self, node: Node, clause: str, names: Sequence[str], *, optional: Sequence[str] = ()
    ) -> Mapping[str, Node]:
        """The members of an object: unknown ones refused, missing ones `ABSENT`, and noted unless `optional`."""
        every = tuple(dict.fromkeys((*names, *optional)))
        if node.value is None:
            return dict.fromkeys(every, ABSENT)
        if not isinstance(node.value, dict):
            self.refuse(node, clause, f"an object with {', '.join(names or every)}")
            return dict.fromkeys(every, ABSENT)
        for name, member in node.value.items():
            if name not in every:
                self.refuse(member, _join(clause, name), f"one of {', '.join(every)}", "an unknown clause")
        for name in names:
            if name not in node.value and not self.partial:
                self.refuse(node, _join(clause, name), "this clause to be stated", "nothing")
        return {name: node.value.get(name, ABSENT) for name in every}

    def items(self, node: Node, clause: str, *, most: int, least: int = 1) -> list[Node]:
        """The items of a list of `least` to `most`."""
        if node.value is None:
            return []
        if not isinstance(node.value, list) or not least <= len(node.value) <= most:
            self.refuse(node, clause, f"a list of {least} to {most}")
            return []
        return node.value

    def text(self, node: Node, clause: str, *, most: int = MAX_SHORT_TEXT, lines: bool = False) -> str:
        """A text that looks like what it is: printable, not blank, one line unless `lines`."""
        if node.value is None:
            return ""
        if not isinstance(node.value, str):
            self.refuse(node, clause, "a text", f"{node} (write a text in quotes)")
            return ""
        body = node.value.replace("\n", " ") if lines else node.value
        if not body.strip() or len(body) > most:
            self.refuse(node, clause, f"a text of 1 to {most} characters", f"{len(body)} characters")
        elif not body.isprintable():
            odd = next(mark for mark in body if not mark.isprintable())
            self.refuse(node, clause, "printable characters", f"U+{ord(odd):04X}")
        else:
            return node.value
        return ""

    def matching(self, node: Node, clause: str, pattern: str, meaning: str) -> str:
        """A text of one form, which `meaning` tells the author."""
        if node.value is None:
            return ""
        if not isinstance(node.value, str) or not re.fullmatch(pattern, node.value, re.ASCII):
            self.refuse(node, clause, meaning)
            return ""
        return node.value

    def choice(self, node: Node, clause: str, options: Sequence[str]) -> str:
        """One of a closed set of words; the first stands in for a fault."""
        if node.value is None:
            return options[0]
        if not isinstance(node.value, str) or node.value not in options:
            self.refuse(node, clause, f"one of {', '.join(options)}")
            return options[0]
        return node.value

    def words(
        self,
        node: Node,
        clause: str,
        known: Sequence[str],
        *,
        least: int = 1,
        never: Mapping[str, str] = MappingProxyType({}),
    ) -> tuple[str, ...]:
        """Some of the words `known`, each once; `never` maps words that have a meaning and no place here to why."""
        items = self.items(node, clause, least=least, most=len(known))
        words: list[str] = []
        for n, item in enumerate(items):
            reason = never.get(item.value) if isinstance(item.value, str) else None
            if reason:
                self.refuse(item, f"{clause}[{n}]", f"no {item.value} ({reason})", "it")
            words.append("" if reason else self.choice(item, f"{clause}[{n}]", known))
        stated = [word if item.value == word else "" for word, item in zip(words, items, strict=True)]
        self.unique(items, stated, clause)
        return tuple(words)

    def number(self, node: Node, clause: str, *, least: int, most: int) -> int:
        """An integer within bounds."""
        if node.value is None:
            return least
        if type(node.value) is not int or not least <= node.value <= most:
            self.refuse(node, clause, f"an integer from {least} to {most}")
            return least
        return node.value

    def flag(self, node: Node, clause: str) -> bool:
        """`true` or `false`."""
        if node.value is None:
            return False
        if not isinstance(node.value, bool):
            self.refuse(node, clause, "true or false")
            return False
        return node.value

    def decimal(self, node: Node, clause: str, *, most: int) -> int:
        """A decimal string of at most six decimals and at most `most`, in millionths."""
        if node.value is None:
            return 0
        micros = decimal_micros(node.value) if isinstance(node.value, str) else None
        if micros is None or micros > most * 1_000_000:
            self.refuse(node, clause, f'a decimal in quotes such as "0.10", up to {most}, at most 6 decimals')
            return 0
        return micros

    def instant(self, node: Node, clause: str) -> datetime:
        """A time in UTC, RFC 3339 with capital `T` and `Z`."""
        if node.value is None:
            return EPOCH
        if isinstance(node.value, str) and _INSTANT.fullmatch(node.value):
            try:
                return datetime.fromisoformat(node.value.removesuffix("Z") + "+00:00")
            except ValueError:
                pass
        self.refuse(node, clause, "a time in UTC such as 2026-11-23T00:00:00Z, from 2000 to 2199")
        return EPOCH

    def base64_key(self, node: Node, clause: str, *, most: int) -> str:
        """Canonical base64 of 32 to `most` bytes."""
        if node.value is None:
            return ""
        if isinstance(node.value, str):
            try:
                key = base64.b64decode(node.value, validate=True)
            except (binascii.Error, ValueError):
                key = b""
            if 32 <= len(key) <= most and base64.b64encode(key).decode() == node.value:
                return node.value
        self.refuse(node, clause, f"a public key in base64, 32 to {most} bytes")
        return ""

    def unique(self, nodes: Sequence[Node], values: Sequence[str], clause: str) -> None:
        """Note each value that stands twice; placeholders of faults noted before are passed over."""
        seen: set[str] = set()
        for node, value in zip(nodes, values, strict=True):
            if value and value in seen:
                self.refuse(node, clause, "each name once", f"{value!r} again")
            seen.add(value)


def _join(clause: str, name: str) -> str:
    return f"{clause}.{name}" if clause else name
