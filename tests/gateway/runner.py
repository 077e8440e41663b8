"""A gateway in a process of its own, for tests that kill it, trace it or search what it leaves.

    python runner.py FOLDER PROVIDER_URL [--lease MS] [--synchronous OFF]    serve until SIGTERM
    python runner.py FOLDER PROVIDER_URL --nursery                           fork such a process for each line read

The folder holds `ledger.sqlite` and `offer.json` as `support.live_gateway` makes them.  Each process prints one
line of JSON when it is ready: its address and its process id.  The nursery has everything imported, so that a
new process takes milliseconds.  Neither switch exists in the product: a gateway's lease and its disk's care are
not for choosing.
"""

import argparse
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
from comity.ledger.sqlite import SqliteLedger
from support import PERMIT


def run(folder: Path, provider_url: str, synchronous: str) -> None:
    offer = verify_offer((folder / "offer.json").read_bytes())
    listener = bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    async def main() -> None:
        with SqliteLedger(folder / "ledger.sqlite", schema=SCHEMA, synchronous=synchronous) as ledger:  # type: ignore[arg-type]
            provider = Provider(upstream=Upstream(provider_url), key="upstream-key-of-the-test")
            gate = Gate(
                ledger=ledger,
                terms=offer.terms,
                providers={"openai": provider, "anthropic": provider, "gemini": provider},
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
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("provider_url")
    parser.add_argument("--lease", type=int, default=admission.LEASE_MS)
    parser.add_argument("--synchronous", default="FULL")
    parser.add_argument("--nursery", action="store_true")
    args = parser.parse_args()
    admission.LEASE_MS = args.lease  # type: ignore[misc]
    if not args.nursery:
        run(args.folder, args.provider_url, args.synchronous)
        return
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            run(args.folder, args.provider_url, args.synchronous)
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
