"""Draws: which rows of a run are opened, chosen by neither side.

Each party commits to 32 secret bytes after the run's scores are committed, and tells them after both have
committed.  The order is by index in the ledger:

    scores.committed → draw.committed by each party → draw.revealed by each party

The seed is over both secrets and the tree that holds both commitments and nothing after the later one:

    seed = SHA-256("comity draw/1\\n" run "\\n" root "\\n" authority's secret "\\n" provider's secret "\\n")

all in lower-case hex.  That tree is a beginning of every cosigned tree that holds the draw, so its root needs no
note of its own, and nobody can choose among checkpoints once the secrets are known.

`K` of the judged rows are drawn without replacement, in the order of the score table.  Block c is
SHA-256(seed || c as eight bytes, big-endian), c from 0; its first eight bytes are a number, which is passed over
where it lies in the last, incomplete run of multiples (so every row is equally likely), and taken modulo the number
of rows still there.  With fewer judged rows than `K`, all are drawn.

    {"format":"comity drawn/1","ledger":origin,"root":hex,"rows":[{"item":id,"row":n,"salt":hex},…],"run":id,
     "seed":hex,"size":n}

opens the drawn rows: HMAC-SHA-256(salt, item) is the row's blinded name, `row` its place in the score table.

Not promised: that a party tells.  Who commits and then keeps silent prevents the draw, and the ledger shows who.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from comity.ledger import Frontier, leaf_hash
from comity.records import DrawCommitted, DrawRevealed, NotCanonical, ScoresCommitted, parse_canonical
from comity.verify.errors import MalformedDrawn
from comity.verify.facts import Fact, Faults, counted
from comity.verify.history import History, entry
from comity.verify.terms import ROLES

FORMAT: Final = "comity drawn/1"
K: Final = 5
"""Rows that are opened: enough to catch an evaluator who changed half of the scores 31 times in 32."""
MAX_DRAWN: Final = 65_536
RANGE: Final = 2**64


@dataclass(slots=True)
class Draw:
    """What the ledger holds of one run's draw."""

    run: str
    scored: int | None = None
    committed: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Index and commitment by role."""
    told: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Index and secret by role."""

    @property
    def complete(self) -> bool:
        """Both halves are told."""
        return len(self.told) == len(ROLES)

    @property
    def size(self) -> int:
        """The size of the tree that the seed is over."""
        return max(index for index, _ in self.committed.values()) + 1

    def missing(self) -> str:
        """What keeps the draw from being complete."""
        for role in ROLES:
            if role not in self.committed:
                return f"the {role} has not committed"
        silent = [role for role in ROLES if role not in self.told]
        return " and ".join(f"the {by} committed at entry {self.committed[by][0]} and never told" for by in silent)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnRow:
    """One opened row: its place in the score table, the item's id, and the salt that ties the two."""

    row: int
    item: str
    salt: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """`drawn.json` as read: nothing in it is established."""

    ledger: str
    run: str
    size: int
    root: str
    seed: str
    rows: tuple[DrawnRow, ...]


def seed_of(*, run: str, root: str, authority: str, provider: str) -> bytes:
    """The seed that both secrets and the root give."""
    return hashlib.sha256(f"comity draw/1\n{run}\n{root}\n{authority}\n{provider}\n".encode()).digest()


def settle(draw: Draw, entries: Sequence[bytes]) -> tuple[str, bytes]:
    """Root and seed of a complete draw, out of the ledger that holds it."""
    if not draw.complete:
        raise AssertionError(f"the draw is not complete: {draw.missing()}")
    frontier = Frontier.empty()
    for data in entries[: draw.size]:
        frontier.append(leaf_hash(data))
    root = frontier.root().hex()
    secrets = {role: secret for role, (_, secret) in draw.told.items()}
    return root, seed_of(run=draw.run, root=root, authority=secrets["authority"], provider=secrets["provider"])


def draw_rows(seed: bytes, rows: Sequence[int], k: int = K) -> tuple[int, ...]:
    """`k` of `rows` without replacement, in the order in which they are drawn."""
    left, counter = list(rows), 0
    drawn: list[int] = []
    while left and len(drawn) < k:
        limit = RANGE - RANGE % len(left)
        number = RANGE
        while number >= limit:
            block = hashlib.sha256(seed + counter.to_bytes(8, "big")).digest()
            number, counter = int.from_bytes(block[:8], "big"), counter + 1
        drawn.append(left.pop(number % len(left)))
    return tuple(drawn)


def find_draw(history: History, run: str) -> Draw | None:
    """The draw over one run's rows, or None where nobody committed to one."""
    return _replay(history, Faults("draws")).get(run)


