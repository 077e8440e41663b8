"""Amendments at a guard: later versions of the terms, from a folder in which the provider lays them.

The guard lets permits under the terms of its start pass, and under each version in the folder
that follows from one it has, is signed by both parties, and keeps arrangement, ledger and permit
key.  Whoever lays the file down before the gateway takes it has no gap; permits under the version
before still pass, for those that are under way.

A file that is none of that is told once on standard error and left alone.
"""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import click

from comity.arrangement import ArrangementError, Terms, verify_offer
from comity.cli.cases import read_file

__all__ = ["Amendments"]

LOOK_SECONDS: Final = 0.5
"""How often the folder is looked at."""


class Amendments:
    """The folder, and what was taken from it so far."""

    def __init__(self, folder: Path, terms: Terms, accept: Callable[[str], None]) -> None:
        self._folder, self._terms, self._accept = folder, terms, accept
        self._told: set[tuple[str, int]] = set()

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_SECONDS)

    def look(self) -> None:
        """Take the versions that follow, one after the other, in whichever order their files came."""
        held = dict(self._offers())
        while (following := held.get(self._terms.digest)) is not None:
            self._terms = following
            self._accept(following.digest)

    def _offers(self) -> Iterator[tuple[str, Terms]]:
        """The digest of the version before, and the version that replaces it."""
        for path in sorted(self._folder.glob("*.json")):
            try:
                offer = verify_offer(read_file(path), self._terms.parties.keys())
            except (ArrangementError, OSError, click.ClickException) as error:
                self._tell(path, str(error))
                continue
            terms, now = offer.terms, self._terms
            kept = (terms.id, terms.ledger.origin, terms.guard.permit_key) == (
                now.id, now.ledger.origin, now.guard.permit_key
            )  # fmt: skip
            if len(offer.signed_by) != 2 or not kept:
                self._tell(path, "expected a later version of these terms, signed by both parties")
            elif terms.previous:
                yield terms.previous, terms

    def _tell(self, path: Path, why: str) -> None:
        try:
            known = path.name, path.stat().st_mtime_ns
        except OSError:
            return
        if known not in self._told:
            self._told.add(known)
            click.echo(f"{path.name} is left alone: {why}", err=True)
