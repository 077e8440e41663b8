"""Callers' SQL in PostgreSQL: one text for both stores, translated where the two differ.

Callers write the common subset that `store` describes, in SQLite's words.
`translate` makes PostgreSQL's of it:

| written | becomes |
| --- | --- |
| `?` | `$1`, `$2`, … |
| `INTEGER`, `BLOB`, `REAL` where a table is defined | `BIGINT`, `BYTEA`, `DOUBLE PRECISION` |
| `TEXT` where a table is defined | `TEXT COLLATE "C"`: ordered by bytes, as in SQLite |
| `STRICT`, `WITHOUT ROWID` | nothing |

and refuses, as a bug (`AssertionError`), what would reach the ledger's own tables, end the transaction, change a
setting, or mean something else in the other store.

    >>> translate("INSERT INTO spend VALUES (?, '?')").text
    "INSERT INTO spend VALUES ($1, '?')"

Not promised: that every text which passes here runs in both stores. The stores' tests run the callers' statements.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_TOKEN: Final = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)
      | (?P<string>'(?:[^']|'')*')
      | (?P<quoted>"(?:[^"]|"")*")
      | (?P<word>[^\W\d]\w*)
      | (?P<mark>\?\d*)
      | (?P<rest>\d[\w.]*|.)""",
    re.VERBOSE | re.DOTALL,
)
_READS: Final = frozenset({"SELECT", "WITH", "VALUES"})
_WRITES: Final = frozenset({"INSERT", "UPDATE", "DELETE"})
_DEFINES: Final = frozenset({"CREATE", "DROP", "ALTER"})
_READABLE: Final = frozenset({"ledger_about", "ledger_entries", "ledger_tags", "ledger_head"})
_TYPES: Final = {
    "INTEGER": "BIGINT", "INT": "BIGINT", "BLOB": "BYTEA", "REAL": "DOUBLE PRECISION", "TEXT": 'TEXT COLLATE "C"',
}  # fmt: skip
_TABLE_OPTIONS: Final = frozenset({"STRICT", "WITHOUT", "ROWID", ","})


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement as PostgreSQL takes it."""

    text: str
    answers: bool
    """Its rows, or its error, are needed at once; any other statement may be sent and looked at later."""
    writes: bool
    reads_ledger: bool
    """It reads the ledger's own tables, so entries that are not written yet must be."""
    makes: str | None
    """The table or index that a `CREATE … IF NOT EXISTS` is about."""


@lru_cache(maxsize=1_000)
def translate(sql: str) -> Statement:
    """One statement of the common subset, or `AssertionError` with what is wrong with it."""
    tokens = [(str(found.lastgroup), found[0]) for found in _TOKEN.finditer(sql)]
    while tokens and (tokens[-1][0] == "space" or tokens[-1][1] == ";"):
        tokens.pop()
    words = [text.upper() for kind, text in tokens if kind == "word"]
    first = words[0] if words else ""
    names = {text.strip('"').casefold() for kind, text in tokens if kind in {"word", "quoted"}}
    ours = {name for name in names if name.startswith("ledger_")}
    reads = first in _READS and not {*_WRITES, "INTO"} & set(words)
    if (
        first not in _READS | _WRITES | _DEFINES
        or "set_config" in names
        or (ours and not (reads and ours <= _READABLE))
    ):
        raise AssertionError(f"a transaction may not run {sql[:120]!r}: it belongs to the ledger")
    _refuse_dialect(sql, tokens, words)
    return Statement(
        text=_rewritten(tokens, defines=first in _DEFINES),
        answers=first not in _WRITES or "RETURNING" in words,
        writes=not reads,
        reads_ledger=bool(ours),
        makes=_made(tokens, words),
    )


def _refuse_dialect(sql: str, tokens: list[tuple[str, str]], words: list[str]) -> None:
    wrong = None
    if words[0] == "INSERT" and words[1:2] == ["OR"]:
        wrong = "INSERT OR … is SQLite's alone; write ON CONFLICT (…) DO NOTHING or DO UPDATE"
    for (kind, text), (after, following) in zip(tokens, [*tokens[1:], ("space", "")], strict=True):
        if kind == "mark" and text != "?":
            wrong = f"the placeholder {text} is SQLite's alone; write ? for each value"
        elif kind == "word" and after == "string":
            wrong = f"{text}{following[:1]}… means something else in each store; pass the value as a parameter"
        elif kind == "rest" and text in {"$", ";", "'", '"', "\\"}:
            wrong = f"{text} stands where one plain statement is expected"
    if wrong is not None:
        raise AssertionError(f"{sql[:120]!r} is outside of the SQL that both stores take: {wrong}")


def _rewritten(tokens: list[tuple[str, str]], *, defines: bool) -> str:
    written: list[str] = []
    marks = depth = 0
    options = False
    for kind, text in tokens:
        if kind == "mark":
            marks += 1
            written.append(f"${marks}")
        elif kind == "space":
            written.append(" ")
        elif defines and options and text.upper() in _TABLE_OPTIONS:
            continue
        elif defines and kind == "word":
            written.append(_TYPES.get(text.upper(), text))
        else:
            depth += {"(": 1, ")": -1}.get(text, 0)
            options = text == ")" and depth == 0
            written.append(text)
    return "".join(written).strip()


def _made(tokens: list[tuple[str, str]], words: list[str]) -> str | None:
    if words[0] != "CREATE" or "EXISTS" not in words:
        return None
    solid = [(kind, text) for kind, text in tokens if kind != "space"]
    after = [text.upper() for _, text in solid].index("EXISTS") + 1
    return solid[after][1].strip('"') if solid[after][0] == "quoted" else solid[after][1].lower()
