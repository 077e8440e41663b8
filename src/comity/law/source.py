"""Sources: a strict subset of YAML, read into nodes that know their lines.

One document in UTF-8; no anchors, aliases, tags, merge keys or directives; no key twice.  Integers are
plain decimals, booleans `true` and `false`; a number with a fraction or an exponent is a text in quotes.
A date stands plain or in quotes and is a text.

Limits: `MAX_SOURCE` bytes, `MAX_NODES` nodes, `MAX_DEPTH` levels, so that a hostile file costs little.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

import yaml

from comity.law.errors import Fault

__all__ = ["ABSENT", "MAX_SOURCE", "Node", "read_source"]

MAX_SOURCE: Final = 1_048_576
"""Bytes of one file; 150 duties take a tenth."""

MAX_NODES: Final = 60_000

MAX_DEPTH: Final = 12
"""Levels of nesting; a form's fields have eight."""

_INTEGER: Final = re.compile(r"0|-?[1-9][0-9]{0,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Odd:
    """A scalar outside the language, kept for the message about it."""

    meaning: str


@dataclass(frozen=True, slots=True)
class Node:
    """One value and the line on which it begins; `None` marks a member that is not there."""

    value: "str | int | bool | Odd | dict[str, Node] | list[Node] | None"
    line: int

    def __str__(self) -> str:
        """What the author wrote, short enough for a message."""
        match self.value:
            case None:
                return "nothing"
            case Odd(meaning):
                return meaning
            case bool(flag):
                return "true" if flag else "false"
            case int(number):
                return f"the integer {number}"
            case str(text):
                return f"the text {text[:60]!r}" + ("…" if len(text) > 60 else "")
            case dict():
                return "an object"
            case list(items):
                return f"a list of {len(items)}"


ABSENT: Final = Node(None, 0)


class Unreadable(Exception):
    """The text has no tree; carries the one fault. Never leaves this module."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(str(fault))


def read_source(source: bytes, file: str) -> tuple[Node, tuple[Fault, ...]]:
    """Read a file to a tree and the faults found on the way; `ABSENT` and one fault where there is no tree."""
    reader = _Reader(file)
    try:
        if len(source) > MAX_SOURCE:
            raise reader.unreadable(0, f"at most {MAX_SOURCE} bytes", str(len(source)))
        root = reader.read(source.decode("utf-8"))
    except UnicodeDecodeError as error:
        return ABSENT, (reader.unreadable(0, "text in UTF-8", f"byte {error.start} that is not").fault,)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        found = " ".join(part for part in (error.context, error.problem) if part)
        return ABSENT, (reader.unreadable(mark.line + 1 if mark else 0, "YAML", found or "a syntax error").fault,)
    except Unreadable as error:
        return ABSENT, (error.fault,)
    except (yaml.YAMLError, ValueError, OverflowError, IndexError) as error:
        # PyYAML lets a few errors of Python's own escape: numbers in directives, escapes beyond Unicode.
        return ABSENT, (reader.unreadable(0, "YAML", (str(error).splitlines() or ["an error"])[0][:120]).fault,)
    return root, tuple(reader.faults)


class _Reader:
    """One pass over PyYAML's events with a stack of its own, so that depth never reaches Python's."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.faults: list[Fault] = []
        self._resolver: Any = yaml.SafeLoader("")

    def unreadable(self, line: int, expected: str, got: str) -> Unreadable:
        return Unreadable(Fault(file=self.file, line=line, member="", expected=expected, got=got[:200]))

    def refuse(self, line: int, member: str, expected: str, got: str) -> None:
        self.faults.append(Fault(file=self.file, line=line, member=member[:120], expected=expected, got=got))

    def read(self, text: str) -> Node:
        root, documents, nodes = ABSENT, 0, 0
        stack: list[tuple[Node, list[Node]]] = []  # a container, and its keys and values so far
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            line = event.start_mark.line + 1 if event.start_mark else 0
            match event:
                case yaml.DocumentStartEvent():
                    documents += 1
                    if documents > 1:
                        raise self.unreadable(line, "one document", "a second one")
                    if event.version or event.tags:
                        self.refuse(line, "", "no directives", "a % line")
                    continue
                case yaml.AliasEvent():
                    self.refuse(line, "", "the value itself", f"the alias *{(event.anchor or '')[:40]}")
                    node = Node(Odd("an alias"), line)
                case yaml.ScalarEvent():
                    self._bare(event, line)
                    node = self._scalar(event, line)
                case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                    self._bare(event, line)
                    if len(stack) >= MAX_DEPTH:
                        raise self.unreadable(line, f"at most {MAX_DEPTH} levels of nesting", "more")
                    stack.append((Node({} if isinstance(event, yaml.MappingStartEvent) else [], line), []))
                    continue
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    node, parts = stack.pop()
                    self._fill(node, parts)
                case _:
                    continue
            nodes += 1
            if nodes > MAX_NODES:
                raise self.unreadable(line, f"at most {MAX_NODES} values", "more")
            if stack:
                stack[-1][1].append(node)
            else:
                root = node
        if root.value is None:
            raise self.unreadable(0, "an object", "an empty file")
        return root

    def _bare(self, event: Any, line: int) -> None:
        if event.anchor is not None:
            self.refuse(line, "", "no anchors", f"&{event.anchor[:40]}")
        if event.tag is not None:
            self.refuse(line, "", "no tags", f"{event.tag[:40]}")

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> Node:
        text: str = event.value
        if event.style is not None:
            return Node(text, line)
        tag = self._resolver.resolve(yaml.ScalarNode, text, (True, False)).rpartition(":")[2]
        if tag == "int" and _INTEGER.fullmatch(text):
            return Node(int(text), line)
        if tag == "bool" and text in ("true", "false"):
            return Node(text == "true", line)
        if tag in ("str", "timestamp"):
            return Node(text, line)
        meaning = "nothing" if tag == "null" else f"a YAML {tag} (write it in quotes)"
        return Node(Odd(f"{text[:40]!r}: {meaning}" if text else meaning), line)

    def _fill(self, container: Node, parts: list[Node]) -> None:
        if isinstance(container.value, list):
            container.value.extend(parts)
        elif isinstance(container.value, dict):
            for key, member in zip(parts[::2], parts[1::2], strict=True):
                if not isinstance(key.value, str):
                    self.refuse(key.line, "", "the name of a member", str(key))
                elif (first := container.value.get(key.value)) is not None:
                    self.refuse(key.line, key.value, "each member once", f"it again (first on line {first.line})")
                else:
                    container.value[key.value] = member
