"""Keeping: enrolments and sessions in the evaluator's folder, sealed to the evaluator's own key.

    identity/<enrolment>/enrolment.sealed
    identity/<enrolment>/session-001.sealed

Each file is a sealed item of the vault.  Its commitment is what the ledger's entry holds, its index is that entry's; 0
says that there is no entry yet.  So neither prompts nor answers can be read from the disk, and disclosing an item is
giving its content with its salt.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from comity.evaluation.identity.enrolling import Random
from comity.evaluation.identity.enrolment import (
    Enrolment,
    IdentityError,
    Session,
    format_enrolment,
    format_session,
    parse_enrolment,
    parse_session,
)
from comity.vault import (
    Epoch,
    RecipientKey,
    SealedBundle,
    VaultError,
    format_sealed,
    open_item,
    parse_recipient,
    parse_sealed,
)

__all__ = ["Keeper", "Kept", "untested"]

CONTEXT: Final = b"comity identity/1"
ENROLMENT: Final = "enrolment.sealed"
_ID: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One sealed item, opened."""

    content: bytes
    salt: bytes
    commitment: str
    index: int
    """The entry that holds the commitment; 0 where there is none yet."""


class Keeper:
    """The identity folder of one evaluator."""

    def __init__(self, folder: Path, key: RecipientKey, random: Random) -> None:
        self._folder, self._key, self._random = folder, key, random

    def enrolments(self) -> list[str]:
        """The ids of all enrolments, the newest first."""
        found = sorted(self._folder.glob(f"*/{ENROLMENT}"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        return [path.parent.name for path in found]

    def enrolment(self, id: str) -> tuple[Enrolment, Kept]:
        """One enrolment; a beginning of its id will do where it is the only one. Raises `IdentityError`."""
        named = [one for one in self.enrolments() if one.startswith(id)] if id else []
        if len(named) != 1:
            raise IdentityError(f"{len(named)} enrolments of this home begin with {id[:40]!r}, expected one")
        kept = self._open(self._folder / named[0] / ENROLMENT)
        return parse_enrolment(kept.content), kept

    def sessions(self, id: str) -> list[tuple[Session, Kept]]:
        """Every session against an enrolment, in order."""
        paths = sorted((self._folder / id).glob("session-*.sealed"))
        return [(parse_session(kept.content), kept) for kept in map(self._open, paths)]

    def keep_enrolment(self, enrolment: Enrolment) -> str:
        """Seal an enrolment; returns its commitment."""
        path = self._folder / enrolment.id / ENROLMENT
        path.parent.mkdir(parents=True, mode=0o700)
        return self._seal(path, format_enrolment(enrolment), enrolment.ledger)

    def keep_session(self, session: Session, ledger: str) -> str:
        """Seal a session, in the place of what was kept of it before; returns its commitment."""
        return self._seal(self._session(session), format_session(session), ledger)

    def note_enrolled(self, enrolment: Enrolment, index: int) -> None:
        """Write down which entry holds the commitment."""
        self._note(self._folder / enrolment.id / ENROLMENT, index)

    def note_tested(self, session: Session, index: int) -> None:
        """Write down which entry holds the commitment."""
        self._note(self._session(session), index)

    def _session(self, session: Session) -> Path:
        if not _ID.fullmatch(session.enrolment):
            raise IdentityError(f"{session.enrolment[:40]!r} is no enrolment")
        return self._folder / session.enrolment / f"session-{session.number:03d}.sealed"

    def _seal(self, path: Path, content: bytes, ledger: str) -> str:
        recipient = parse_recipient("evaluator", self._key.public_text())
        epoch = Epoch.begin([recipient], CONTEXT, self._random)
        item = epoch.seal(content, ledger=ledger, part="document", random=self._random)
        bundle = SealedBundle(
            ledger=ledger,
            index=0,
            part="document",
            commitment=item.commitment,
            epoch=epoch.id,
            context=CONTEXT,
            wrapped_key=item.wrapped_key,
            ciphertext=item.ciphertext,
            encapsulations=epoch.encapsulations,
        )
        self._write(path, bundle)
        return item.commitment

    def _note(self, path: Path, index: int) -> None:
        self._write(path, replace(parse_sealed(path.read_bytes()), index=index))

    def _write(self, path: Path, bundle: SealedBundle) -> None:
        beside = path.with_name(path.name + ".new")
        beside.touch(mode=0o600)
        beside.write_bytes(format_sealed(bundle))
        beside.replace(path)

    def _open(self, path: Path) -> Kept:
        try:
            bundle = parse_sealed(path.read_bytes())
            opened = open_item(bundle, self._key)
        except (OSError, VaultError) as problem:
            raise IdentityError(f"{path.name} cannot be opened: {problem}") from None
        return Kept(content=opened.content, salt=opened.salt, commitment=bundle.commitment, index=bundle.index)


def untested(sessions: list[tuple[Session, Kept]]) -> Iterator[tuple[Session, Kept]]:
    """The sessions that have no entry yet."""
    return ((session, kept) for session, kept in sessions if not kept.index)