def check_draws(history: History) -> Fact:
    """Scores, then both commitments, then both secrets; each once, each secret the one committed to."""
    faults = Faults("draws")
    draws = _replay(history, faults)
    complete = sum(draw.complete for draw in draws.values())
    waiting = "; ".join(f"run {d.run[:8]}…: {d.missing()}" for d in draws.values() if not d.complete)
    said = f"{counted(len(draws), 'draw')} begun, {complete} complete; every secret is the one committed to"
    return faults.fact(said + (f"; {waiting}" if waiting else ""))


def _replay(history: History, faults: Faults) -> dict[str, Draw]:
    draws: dict[str, Draw] = {}
    scored: dict[str, int] = {}
    for index, record in history:
        match record:
            case ScoresCommitted():
                scored.setdefault(record.run, index)
                if record.run in draws:
                    faults.add(entry(index), "scores committed after a draw over them had begun")
            case DrawCommitted():
                _commit(draws, scored, index, record, faults)
            case DrawRevealed():
                _tell(draws, index, record, faults)
            case _:
                pass
    return draws


def _commit(draws: dict[str, Draw], scored: dict[str, int], index: int, record: DrawCommitted, faults: Faults) -> None:
    draw = draws.setdefault(record.run, Draw(run=record.run, scored=scored.get(record.run)))
    if draw.scored is None:
        faults.add(entry(index), f"a commitment to a draw before the scores of run {record.run} were committed")
    if record.by not in ROLES:
        faults.add(entry(index), f"a draw has two halves, the authority's and the provider's; this is {record.by!r}'s")
    elif record.by in draw.committed:
        faults.add(entry(index), f"the {record.by} had committed at entry {draw.committed[record.by][0]} already")
    elif record.commitment in [commitment for _, commitment in draw.committed.values()]:
        faults.add(entry(index), "both parties committed to the same secret: one copied the other's")
    else:
        draw.committed[record.by] = (index, record.commitment)


def _tell(draws: dict[str, Draw], index: int, record: DrawRevealed, faults: Faults) -> None:
    draw = draws.get(record.run)
    if draw is None or record.by not in draw.committed:
        faults.add(entry(index), f"the {record.by[:20]} tells what it had not committed to")
        return
    if len(draw.committed) < len(ROLES):
        faults.add(entry(index), f"the {record.by} tells before both parties had committed")
    if record.by in draw.told:
        faults.add(entry(index), f"the {record.by} had told at entry {draw.told[record.by][0]} already")
    elif hashlib.sha256(bytes.fromhex(record.nonce)).hexdigest() != draw.committed[record.by][1]:
        faults.add(entry(index), f"what the {record.by} tells is not what it committed to")
    else:
        draw.told[record.by] = (index, record.nonce)


def opens(row: DrawnRow, name: str) -> bool:
    """Whether a row's salt and item give the blinded name in the score table."""
    return hmac.compare_digest(hmac.digest(row.salt, row.item.encode(), hashlib.sha256).hex(), name)


def read_drawn(data: bytes) -> Drawn:
    """Read `drawn.json`, or raise `MalformedDrawn` and nothing else."""
    try:
        whole = parse_canonical(data, limit=MAX_DRAWN)
        if set(whole) != {"format", "ledger", "run", "size", "root", "seed", "rows"} or whole["format"] != FORMAT:
            raise ValueError("expected the members format, ledger, root, rows, run, seed and size")
        if type(whole["size"]) is not int or len(whole["rows"]) > K:
            raise ValueError(f"size is an integer, and at most {K} rows are drawn")
        return Drawn(
            ledger=_text(whole["ledger"]),
            run=_text(whole["run"]),
            size=whole["size"],
            root=_text(whole["root"]),
            seed=_text(whole["seed"]),
            rows=tuple(_row(row) for row in whole["rows"]),
        )
    except (NotCanonical, ValueError, KeyError, TypeError, AttributeError) as error:
        raise MalformedDrawn(f"the file opens no drawn rows ({FORMAT}): {error}") from None


def _row(row: dict[str, Any]) -> DrawnRow:
    if set(row) != {"row", "item", "salt"} or type(row["row"]) is not int:
        raise ValueError("a row has the members item, row (an integer) and salt")
    salt = bytes.fromhex(_text(row["salt"]))
    if len(salt) != 32:
        raise ValueError("a row's salt has 32 bytes")
    _text(row["item"]).encode()
    return DrawnRow(row=row["row"], item=row["item"], salt=salt)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text is expected, {value!r:.40} came")
    return value
