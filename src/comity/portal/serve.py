"""Serving: the web process, and the projector's loop. An edge: the real clock and the real network.

The web process opens projections so that it cannot write them; the projector runs in a process of its own, which has
no door to the network.
"""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

import uvicorn

from comity.portal.house import House, HouseRefused
from comity.portal.projections import beat
from comity.portal.projections.place import in_postgres
from comity.portal.start import make_local_tables, start

__all__ = ["project_forever", "serve"]

GRACE: Final = 5
"""Seconds that answers under way have when the portal ends."""


def serve(
    house: House,
    chosen: Mapping[str, Any],
    listener: socket.socket,
    ready: Callable[[], None],
    beside: AbstractContextManager[object] | None = None,
) -> None:
    """Answer browsers on a socket until the process is told to end; `beside` runs while it does.

    Raises `HouseRefused`, and answers nobody, where pages could write the projections.
    """
    start(house, chosen)
    make_local_tables()
    if in_postgres(house):
        _refuse_a_writer()
    else:
        _make_empty_tables(house)
    from comity.portal.pool import PooledHandler

    config = uvicorn.Config(
        PooledHandler(), lifespan="off", access_log=False, log_level="warning", server_header=False,
        timeout_graceful_shutdown=GRACE, ws="none",
    )  # fmt: skip
    server = _Server(config, ready)
    with beside or nullcontext():
        asyncio.run(server.serve(sockets=[listener]))


def _refuse_a_writer() -> None:
    """Ask the database whether pages could write; this process makes no table, the projector does."""
    from django.db import connections

    from comity.portal.checks import projections_are_read_only
    from comity.portal.projections.fence import READ

    found = projections_are_read_only(None)
    connections[READ].close()
    if found:
        raise HouseRefused(f"{found[0].id}: {found[0].msg}; {found[0].hint}")


def _make_empty_tables(house: House) -> None:
    """Make the projections' tables before a page can ask for them; no page ever has this connection."""
    from django.db import connections

    from comity.portal.projections.fence import PROJECTOR
    from comity.portal.projections.tables import make_tables, open_projector

    open_projector(house)
    make_tables()
    connections[PROJECTOR].close()
    del connections[PROJECTOR]
    del connections.databases[PROJECTOR]


class _Server(uvicorn.Server):
    """Says when it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        self._ready()


def project_forever(
    house: House, chosen: Mapping[str, Any], every: float, ended: threading.Event, told: Callable[[str], None]
) -> None:
    """Keep the projections up to the ledgers until `ended` is set; what fails is told once and tried again."""
    start(house, chosen)
    from django.db import connections

    from comity.portal.projections.fence import PROJECTOR
    from comity.portal.projections.projector import Projector
    from comity.portal.projections.tables import make_tables, open_projector

    open_projector(house)
    projector, said, made = Projector(house), "", False
    while not ended.is_set():
        began = time.monotonic()
        try:
            if not made:
                make_tables()
                made = True
            projector.run_once()
            beat.give(house.path, house.clock())
            now = ""
        except Exception as fault:  # whatever a ledger holds, the pages go on and the operator reads why
            first = str(fault).strip().split("\n")[0]  # a database's further lines quote rows
            now = f"the projections are not brought up to the ledgers: {type(fault).__name__}: {first}"
            connections[PROJECTOR].close_if_unusable_or_obsolete()
        if now != said and now:
            told(now)
        said = now
        ended.wait(max(0.0, every - (time.monotonic() - began)))
