"""Reading: typed access to a pack's nodes that collects every fault.

Each accessor returns a value of the promised type: the author's where it is right, a placeholder where it
is not, with a `Fault` noted.  The loader raises `PackRefused` when there is any, so no placeholder leaves
this package.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Final

from comity.law.errors import Fault
from comity.law.source import ABSENT, Node

__all__ = ["KEY", "MAX_TEXT", "MAX_TITLE", "Reading"]

MAX_TITLE: Final = 200
MAX_TEXT: Final = 1_000
MAX_FAULTS: Final = 200
"""Faults worth listing of one pack."""

KEY: Final = r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}"
"""The form of ids and keys."""

NOWHERE: Final = date(1999, 1, 1)
"""Stands in for a date that was refused."""

_DATE: Final = re.compile(r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}", re.ASCII)
_SCIENTIFIC: Final = re.compile(r"([1-9](?:\.[0-9]{1,6})?)e([0-9]{1,2})", re.ASCII)
_SHARE: Final = re.compile(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,3})", re.ASCII)


@dataclass(slots=True)
class Reading:
    """One walk over the files of one pack. Mutable while it lasts; nothing keeps it."""

    file: str = ""
    faults: list[Fault] = field(default_factory=list)

    def refuse(self, at: Node, member: str, expected: str, got: str | None = None) -> None:
        """Note one fault."""
        if len(self.faults) < MAX_FAULTS:
            found = str(at) if got is None else got
            self.faults.append(
                Fault(file=self.file, line=at.line, member=member[:120], expected=expected, got=found[:300])
            )

    def members(
        self, node: Node, member: str, names: Sequence[str], optional: Sequence[str] = ()
    ) -> Mapping[str, Node]:
        """The members of an object; unknown ones and missing ones noted, those not there `ABSENT`."""
        known = (*names, *optional)
        if not isinstance(node.value, dict):
            if node.value is not None:
                self.refuse(node, member, f"an object with {', '.join(names)}")
            return dict.fromkeys(known, ABSENT)
        for name, inner in node.value.items():
            if name not in known:
                self.refuse(inner, _join(member, name), f"one of {', '.join(known)}", "an unknown member")
        for name in names:
            if name not in node.value:
                self.refuse(node, _join(member, name), "this member to be stated", "nothing")
        return {name: node.value.get(name, ABSENT) for name in known}

    def items(self, node: Node, member: str, *, least: int = 0) -> Iterator[tuple[Node, str]]:
        """The items of a list, each with its path."""
        if node.value is None:
            return
        if not isinstance(node.value, list) or len(node.value) < least:
            self.refuse(node, member, f"a list of {least} or more" if least else "a list")
            return
        for at, item in enumerate(node.value):
            yield item, f"{member}[{at}]"

    def text(self, node: Node, member: str, most: int = MAX_TEXT) -> str:
        """One line of printable text; empty where the member is not there."""
        if node.value is None:
            return ""
        if not isinstance(node.value, str):
            self.refuse(node, member, "a text", f"{node} (write a text in quotes)")
            return ""
        body = node.value.removesuffix("\n")
        if not body.strip() or len(body) > most:
            self.refuse(node, member, f"a text of 1 to {most} characters", f"{len(body)} characters")
        elif not body.isprintable():
            odd = next(mark for mark in body if not mark.isprintable())
            self.refuse(node, member, "one line of printable characters", f"U+{ord(odd):04X}")
        else:
            return body
        return ""

    def matching(self, node: Node, member: str, pattern: str, meaning: str) -> str:
        """A text of one form; empty where the member is not there."""
        if node.value is None:
            return ""
        if not isinstance(node.value, str) or not re.fullmatch(pattern, node.value, re.ASCII):
            self.refuse(node, member, meaning)
            return ""
        return node.value

    def key(self, node: Node, member: str) -> str:
        """An id or a key."""
        return self.matching(node, member, KEY, "a key of letters, digits and ._+- (at most 64)")

    def choice(self, node: Node, member: str, options: Sequence[str]) -> str:
        """One of a closed set of words; the first stands in for a fault."""
        if node.value is None:
            return options[0]
        if not isinstance(node.value, str) or node.value not in options:
            self.refuse(node, member, f"one of {', '.join(options)}")
            return options[0]
        return node.value

    def choices(self, node: Node, member: str, options: Iterable[str], *, least: int = 0) -> tuple[str, ...]:
        """A list of words out of a set, each once: how every reference resolves."""
        allowed = tuple(options)
        found: list[str] = []
        for item, path in self.items(node, member, least=least):
            if not isinstance(item.value, str) or item.value not in allowed:
                listed = ", ".join(allowed[:12]) + (", …" if len(allowed) > 12 else "")
                self.refuse(item, path, f"one of {listed or 'none, since none is declared'}")
            elif item.value in found:
                self.refuse(item, path, "each word once", f"{item.value!r} again")
            else:
                found.append(item.value)
        return tuple(found)

    def keys(self, node: Node, member: str) -> tuple[str, ...]:
        """A list of keys, each once."""
        found = [(item, path, self.key(item, path)) for item, path in self.items(node, member)]
        self.unique([(item, path) for item, path, _ in found], [name for _, _, name in found])
        return tuple(name for _, _, name in found)

    def flag(self, node: Node, member: str, default: bool) -> bool:
        """`true` or `false`; the default where the member is not there."""
        if node.value is None:
            return default
        if not isinstance(node.value, bool):
            self.refuse(node, member, "true or false")
            return default
        return node.value

    def number(self, node: Node, member: str, least: int, most: int) -> int:
        """An integer within bounds."""
        if node.value is None:
            return least
        if type(node.value) is not int or not least <= node.value <= most:
            self.refuse(node, member, f"an integer from {least} to {most}")
            return least
        return node.value

    def day(self, node: Node, member: str) -> date:
        """A date, ISO 8601."""
        if node.value is None:
            return NOWHERE
        if isinstance(node.value, str) and _DATE.fullmatch(node.value):
            try:
                return date.fromisoformat(node.value)
            except ValueError:
                pass
        self.refuse(node, member, "a date such as 2026-08-02")
        return NOWHERE

    def scientific(self, node: Node, member: str) -> Fraction:
        """A number such as "1e23", exactly."""
        if node.value is None:
            return Fraction(0)
        found = _SCIENTIFIC.fullmatch(node.value) if isinstance(node.value, str) else None
        if found is None:
            self.refuse(node, member, 'a number in quotes such as "1e23" or "2.5e25"')
            return Fraction(0)
        return Fraction(f"{found[1]}e{found[2]}")

    def share(self, node: Node, member: str) -> Fraction:
        """A share such as "1/3", exactly."""
        if node.value is None:
            return Fraction(0)
        found = _SHARE.fullmatch(node.value) if isinstance(node.value, str) else None
        if found is None:
            self.refuse(node, member, 'a share in quotes such as "1/3"')
            return Fraction(0)
        return Fraction(int(found[1]), int(found[2]))

    def glossary(self, node: Node, member: str, pattern: str, meaning: str) -> dict[str, str]:
        """A mapping from keys of one form to texts."""
        if node.value is None:
            return {}
        if not isinstance(node.value, dict):
            self.refuse(node, member, "an object")
            return {}
        for name, inner in node.value.items():
            if not re.fullmatch(pattern, name, re.ASCII):
                self.refuse(inner, member, meaning, f"{name[:60]!r}")
        return {name: self.text(inner, _join(member, name)) for name, inner in node.value.items()}

    def unique(self, nodes: Sequence[tuple[Node, str]], values: Sequence[str]) -> None:
        """Note each value that stands twice; placeholders of faults noted before are passed over."""
        seen: set[str] = set()
        for (node, path), value in zip(nodes, values, strict=True):
            if value and value in seen:
                self.refuse(node, path, "each id once", f"{value!r} again")
            seen.add(value)


def _join(member: str, name: str) -> str:
    return f"{member}.{name}" if member else name
