"""A gateway over a ledger in PostgreSQL, in a process of its own.

    python postgres_runner.py FOLDER PROVIDER_URL ADDRESS LEASE_MS    fork a gateway for each line read

As `runner.py`, for the other store.  The folder holds `offer.json`.
"""

import asyncio
import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from comity.arrangement import verify_offer
from comity.gateway import Doors, Gate, Provider, Upstream, admission
from comity.gateway.opening import SCHEMA
from comity.gateway.serve import bind, serve
from comity.ledger import open_ledger
from support import PERMIT


def run(folder: Path, provider_url: str, address: str) -> None:
    offer = verify_offer((folder / "offer.json").read_bytes())
    listener = bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    async def main() -> None:
        with open_ledger(address, origin=offer.terms.ledger.origin, schema=SCHEMA) as ledger:
            provider = Provider(upstream=Upstream(provider_url), key="upstream-key-of-the-test")
            gate = Gate(
                ledger=ledger,
                terms=offer.terms,
                providers={"openai": provider, "anthropic": provider},
                permit_signer=PERMIT,
                clock=lambda: datetime.now(UTC),
                monotonic=time.monotonic,
                random=os.urandom,
                software="test",
            )

            def ready() -> None:
                print(json.dumps({"url": url, "pid": os.getpid()}), flush=True)

            await serve({offer.terms.id: Doors(gate, folder / "public")}, listener, ready=ready)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


def main() -> None:
    folder, provider_url, address, lease = sys.argv[1:]
    admission.LEASE_MS = int(lease)  # type: ignore[misc]
    for _ in sys.stdin:
        if os.fork() == 0:
            try:
                run(Path(folder), provider_url, address)
            except BaseException as fault:
                print(json.dumps(f"a gateway ended: {fault!r}"), flush=True)  # else the test waits for its address
                raise
            os._exit(0)


if __name__ == "__main__":
    main()
