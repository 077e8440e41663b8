"""Sources: the two spellings of terms, read into one tree that knows its lines.

YAML is for authors, canonical JSON for signatures.  Both become `Node`s over the
same small language: objects with text keys, lists, texts, integers, booleans.

The YAML accepted is a strict subset, read event by event and never constructed
into Python objects: one document in UTF-8, block or flow style; no anchors, no
aliases, no tags, no merge keys, no directives, no key twice.  Integers are plain
decimals (`400000`; not `0x10`, `1_000`, `010` or `1:30`), booleans are `true`
and `false` (not `yes`), a decimal is a text in quotes (`"0.10"`).  A time stands
plain or in quotes and is a text.

Limits: `MAX_SOURCE` bytes, `MAX_NODES` nodes, `MAX_DEPTH` levels.  They bound what
a reader spends on a hostile file; real terms take a tenth of them.

Every fault that leaves the tree readable is collected, so the author sees all of
them at once; a syntax error ends the reading.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from comity.arrangement.errors import Problem, TermsRefused
from comity.records import NotCanonical, parse_canonical

__all__ = ["ABSENT", "MAX_SOURCE", "Node", "json_node", "plain", "yaml_node"]

MAX_SOURCE: Final = 262_144
"""Bytes of one text of terms (256 KiB)."""

MAX_NODES: Final = 20_000
"""Values in one text: PyYAML spends about 50 microseconds on each."""

MAX_DEPTH: Final = 16
"""Levels of nesting; terms have five."""

_INTEGER: Final = re.compile(r"0|-?[1-9][0-9]{0,15}", re.ASCII)

_KINDS: Final[Mapping[str, str]] = {
    "int": "an integer in another form than plain decimal",
    "float": "a number with a fraction (write it in quotes)",
    "bool": "a second spelling of true or false",
    "null": "nothing",
    "merge": "a merge key",
    "value": "a YAML default-value key",
}


@dataclass(frozen=True, slots=True)
class Odd:
    """A scalar outside the language, kept for the message about it."""

    meaning: str


@dataclass(frozen=True, slots=True)
class Node:
    """One value of the source and the line it begins on (0 where there are no lines)."""

    value: "str | int | bool | Odd | dict[str, Node] | list[Node] | None"
    """`None` marks a clause that is not there."""
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


def plain(node: Node) -> Any:
    """The value in JSON's types, without lines."""
    match node.value:
        case dict(members):
            return {name: plain(member) for name, member in members.items()}
        case list(items):
            return [plain(item) for item in items]
        case Odd():
            raise AssertionError("a refused scalar was about to be signed")
        case scalar:
            return scalar


def json_node(source: bytes, file: str) -> Node:
    """Read canonical JSON; raises `TermsRefused` for any other bytes."""
    try:
        return _from_json(parse_canonical(source, limit=MAX_SOURCE))
    except NotCanonical as error:
        raise _unreadable(file, 0, "canonical JSON (RFC 8785) with unique keys", str(error)) from None


def _from_json(value: Any) -> Node:
    if isinstance(value, dict):
        return Node({name: _from_json(member) for name, member in value.items()}, 0)
    if isinstance(value, list):
        return Node([_from_json(item) for item in value], 0)
    return Node(Odd("null") if value is None else value, 0)


