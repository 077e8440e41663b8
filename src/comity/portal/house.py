"""The house: the instance whose pages the portal shows, as the edge hands it in.

The command line knows where an instance keeps its ledgers, terms and keys; the portal knows none of that, and gets
what it needs as functions.  One process serves one house.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

from comity.arrangement import Certificate, Closing, Offer, Terms
from comity.engagement import Case
from comity.law import Pack
from comity.ledger import Ledger, Signer

__all__ = ["AccessBook", "House", "HouseRefused", "Institution", "NoHouse", "Opening", "enter", "the_house"]


class HouseRefused(Exception):
    """What a page asked the house to do was refused, by the gateway or by a rule; the text says why."""


class NoHouse(RuntimeError):
    """A page was asked for before a house was handed in: a fault of the program, not of a visitor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessBook:
    """One access ledger at hand."""

    origin: str
    entries: Iterable[bytes] = field(repr=False)
    """Every entry; with a method `since(index)` where it can begin in the middle."""

    @property
    def arrangement(self) -> str:
        """The arrangement's id, with which its origin ends."""
        return self.origin.rpartition("/")[2]

    def since(self, index: int) -> Iterable[bytes]:
        """The entries from an index on."""
        begin: Callable[[int], Iterable[bytes]] | None = getattr(self.entries, "since", None)
        return begin(index) if begin is not None else islice(iter(self.entries), index, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Institution:
    """Where people sign in by OpenID Connect before they come here."""

    name: str
    """What the button says."""
    server: str
    """The issuer's address, under which its `.well-known/openid-configuration` lies."""
    client_id: str
    secret: str = field(repr=False)
    claim: str = "sub"
    """The claim that names a person; nobody may be able to change it for themselves. Accounts bear it as their name."""

    @property
    def origin(self) -> str:
        """Scheme, host and port of the server."""
        return "/".join(self.server.split("/")[:3])


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a new engagement begins with; the house's own side it knows itself."""

    other: str
    """The other party's name."""
    initiated_by: str
    summary: str
    subjects: tuple[str, ...] = ()
    track: str = "model"
    on: str = ""
    source: str = ""
    refs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """One instance, seen from its portal."""

    path: Path
    """The folder of the portal's own state: accounts, sessions and projections."""
    name: str
    role: str
    """authority · provider · operator · evaluator."""
    host: str
    clock: Callable[[], datetime]
    random: Callable[[int], bytes] = field(repr=False)
    secret_key: str = field(repr=False)
    """What Django signs sessions and forms with; a key used for nothing else."""
    case_ids: Callable[[], Iterable[str]]
    """The engagements of this instance, by their ids."""
    open_case: Callable[[str], AbstractContextManager[Ledger]]
    """A case's own ledger, by its id."""
    case_stamp: Callable[[str], object]
    """Something that differs when a case's ledger may have changed; cheaper than opening it."""
    terms_of: Callable[[Case], Mapping[str, Terms]]
    """A case's arrangements in force, by id, as far as their terms are at hand."""
    offers_of: Callable[[str], Sequence[Offer]]
    """Every version of an arrangement's terms that is at hand, by its id, the oldest first."""
    access: Callable[[], AbstractContextManager[list[AccessBook]]]
    """Every access ledger at hand, open while it is read."""
    access_of: Callable[[str], AbstractContextManager[AccessBook | None]]
    """The access ledger of one arrangement at hand, by its id, open while it is read."""
    access_stamp: Callable[[], object]
    """The same for the access ledgers together."""
    law: Callable[[str, str | None], Pack]
    signer: Callable[[], Signer] | None = field(default=None, repr=False)
    """The key by which this side signs; `None` in a house that is no party."""
    accept: Callable[[str, Offer], int] | None = None
    """Countersign the other side's offer and enter it in an engagement; the entry's index. Raises `HouseRefused`."""
    receive: Callable[[str, bytes], int] | None = None
    """Take in terms that the other side sent as a file; the entry's index. Raises `HouseRefused`."""
    begin: Callable[[Opening], str] | None = None
    """Open an engagement; its id. Raises `HouseRefused`."""
    card: Callable[[], bytes] | None = field(default=None, repr=False)
    """This side's public keys, as they travel."""
    put: Callable[[str, Terms], int] | None = None
    """Sign terms that this side puts forward and enter them; the entry's index. Raises `HouseRefused`."""
    peer: Callable[[str], str] = lambda name: ""
    """The address of another party's portal, by the party's name; empty where none is known."""
    addresses: Callable[[], Mapping[str, str]] = dict
    """Party's name → the address of its portal, as far as they are known."""
    know: Callable[[str, str], None] | None = None
    """Keep the address of a party's portal, or forget it where it is empty. Raises `HouseRefused`."""
    deliver: Callable[[str, bytes], None] | None = None
    """Hand a signed file to the portal at an address. Raises `HouseRefused`."""
    close: Callable[[str, bytes | None], tuple[Closing, int | None]] | None = None
    """Sign the closing of an arrangement, anew or over the other side's note, and hand it in once both signed: the
    closing, and the gateway's entry if it was handed in. Raises `HouseRefused`."""
    certify: Callable[[str, bytes | None], None] | None = None
    """Draw up the closing certificate from a copy of the ledger, or take the other side's; sign and keep it. Raises
    `HouseRefused`."""
    certificate_of: Callable[[str], tuple[Certificate, str] | None] = lambda arrangement: None
    """The closing certificate that is kept here, with its text. Raises `HouseRefused` where it does not hold."""
    institution: Institution | None = None
    """Where people sign in before they come here; `None` where accounts are the portal's own."""
    theme: str = "plain"
    """What pages look like: a name in `comity.portal.themes.THEMES`."""
    plan_of: Callable[[str], bytes | None] = lambda digest: None
    """The text of a plan that was run from this instance, by its digest; `None` where it is not at hand."""
    sealed_of: Callable[[str, int, str], bytes | None] = lambda origin, call, part: None
    """A call's request or answer as it lies sealed here, by ledger, call and part; `None` where it is not at hand."""
    gateway: str = ""
    """The gateway's address, as evaluators use it; empty where it is not known."""
    send: Callable[[str, str, bytes], Mapping[str, object]] | None = None
    """Hand a signed act to the gateway: arrangement's id, door, note; `None` where no gateway's address is known."""
    projections_reader: str = field(default="", repr=False)
    """The address of the PostgreSQL database out of which pages read; empty where the tables lie in a file."""
    projections_projector: str = field(default="", repr=False)
    """The address under which the projector writes there; empty in a process that writes no table."""

    def cases(self) -> Iterator[str]:
        """The ids of the engagements, in order."""
        return iter(sorted(self.case_ids()))


_HOUSE: list[House] = []
"""The house of this process; Django's own settings are as global."""


def enter(house: House) -> None:
    """Let this process serve a house."""
    _HOUSE[:] = [house]


def the_house() -> House:
    """The house of this process; raises `NoHouse` before `enter`."""
    if not _HOUSE:
        raise NoHouse("expected comity.portal.house.enter to have been called; no page has a house yet")
    return _HOUSE[0]
