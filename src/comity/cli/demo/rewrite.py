"""The operator's forger: it changes one entry in the operator's own database and signs the new history.

    python -m comity.cli.demo.rewrite --home DIR --arrangement ID --position N --set NAME=VALUE … --out FOLDER

The operator owns the file and holds both log keys, so nothing on its own machine stops it:

1. the triggers that refuse an update are dropped, the entry is written anew with other members, and the
   signed head is forgotten;
2. the tiles of the old history are removed, and the ledger's own publisher derives new ones, signs the new
   root with the real log keys (Ed25519 and ML-DSA-44), and asks both sides' witnesses to cosign;
3. a copy of the new history goes to FOLDER, with the checkpoint that the operator signed and the cosignatures
   that it got.

It prints what the witnesses answered, in one JSON line.  The gateway must not be running.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import apsw

from comity.arrangement import verify_offer
from comity.cli.home import open_home
from comity.ledger import AwaitingQuorum, open_ledger, parse_private_key
from comity.ledger.publisher import Publisher
from comity.records import canonical_bytes, parse_canonical


def change(database: Path, position: int, members: dict[str, str]) -> dict[str, Any]:
    """Write one entry anew, past every guard that a file's owner can remove; what it says now."""
    connection = apsw.Connection(str(database))
    try:
        rows: list[Any] = connection.execute(
            "SELECT entry FROM ledger_entries WHERE position = ?", (position,)
        ).fetchall()
        changed = parse_canonical(bytes(rows[0][0])) | members
        connection.execute("DROP TRIGGER ledger_no_update")
        connection.execute(
            "UPDATE ledger_entries SET entry = ? WHERE position = ?", (canonical_bytes(changed), position)
        )
        connection.execute("DELETE FROM ledger_head")
    finally:
        connection.close()
    return changed


def publish(home_path: Path, arrangement: str, out: Path) -> dict[str, Any]:
    """Sign the history that the database now tells, ask the witnesses, and copy what there is to `out`."""
    home = open_home(home_path)
    folder = home_path / "ledgers" / arrangement
    shutil.rmtree(folder / "public")
    signers = [parse_private_key((folder / "keys" / name).read_text().strip()) for name in ("log", "log-mldsa")]
    policy = verify_offer((folder / "terms.json").read_bytes()).terms.ledger.policy
    with open_ledger(folder / "ledger.sqlite") as ledger:
        publisher = Publisher(ledger, folder / "public", signers=signers, policy=policy, clock=home.clock)
        outcome = publisher.publish_once()
        head = ledger.signed_head() or b""
    refused = list(outcome.reasons) if isinstance(outcome, AwaitingQuorum) else []
    shutil.copytree(folder / "public", out, ignore=shutil.ignore_patterns(".draft"))
    if refused:
        (out / "checkpoint").write_bytes(head)
    return {"size": outcome.size, "cosigned": not refused, "answers": refused}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m comity.cli.demo.rewrite", description="The operator's forger.")
    parser.add_argument("--home", type=Path, required=True, help="the operator's folder")
    parser.add_argument("--arrangement", required=True, help="the arrangement's id")
    parser.add_argument("--position", type=int, required=True, help="the entry to change")
    parser.add_argument("--set", dest="members", action="append", metavar="NAME=VALUE", required=True)
    parser.add_argument("--out", type=Path, required=True, help="where the new history's copy goes")
    asked = parser.parse_args()
    members = dict(text.partition("=")[::2] for text in asked.members)
    database = asked.home / "ledgers" / asked.arrangement / "ledger.sqlite"
    entry = change(database, asked.position, members)
    print(json.dumps({"entry": entry, **publish(asked.home, asked.arrangement, asked.out)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
