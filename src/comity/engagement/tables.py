"""Tables: the cases of a home as SQL, for whoever wants to ask across them. A projection, and nothing else.

One SQLite file.  Its rows follow from the entries of the cases' ledgers: nobody writes them but `refresh`, and
dropping the file loses nothing.  Each case's rows and the position up to which it was read are replaced in one
transaction, so a reader sees a case as it was at some entry, never between two.

| table | a row is |
|---|---|
| `cases` | one engagement: its opening as it reads now, the stage's inputs, and `position`: entries read |
| `items` | one item: kind, entry, what every item states, and its members as JSON |
| `links` | one item that names another |
| `documents` | one sealed file: which item, which part, whether erased |
| `matters` | what one side owes the other: open or how it ended |

What depends on the time of asking (stages, clocks, days waited) is in no table, because it would be wrong tomorrow.

`digest` is over every row in a fixed order: two files of the same ledgers have the same.
"""

import json
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any, Final

import apsw

from comity.engagement.case import Case
from comity.engagement.matters import matters
from comity.records import instant_text

__all__ = ["TABLES", "digest", "make_tables", "position", "refresh"]

VERSION: Final = 1

TABLES: Final = {
    "cases": (
        "engagement TEXT PRIMARY KEY, origin TEXT NOT NULL, authority TEXT NOT NULL, provider TEXT NOT NULL, "
        "track TEXT NOT NULL, law TEXT NOT NULL, law_version TEXT NOT NULL, initiated_by TEXT NOT NULL, "
        "subjects TEXT NOT NULL, summary TEXT NOT NULL, closed TEXT NOT NULL, position INTEGER NOT NULL"
    ),
    "items": (
        "engagement TEXT NOT NULL, item TEXT NOT NULL, kind TEXT NOT NULL, entry INTEGER NOT NULL, "
        "entered TEXT NOT NULL, \"on\" TEXT NOT NULL, source TEXT NOT NULL, confidence TEXT NOT NULL, "
        "withdrawn INTEGER, cleared INTEGER, members TEXT NOT NULL, PRIMARY KEY (engagement, item)"
    ),
    "links": (
        "engagement TEXT NOT NULL, item TEXT NOT NULL, names TEXT NOT NULL, PRIMARY KEY (engagement, item, names)"
    ),
    "documents": (
        "engagement TEXT NOT NULL, document TEXT NOT NULL, item TEXT NOT NULL, part TEXT NOT NULL, "
        "title TEXT NOT NULL, entry INTEGER NOT NULL, erased INTEGER, PRIMARY KEY (engagement, document)"
    ),
    "matters": (
        "engagement TEXT NOT NULL, item TEXT NOT NULL, what TEXT NOT NULL, by TEXT NOT NULL, "
        "waits_for TEXT NOT NULL, until TEXT NOT NULL, outcome TEXT NOT NULL, closed_by INTEGER, "
        "PRIMARY KEY (engagement, item)"
    ),
}
"""Each table's columns, in the order in which `refresh` writes them."""


def make_tables(db: apsw.Connection) -> None:
    """Make the tables where they are missing; those of another version are dropped first."""
    with db:
        if db.pragma("user_version") != VERSION:
            for name in TABLES:
                db.execute(f"DROP TABLE IF EXISTS {name}")
        for name, columns in TABLES.items():
            db.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns}) STRICT, WITHOUT ROWID")
        db.pragma("user_version", VERSION)


def position(db: apsw.Connection, engagement: str) -> int:
    """Up to which entry a case was read; 0 where it was not."""
    found = db.execute("SELECT position FROM cases WHERE engagement = ?", (engagement,)).fetchone()
    return int(found[0]) if found else 0


def refresh(db: apsw.Connection, case: Case, origin: str) -> bool:
    """Replace a case's rows by those that follow from it; tells whether anything was to be done."""
    if position(db, case.engagement) == case.size:
        return False
    with db:
        for name in TABLES:
            db.execute(f"DELETE FROM {name} WHERE engagement = ?", (case.engagement,))
        for name, rows in _rows(case, origin).items():
            for row in rows:
                db.execute(f"INSERT INTO {name} VALUES ({', '.join('?' * (len(row) + 1))})", (case.engagement, *row))
    return True


def _rows(case: Case, origin: str) -> dict[str, Iterable[tuple[Any, ...]]]:
    opening = case.opening
    opened = (
        origin, opening.authority, opening.provider, opening.track, opening.law, opening.law_version,
        opening.initiated_by, _json(opening.subjects), opening.summary,
        str(case.closed.record.at) if case.closed else "", case.size,
    )  # fmt: skip
    return {
        "cases": [opened],
        "items": _items(case),
        "links": sorted({(other, item.id) for item in case.items.values() for other in item.about}),
        "documents": (
            (
                name, one.record.to, one.record.part, one.record.title, one.entry.index,
                one.erased.index if one.erased else None,
            )
            for name, one in case.documents.items()
        ),
        "matters": (
            (
                one.item.id, one.what, one.by, one.waits_for, one.until, one.outcome,
                one.closed_by.index if one.closed_by else None,
            )
            for one in matters(case)
        ),
    }  # fmt: skip


def _items(case: Case) -> Iterator[tuple[Any, ...]]:
    for item in case.items.values():
        record = item.record
        yield (
            item.id, item.kind, item.index, instant_text(item.entry.entered), record.on, record.source,
            record.confidence, item.withdrawn.index if item.withdrawn else None,
            item.cleared.index if item.cleared else None, _json(record.members()),
        )  # fmt: skip


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def digest(db: apsw.Connection) -> str:
    """SHA-256 over every row of every table, in the order of their keys."""
    told = sha256()
    for name in TABLES:
        for row in db.execute(f"SELECT * FROM {name} ORDER BY 1, 2"):
            told.update(_json([name, *row]).encode() + b"\n")
    return told.hexdigest()
