"""Arrivals: signed terms that another party's portal handed over by HTTPS, until somebody looks at them.

A file lies in the portal's own folder and enters nothing by itself:

    portal/arrived/<SHA-256>.json      at most `MOST`, each at most `MAX_FILE` bytes

Not promised: that what arrives is from whom it names. Terms are signed by keys, and a case's first version brings keys
that this house has not seen; `known` says whether it has.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from comity.arrangement import Offer, verify_offer
from comity.portal.house import House

__all__ = ["MAX_FILE", "Arrival", "TooMuchWaits", "arrivals_of", "arrived", "keep", "path_of"]

FOLDER: Final = "arrived"
MOST: Final = 40
"""Files that wait at a time; the sides of a talk take turns, so forty talks at once fit."""
MAX_FILE: Final = 1_048_576


class TooMuchWaits(Exception):
    """No more is kept until somebody looks at what waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One file that waits."""

    digest: str
    offer: Offer
    came: datetime
    key: str
    """The other side's key, as its card states it."""
    known: bool
    """Whether the keys are those of a version of the same arrangement that this house holds."""


def arrived(house: House) -> Iterator[Arrival]:
    """Every file that waits, the newest first."""
    for path in sorted((house.path / FOLDER).glob("*.json"), key=_came, reverse=True):
        offer = verify_offer(path.read_bytes())
        parties = offer.terms.parties
        held = house.offers_of(offer.terms.id)
        yield Arrival(
            digest=path.stem, offer=offer, came=datetime.fromtimestamp(_came(path), UTC),
            key=parties.provider.key if house.role == "authority" else parties.authority.key,
            known=any(one.terms.parties.keys() == parties.keys() for one in held),
        )  # fmt: skip


def _came(path: Path) -> float:
    return path.stat().st_mtime


def arrivals_of(house: House, authority: str, provider: str) -> list[Arrival]:
    """Those that are between two parties."""
    return [one for one in arrived(house) if _sides(one.offer) == (authority, provider)]


def _sides(offer: Offer) -> tuple[str, str]:
    return offer.terms.parties.authority.name, offer.terms.parties.provider.name


def path_of(house: House, digest: str) -> Path:
    """Where the file of an arrival lies."""
    return house.path / FOLDER / f"{digest}.json"


def keep(house: House, envelope: bytes) -> None:
    """Keep a file whose signatures were checked; raises `TooMuchWaits`."""
    path = path_of(house, sha256(envelope).hexdigest())
    if path.exists():
        return
    if len(list(path.parent.glob("*.json"))) >= MOST:
        raise TooMuchWaits
    path.parent.mkdir(mode=0o700, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_bytes(envelope)
    draft.replace(path)
