"""The score table of a run: what it commits, and what follows from it.

One file of canonical JSON, whose SHA-256 enters the ledger as `scores.committed`:

    {"format":"comity scores/1","plan":"<digest>","rows":[ROW, …],"run":"<run id>"}
    ROW = {"calls":[17],"epoch":1,"item":"<64 hex>","reason":"","score":1}

The table of a sample that was drawn from a frame is `comity scores/2`: each row also has `place`, its item's place in
the order of the draws, and `probability`, the chance with which it was drawn then, as a decimal of twelve places.  Its
salt is the frame's, so its items are those of the frame.

The table has a salt of 32 random bytes, each item a salt of its own, and `item` is the item's id under that:

    item's salt = HMAC-SHA-256(table's salt, item's id)
    item        = HMAC-SHA-256(item's salt, item's id)

so the table alone tells which rows are the same item and not which item it is, and one row can be opened by its own
salt without opening another.  Rows are sorted by `item` and `epoch`.  `score` is 1, 0 or null; `reason` says why it is
null; `calls` are the ledger indexes of the row's calls.  The table's salt lies in a file of its own beside the table:
who has both, and the suite, can name the items.

Counts, which stand beside every rate:

| count | meaning |
| --- | --- |
| `intended` | rows that the plan asks for: items times epochs |
| `attempted` | rows with at least one call |
| `answered` | rows whose last call was answered |
| `judged` | rows with a score |
| `unscored` | rows without: intended less judged |
| `repeated` | calls beyond the first of their row |
| `correct` | rows with score 1 |

Estimates use the rows of the first epoch alone where there are several: epochs of one item are no independent units.
"""

import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Final, cast

from comity.estimate import Estimate, Method, Placed, estimate_rate
from comity.evaluation.reading import LoggedSample
from comity.evaluation.reconciliation import call_index
from comity.records import canonical_bytes

FORMAT: Final = "comity scores/1"
DRAWN_FORMAT: Final = "comity scores/2"
SALT_BYTES: Final = 32
NOWHERE: Final[Mapping[str, Placed]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One item in one epoch."""

    item: str
    epoch: int
    score: int | None
    reason: str
    calls: tuple[int, ...]
    placed: Placed | None = None
    """Of an item that was drawn from a frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The seven counts of a run."""

    intended: int
    attempted: int
    answered: int
    judged: int
    unscored: int
    repeated: int
    correct: int

    def as_json(self) -> dict[str, int]:
        """The members by name."""
        return asdict(self)


def row_salt(item: str, salt: bytes) -> bytes:
    """The salt that opens one item's rows and no others, out of the table's salt."""
    return hmac.digest(salt, item.encode(), "sha256")


def blind(item: str, salt: bytes) -> str:
    """The name under which an item stands in a score table."""
    return hmac.digest(row_salt(item, salt), item.encode(), "sha256").hex()


def make_rows(
    samples: Iterable[LoggedSample],
    *,
    intended: Sequence[tuple[str, int]],
    salt: bytes,
    origin: str,
    placed: Mapping[str, Placed] = NOWHERE,
) -> tuple[Row, ...]:
    """A row for each item and epoch that the plan asks for, whether or not the engine came to it."""
    found: Mapping[tuple[str, int], LoggedSample] = {(one.item, one.epoch): one for one in samples}
    rows = []
    for item, epoch in intended:
        sample = found.get((item, epoch))
        calls = () if sample is None else tuple(call_index(call, origin) for call in sample.calls)
        rows.append(
            Row(
                item=blind(item, salt),
                epoch=epoch,
                score=None if sample is None else sample.score,
                reason="not-attempted" if sample is None else sample.reason,
                calls=tuple(index for index in calls if index is not None),
                placed=placed.get(item),
            )
        )
    return tuple(sorted(rows, key=lambda row: (row.item, row.epoch)))


def score_table(rows: Sequence[Row], *, run: str, plan: str) -> bytes:
    """The bytes that are committed."""
    members: list[dict[str, Any]] = [
        {
            "item": r.item,
            "epoch": r.epoch,
            "score": r.score,
            "reason": r.reason,
            "calls": list(r.calls),
            **({} if r.placed is None else {"place": r.placed.place, "probability": r.placed.stated}),
        }
        for r in rows
    ]
    drawn = any(row.placed is not None for row in rows)
    return canonical_bytes({"format": DRAWN_FORMAT if drawn else FORMAT, "run": run, "plan": plan, "rows": members})


def count_rows(rows: Sequence[Row], samples: Iterable[LoggedSample]) -> Counts:
    """The counts of a table; attempts, answers and repeats come from the samples behind it."""
    known = tuple(samples)
    judged = sum(row.score is not None for row in rows)
    return Counts(
        intended=len(rows),
        attempted=sum(bool(sample.calls) for sample in known),
        answered=sum(sample.answered for sample in known),
        judged=judged,
        unscored=len(rows) - judged,
        repeated=sum(max(0, len(sample.calls) - 1) for sample in known),
        correct=sum(row.score == 1 for row in rows),
    )


def estimate_rows(
    rows: Sequence[Row], methods: Sequence[str], level: float, *, bank: int
) -> tuple[Estimate, ...]:
    """The rate of right answers by each method, of a bank of so many items; none where nothing was judged."""
    first = [row for row in rows if row.epoch == 1]
    scores = [row.score for row in first if row.score is not None]
    if not scores:
        return ()
    missing = len(first) - len(scores)
    return tuple(
        estimate_rate(cast(Method, method), sum(scores), len(scores), level, missing=missing, bank=bank)
        for method in methods
    )