def yaml_node(source: str | bytes, file: str) -> tuple[Node, tuple[Problem, ...]]:
    """Read YAML to a tree and the problems found on the way; raises `TermsRefused` if there is no tree."""
    encoded = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    if len(encoded) > MAX_SOURCE:
        raise _unreadable(file, 0, f"at most {MAX_SOURCE} bytes", f"{len(encoded)}")
    try:
        text = encoded.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _unreadable(file, 0, "text in UTF-8", f"byte {error.start} that is not") from None
    reader = _YamlReader(file)
    try:
        node = reader.read(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        found = " ".join(part for part in (error.context, error.problem) if part)
        raise _unreadable(file, mark.line + 1 if mark else 0, "YAML", found or "a syntax error") from None
    except (yaml.YAMLError, ValueError, OverflowError, IndexError) as error:
        # PyYAML lets a few errors of Python's own escape: numbers in directives, escapes beyond Unicode.
        raise _unreadable(file, 0, "YAML", str(error).splitlines()[0][:120] or type(error).__name__) from None
    return node, tuple(reader.problems)


def _unreadable(file: str, line: int, expected: str, got: str) -> TermsRefused:
    return TermsRefused((Problem(file=file, line=line, clause="", expected=expected, got=got),))


class _YamlReader:
    """One pass over PyYAML's events, with an explicit stack: depth never reaches Python's own."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self._resolver: Any = yaml.SafeLoader("")

    def read(self, text: str) -> Node:
        root: Node = ABSENT
        documents = nodes = 0
        open_nodes: list[tuple[Node, str, list[Node]]] = []  # (container, its path, keys and values so far)
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            line = event.start_mark.line + 1 if event.start_mark else 0
            match event:
                case yaml.DocumentStartEvent():
                    documents += 1
                    if documents > 1:
                        raise _unreadable(self.file, line, "one document", "a second one")
                    if event.version or event.tags:
                        self._refuse(line, "", "no directives", "a % line")
                    continue
                case yaml.AliasEvent():
                    alias = f"the alias *{(event.anchor or '')[:40]}"
                    self._refuse(line, self._path(open_nodes), "the value itself", alias)
                    node = Node(Odd("an alias"), line)
                case yaml.ScalarEvent():
                    self._plain_only(event, line, open_nodes)
                    node = self._scalar(event, line)
                case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                    self._plain_only(event, line, open_nodes)
                    if len(open_nodes) >= MAX_DEPTH:
                        raise _unreadable(self.file, line, f"at most {MAX_DEPTH} levels of nesting", "more")
                    container = Node({} if isinstance(event, yaml.MappingStartEvent) else [], line)
                    open_nodes.append((container, self._path(open_nodes), []))
                    continue
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    node, path, parts = open_nodes.pop()
                    self._fill(node, path, parts)
                case _:
                    continue
            nodes += 1
            if nodes > MAX_NODES:
                raise _unreadable(self.file, line, f"at most {MAX_NODES} values", "more")
            if open_nodes:
                open_nodes[-1][2].append(node)
            else:
                root = node
        if root.value is None:
            raise _unreadable(self.file, 0, "terms", "an empty text")
        return root

    def _refuse(self, line: int, clause: str, expected: str, got: str) -> None:
        self.problems.append(Problem(file=self.file, line=line, clause=clause, expected=expected, got=got))

    def _path(self, open_nodes: Sequence[tuple[Node, str, list[Node]]]) -> str:
        if not open_nodes:
            return ""
        container, path, parts = open_nodes[-1]
        if isinstance(container.value, list):
            return f"{path}[{len(parts)}]"
        key = parts[-1].value if len(parts) % 2 else None
        return ".".join(part for part in (path, key if isinstance(key, str) else "") if part)

    def _plain_only(self, event: Any, line: int, open_nodes: Sequence[tuple[Node, str, list[Node]]]) -> None:
        if event.anchor is not None:
            self._refuse(line, self._path(open_nodes), "no anchors", f"&{event.anchor[:40]}")
        if event.tag is not None:
            self._refuse(line, self._path(open_nodes), "no tags", f"{event.tag[:40]}")

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
        meaning = _KINDS.get(tag, f"a scalar of the YAML kind {tag}")
        return Node(Odd(f"{text[:40]!r}: {meaning}" if text else meaning), line)

    def _fill(self, container: Node, path: str, parts: list[Node]) -> None:
        if isinstance(container.value, list):
            container.value.extend(parts)
            return
        if not isinstance(container.value, dict):
            raise AssertionError("only lists and objects are containers")
        for key, member in zip(parts[::2], parts[1::2], strict=True):
            name = key.value
            if not isinstance(name, str):
                self._refuse(key.line, path, "the name of a clause", str(key))
            elif name in container.value:
                clause = f"{path}.{name}" if path else name
                first = container.value[name].line
                self._refuse(key.line, clause[:120], "each clause once", f"it again (first on line {first})")
            else:
                container.value[name] = member
