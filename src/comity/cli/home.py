"""Homes: the folder of one instance, and the keys in it.

Each side runs its own instance in its own folder; nothing here ever opens
another side's.  `comity.json` says who it is:

    {"format":"comity instance/1","host":"…","name":"…","role":"authority"}

Keys lie in `keys/`, one file and one purpose each, mode 600:

| file | what it is | who has it |
| --- | --- | --- |
| `party` | Ed25519 note key; signs terms, grants, stops | authority, provider |
| `witness` | Ed25519 cosigner key; cosigns checkpoints | authority, provider |
| `guard` | Ed25519 note key; signs the counters of the provider's guard | provider |
| `log`, `log-mldsa` | Ed25519 and ML-DSA-44 keys of one ledger, under `ledgers/<id>/keys/` | operator |
| `permit` | Ed25519 note key; signs the permit of each request that a gateway sends on | operator |
| `recipient` | ML-KEM-768 and X25519; opens sealed content | authority, evaluator |
| `persons/<pseudonym>` | Ed25519 note key; approves versions before a side signs | authority, provider |
| `projections-reader`, `projections-projector` | addresses of the portal's tables, where they lie in PostgreSQL | any |
| `access` | the bearer secret of a person who calls | evaluator |

A home may ask for approvals (`"approvals": 1`): then as many listed persons, beside the one who signs, approve a
version before it is signed.  Their public keys stand in `persons.json` (`comity.cli.persons`).

An operator is whoever reserves a ledger, and the first one reserved makes the
`permit` key; one serves all ledgers of a home.

This module is an edge: the real clock, the real randomness and the real disk.
"""

import json
import os
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import click

from comity.ledger import Signer, generate_key, parse_private_key
from comity.vault import generate_recipient, parse_recipient_key

__all__ = ["ROLES", "Home", "make_home", "open_home", "write_private"]

ROLES: Final = ("authority", "provider", "operator", "evaluator")
FORMAT: Final = "comity instance/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """One instance's folder, and who it belongs to."""

    path: Path
    role: str
    name: str
    host: str
    approvals: int = 0
    """How many further persons approve a version before this side signs it."""

    def clock(self) -> datetime:
        """The time, aware and in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds by a clock that is never set back, for spans alone."""
        return time.monotonic()

    def random(self, count: int) -> bytes:
        """`count` bytes from the system's generator."""
        return secrets.token_bytes(count)

    def key_path(self, name: str) -> Path:
        """Where the key of one purpose lies; raises a `ClickException` if this home has none."""
        path = self.path / "keys" / name
        if not path.exists():
            raise click.ClickException(
                f"no {name} key in this {self.role}'s home. Expected a file {path.name} under keys/; "
                f"'comity init' makes the keys that a role needs."
            )
        return path

    def signer(self, name: str) -> Signer:
        """The note key of one purpose."""
        return parse_private_key(self.key_path(name).read_text().strip())

    def secret(self) -> str:
        """The bearer secret of the person who calls."""
        return self.key_path("access").read_text().strip()

    def card(self, *, witness_url: str = "", logs: tuple[str, ...] = (), origin: str = "") -> dict[str, Any]:
        """The public keys of this instance, as a file that others may hold."""
        card: dict[str, Any] = {
            "format": "comity card/1",
            "role": self.role,
            "name": self.name,
            "host": self.host,
        }
        keys = self.path / "keys"
        if (keys / "party").exists():
            card["party"] = self.signer("party").vkey
        if (keys / "witness").exists():
            card["witness"] = self.signer("witness").vkey
            card["witness_url"] = witness_url
        for name in ("permit", "guard"):
            if (keys / name).exists():
                card[name] = self.signer(name).vkey
        if (keys / "recipient").exists():
            card["recipient"] = parse_recipient_key(self.key_path("recipient").read_text()).public_text()
        if (keys / "access").exists():
            card["access"] = sha256(self.secret().encode()).hexdigest()
        if logs:
            card["log"], card["origin"] = list(logs), origin
        return card


def write_private(path: Path, text: str) -> None:
    """Write a secret once, readable by its owner alone; never over an existing file."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise click.ClickException(
            f"{path.name} exists already in {path.parent.name}/; keys are never overwritten"
        ) from None
    with os.fdopen(handle, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())


def make_home(path: Path, *, role: str, name: str, host: str, approvals: int = 0) -> Home:
    """Make the folder of a new instance with the keys that its role needs."""
    if (path / "comity.json").exists():
        raise click.ClickException(f"{path} holds an instance already; choose an empty folder")
    home = Home(path=path, role=role, name=name, host=host, approvals=approvals)
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    if role in ("authority", "provider"):
        write_private(path / "keys" / "party", generate_key("ed25519", host, home.random).private_text())
        witness = generate_key("ed25519-cosigner", f"{host}/witness", home.random)
        write_private(path / "keys" / "witness", witness.private_text())
    if role == "provider":
        write_private(path / "keys" / "guard", generate_key("ed25519", f"{host}/guard", home.random).private_text())
    if role in ("authority", "evaluator"):
        write_private(path / "keys" / "recipient", generate_recipient(home.random).private_text())
    if role == "evaluator":
        write_private(path / "keys" / "access", "comity-" + secrets.token_urlsafe(32))
    members: dict[str, Any] = {"format": FORMAT, "host": host, "name": name, "role": role}
    if approvals:
        members["approvals"] = approvals
    (path / "comity.json").write_text(json.dumps(members, indent=1, ensure_ascii=False) + "\n")
    return home


def open_home(path: Path) -> Home:
    """Open an instance's folder; raises a `ClickException` that says what was expected."""
    try:
        members = json.loads((path / "comity.json").read_text())
        approvals = int(members.get("approvals", 0))
        home = Home(
            path=path, role=members["role"], name=members["name"], host=members["host"], approvals=approvals
        )
    except FileNotFoundError:
        raise click.ClickException(
            f"no instance in {path}: expected a comity.json there. "
            f"Make one with 'comity init {path} --role …', or name another with --home."
        ) from None
    except (ValueError, KeyError, TypeError):
        raise click.ClickException(f"{path / 'comity.json'} is not an instance file ({FORMAT})") from None
    if members.get("format") != FORMAT or home.role not in ROLES:
        raise click.ClickException(f"{path / 'comity.json'}: expected format {FORMAT} and a role of {', '.join(ROLES)}")
    return home
