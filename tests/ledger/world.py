"""A small world for the tests of publishing: an operator with two log keys, two witnesses,
a clock that steps.
"""

import hashlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from comity.ledger import (
    Ledger,
    Policy,
    Publisher,
    Signer,
    TileDirectory,
    check_receipt,
    create_ledger,
    generate_key,
    leaf_hash,
    open_checkpoint,
    open_ledger,
    parse_policy,
    receipt,
    root_of,
)
from comity.ledger.policy import QuorumMet
from comity.ledger.publish_files import DiskFolder, Folder
from comity.ledger.tiles import parse_tile_path
from comity.ledger.transport import Answer, Unreachable
from comity.ledger.witness import Witness

ORIGIN = "operator.example/a/1"


def seeded(seed: str) -> Callable[[int], bytes]:
    """Randomness that is the same in every run."""
    return lambda count: hashlib.shake_256(seed.encode()).digest(count)


class SteppingClock:
    """A clock that moves one second each time it is read."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


class World:
    """One ledger, its publisher and two witnesses in one folder; can be broken and started again."""

    def __init__(self, path: Path, *, quorum: str = "both") -> None:
        self.path = path
        self.clock = SteppingClock()
        self.signers: list[Signer] = [
            generate_key("ed25519", ORIGIN, seeded("log")),
            generate_key("mldsa44-cosigner", ORIGIN, seeded("log-mldsa")),
        ]
        names = ("authority", "provider")
        keys = {name: generate_key("ed25519-cosigner", f"{name}.example/w", seeded(name)) for name in names}
        lines = [f"log {signer.vkey}" for signer in self.signers]
        lines += [f"witness {name} {key.vkey} http://{name}.example/" for name, key in keys.items()]
        lines += ["group both all authority provider", "group either any both" if quorum == "either" else ""]
        self.policy: Policy = parse_policy("\n".join([*lines, f"quorum {quorum}"]) + "\n")
        self.witnesses = {name: Witness(path / name, signer=key, clock=self.clock) for name, key in keys.items()}
        for witness in self.witnesses.values():
            witness.add_log(self.policy)
        self.away: set[str] = set()
        self.asked: list[str] = []
        self.ledger: Ledger = create_ledger(path / "ledger.sqlite", origin=ORIGIN)
        self.folder: Folder = DiskFolder(path / "public")
        self.publisher = self.new_publisher()

    @property
    def directory(self) -> TileDirectory:
        """What anybody sees."""
        return TileDirectory(self.path / "public")

    def new_publisher(self) -> Publisher:
        """A publisher as after a restart."""
        return Publisher(
            self.ledger,
            self.folder,
            signers=self.signers,
            policy=self.policy,
            clock=self.clock,
            ask=self.ask,
        )

    def ask(self, url: str, body: bytes) -> Answer:
        """The network: it reaches a witness unless that one is away."""
        name = url.removeprefix("http://").partition(".")[0]
        assert f"http://{name}.example/add-checkpoint" == url
        self.asked.append(name)
        if name in self.away:
            raise Unreachable(f"{name} is away")
        return self.witnesses[name].add_checkpoint(body)

    def append(self, entries: Iterable[bytes]) -> None:
        """Record entries."""
        self.ledger.append(list(entries))

    def restart(self) -> None:
        """Close everything of the operator's and open it again from the disk."""
        self.ledger.close()
        self.ledger = open_ledger(self.path / "ledger.sqlite")
        self.folder = DiskFolder(self.path / "public")
        self.publisher = self.new_publisher()

    def close(self) -> None:
        """Give all files back."""
        self.ledger.close()
        for witness in self.witnesses.values():
            witness.close()

    def check_everything(self, *, quorum: bool = True) -> int:
        """Read every tile, entry and proof against the published checkpoint; the size that it covers."""
        directory = self.directory
        verdict = open_checkpoint(directory.checkpoint(), self.policy)
        assert isinstance(verdict.quorum, QuorumMet) or not quorum
        assert 2 == len(verdict.log_signatures)
        size = verdict.head.size
        assert verdict.head.root == root_of(size, directory.hashes(size))
        entries = directory.entries(0, size)
        assert entries == self.ledger.read(0, size)
        for index in {0, 1, size // 2, size - 1, size - size % 256} & set(range(size)):
            proof = receipt(directory, index)
            assert proof is not None
            assert leaf_hash(entries[index]) == check_receipt(proof, entries[index], self.policy).leaf
        assert None is receipt(directory, size)
        for file in (self.path / "public" / "tile").rglob("*"):
            if file.is_file():
                parse_tile_path(str(file.relative_to(self.path / "public")))
        return size
