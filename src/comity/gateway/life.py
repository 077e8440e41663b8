"""Life: which version of the terms is in force, who leaves from which day, and whether access is closed.

All three are read with every decision, so they stand in one row, `gate_life`, which
follows from the entries `arrangement.signed`, `access.exited` and `access.closed`.

`gate_terms` holds the versions themselves, as the offers that both parties signed:
entries hold their digests alone, so this table cannot be made anew from entries and
`rebuild` leaves it.  A gateway reads a version from it when the row names one that it
does not hold yet (`InForce`), and checks it as if it had come by mail.

Not promised: that an older gateway which does not know this table keeps to it.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from comity.arrangement import Offer, Terms, verify_offer
from comity.ledger import LedgerError, Transaction

__all__ = ["SCHEMA", "TABLES", "UNLIMITED", "InForce", "Life", "TermsChanged", "TermsUnknown", "find_life"]

Query = Callable[[str, Sequence[Any]], Sequence[tuple[Any, ...]]]

SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS gate_terms (
        version INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, offer TEXT NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS gate_exit (
        "by" TEXT PRIMARY KEY, cause TEXT NOT NULL, from_ms INTEGER NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS gate_life (
        one INTEGER PRIMARY KEY, version INTEGER NOT NULL, exit_by TEXT NOT NULL, exit_cause TEXT NOT NULL,
        exit_ms INTEGER NOT NULL, closed INTEGER NOT NULL) STRICT""",
    """INSERT INTO gate_life VALUES (1, 0, '', '', 0, 0) ON CONFLICT (one) DO NOTHING""",
)
TABLES: Final = ("gate_exit", "gate_life")
"""Those that follow from the entries."""


class TermsUnknown(LedgerError):
    """The ledger names a version of the terms whose text it does not hold."""


class TermsChanged(Exception):
    """Another version of the terms came into force while a call was on its way to its decision; ask again."""


class Life(NamedTuple):
    """The row of an arrangement."""

    version: int
    """Of the terms in force; 0 before entry 0."""
    exit_by: str
    """Whose exit ends access first; empty where nobody leaves."""
    exit_cause: str
    exit_ms: int
    """From when on."""
    closed: int
    """1 once access is closed for good."""


UNLIMITED: Final = Life(version=1, exit_by="", exit_cause="", exit_ms=0, closed=0)
"""Of an arrangement that nobody leaves and nobody closed."""


def find_life(query: Query) -> Life:
    """The row as it stands."""
    return Life(*query("SELECT version, exit_by, exit_cause, exit_ms, closed FROM gate_life WHERE one = 1", ())[0])


def begin_version(tx: Transaction, version: int) -> None:
    """The entry that signs this version is written: it is in force."""
    tx.execute("UPDATE gate_life SET version = ? WHERE one = 1", (version,))


def keep_offer(tx: Transaction, offer: Offer) -> None:
    """Keep a version's text with both signatures beside the entry that signs it."""
    terms = offer.terms
    tx.execute("INSERT INTO gate_terms VALUES (?, ?, ?)", (terms.version, terms.digest, offer.envelope.decode()))


def leave(tx: Transaction, *, by: str, cause: str, from_ms: int) -> None:
    """Note an exit; where both sides leave, the earlier day ends access."""
    tx.execute("INSERT INTO gate_exit VALUES (?, ?, ?)", (by, cause, from_ms))
    first = tx.execute('SELECT "by", cause, from_ms FROM gate_exit ORDER BY from_ms, "by" LIMIT 1')[0]
    tx.execute("UPDATE gate_life SET exit_by = ?, exit_cause = ?, exit_ms = ? WHERE one = 1", first)


def close(tx: Transaction) -> None:
    """Nothing passes any more."""
    tx.execute("UPDATE gate_life SET closed = 1 WHERE one = 1")


class InForce:
    """The terms that this gateway holds calls to, in step with what the ledger says in each transaction."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms

    def at(self, version: int, query: Query) -> Terms:
        """The terms of the version that the row names; read and checked once where they are other than before."""
        if version != self.terms.version:
            rows = query("SELECT offer FROM gate_terms WHERE version = ?", (version,))
            if not rows:
                raise TermsUnknown(f"version {version} is in force and its text is not in the ledger's table of terms")
            self.terms = verify_offer(str(rows[0][0]).encode()).terms
        return self.terms
