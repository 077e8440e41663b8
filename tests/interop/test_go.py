"""What this project writes is read by golang.org/x/mod, which knows nothing of it (interop/gotlog)."""

import base64
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from small_logs import AUTHORITY, LOG, PROVIDER, SmallLog, key

from comity.ledger import Receipt, format_receipt, prove_consistency, root_of

SOURCES = Path(__file__).parent.parent.parent / "interop" / "gotlog"
GOPATH = Path("/usr/share/gocode")

pytestmark = [
    pytest.mark.skipif(shutil.which("go") is None, reason="no Go compiler; Debian has it as golang-go"),
    pytest.mark.skipif(
        not (GOPATH / "src/golang.org/x/mod/sumdb/tlog").is_dir(),
        reason=f"no golang.org/x/mod in {GOPATH}; Debian has it as golang-golang-x-mod-dev",
    ),
]

SIZES = (1, 2, 256, 257, 1000)


@pytest.fixture(scope="module")
def gotlog(tmp_path_factory):
    """The checker, built, as a function from arguments to (holds, what it said)."""
    place = tmp_path_factory.mktemp("gotlog")
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(place), "GOCACHE": str(place / "cache"),
        "GO111MODULE": "off", "GOPATH": str(GOPATH), "GOFLAGS": "", "CGO_ENABLED": "0",
    }  # fmt: skip
    subprocess.run(["go", "build", "-o", str(place / "gotlog"), "."], cwd=SOURCES, env=environment, check=True)

    def run(*args: str | Path) -> tuple[bool, str]:
        done = subprocess.run([place / "gotlog", *args], capture_output=True, text=True)
        assert done.returncode in (0, 1), done.stderr
        return done.returncode == 0, done.stdout + done.stderr

    return run


@pytest.fixture(scope="module")
def logs():
    return {size: SmallLog.of(size) for size in SIZES}


def request(log: SmallLog, old: int) -> bytes:
    """The body of an add-checkpoint request."""
    proof = prove_consistency(old, log.size, log.read)
    lines = [f"old {old}", *(base64.b64encode(h).decode() for h in proof), "", ""]
    return "\n".join(lines).encode() + log.checkpoint()


def root(log: SmallLog, size: int) -> str:
    return base64.b64encode(root_of(size, log.read)).decode()


@pytest.mark.parametrize("size", SIZES)
def test_go_accepts_a_receipt_with_both_cosignatures(gotlog, logs, tmp_path, size):
    """The log's Ed25519 key and both witnesses' cosignatures verify, and the entry is in the tree."""
    for index in {0, size // 2, size - 1}:
        (tmp_path / "r.tlog-proof").write_bytes(format_receipt(logs[size].receipt(index)))
        (tmp_path / "entry").write_bytes(logs[size].entries[index])
        holds, said = gotlog(
            "proof", tmp_path / "r.tlog-proof", tmp_path / "entry", LOG.vkey, AUTHORITY.vkey, PROVIDER.vkey
        )
        assert holds, said
        assert f"entry {index} of {size}" in said


def test_go_accepts_a_receipt_with_extra_data(gotlog, logs, tmp_path):
    """The optional extra line disturbs nobody."""
    made = logs[257].receipt(256)
    receipt = Receipt(index=256, proof=made.proof, checkpoint=made.checkpoint, extra=b"opaque")
    (tmp_path / "r").write_bytes(format_receipt(receipt))
    (tmp_path / "entry").write_bytes(logs[257].entries[256])

    assert gotlog("proof", tmp_path / "r", tmp_path / "entry", LOG.vkey)[0]


def test_go_refuses_a_receipt_that_is_bent(gotlog, logs, tmp_path):
    """Another entry, another index, another size, a missing witness and a stranger's key are refused."""
    log = logs[257]
    data = format_receipt(log.receipt(7))
    (tmp_path / "entry").write_bytes(log.entries[7])
    (tmp_path / "other").write_bytes(log.entries[8])

    def said(data: bytes, entry: str, *keys: str) -> str:
        (tmp_path / "r").write_bytes(data)
        holds, text = gotlog("proof", tmp_path / "r", tmp_path / entry, *keys)
        assert not holds
        return text

    assert "invalid transparency proof" in said(data, "other", LOG.vkey)
    assert "invalid transparency proof" in said(data.replace(b"index 7", b"index 8"), "entry", LOG.vkey)
    assert "invalid signature" in said(data.replace(b"\n257\n", b"\n258\n"), "entry", LOG.vkey)
    alone = format_receipt(log.receipt(7, LOG, AUTHORITY))
    assert "no signature by provider.example" in said(alone, "entry", LOG.vkey, AUTHORITY.vkey, PROVIDER.vkey)
    stranger = key("ed25519", "stranger.example")
    assert "no verifiable signatures" in said(data, "entry", stranger.vkey)


def test_go_refuses_a_cosignature_at_another_time(gotlog, logs, tmp_path):
    """The time is under the witness's signature: one second more, and it fails."""
    log = logs[257]
    data = format_receipt(log.receipt(7))
    line = next(li for li in data.decode().splitlines() if AUTHORITY.name in li)
    blob = bytearray(base64.b64decode(line.split(" ")[2]))
    blob[11] ^= 1
    changed = data.replace(line.split(" ")[2].encode(), base64.b64encode(bytes(blob)))
    (tmp_path / "r").write_bytes(changed)
    (tmp_path / "entry").write_bytes(log.entries[7])

    holds, said = gotlog("proof", tmp_path / "r", tmp_path / "entry", LOG.vkey, AUTHORITY.vkey)
    assert not holds
    assert f"invalid signature for key {AUTHORITY.name}" in said


@pytest.mark.parametrize("size", SIZES)
def test_go_accepts_our_consistency_proofs(gotlog, logs, tmp_path, size):
    """From several older sizes up to the whole, as a witness would be asked."""
    log = logs[size]
    for old in {1, size // 2 or 1, size - 1 or 1, size}:
        (tmp_path / "request").write_bytes(request(log, old))
        holds, said = gotlog("consistency", tmp_path / "request", root(log, old), LOG.vkey)
        assert holds, said


def test_go_refuses_a_history_that_changed(gotlog, logs, tmp_path):
    """A witness that remembers another root is not talked out of it."""
    log = logs[257]
    (tmp_path / "request").write_bytes(request(log, 100))

    assert "invalid transparency proof" in gotlog("consistency", tmp_path / "request", root(log, 99), LOG.vkey)[1]
    (tmp_path / "request").write_bytes(request(log, 100).replace(b"old 100", b"old 99"))
    assert "invalid transparency proof" in gotlog("consistency", tmp_path / "request", root(log, 99), LOG.vkey)[1]


@pytest.mark.parametrize("size", SIZES)
def test_go_reads_the_whole_directory(gotlog, logs, tmp_path, size):
    """Every hash tile leads to the signed root and every entry to its leaf hash."""
    logs[size].write(tmp_path)
    holds, said = gotlog("tiles", tmp_path, LOG.vkey)

    assert holds, said
    assert f"{size} entries" in said


def test_go_finds_one_changed_byte_in_a_directory(gotlog, logs, tmp_path):
    """An entry, a hash, the size or a missing tile: each is found and named."""
    log = logs[1000]

    def said() -> str:
        holds, text = gotlog("tiles", tmp_path, LOG.vkey)
        assert not holds
        log.write(tmp_path)
        return text

    def change(path: str, at: int) -> None:
        data = bytearray((tmp_path / path).read_bytes())
        data[at] ^= 1
        (tmp_path / path).write_bytes(bytes(data))

    log.write(tmp_path)
    change("tile/entries/000", 2)
    assert "entry 0 does not match its leaf hash" in said()
    change("tile/entries/003.p/232", -1)
    assert "entry 999 does not match its leaf hash" in said()
    change("tile/0/001", 5)
    assert "entry 256 does not match its leaf hash" in said()
    change("tile/1/000.p/3", 5)
    assert "downloaded inconsistent tile" in said()
    checkpoint = tmp_path / "checkpoint"
    checkpoint.write_bytes(checkpoint.read_bytes().replace(b"\n1000\n", b"\n1001\n"))
    assert "invalid signature" in said()
    (tmp_path / "tile/0/002").unlink()
    assert "no such file" in said()


def test_go_finds_an_entry_changed_together_with_its_leaf_hash(gotlog, logs, tmp_path):
    """Bundle and hash tile that agree with each other but not with the signed root are found out, in any tile."""
    log = logs[1000]
    for index in (0, 300, 600, 999):
        log.write(tmp_path)
        forged = SmallLog([*log.entries[:index], b"forged", *log.entries[index + 1 :]])
        (tmp_path / "forged").mkdir(exist_ok=True)
        forged.write(tmp_path / "forged")
        for kind in ("0", "entries"):
            width = ".p/232" if index // 256 == 3 else ""
            path = f"tile/{kind}/00{index // 256}{width}"
            (tmp_path / path).write_bytes((tmp_path / "forged" / path).read_bytes())
        holds, said = gotlog("tiles", tmp_path, LOG.vkey)
        assert not holds
        assert "inconsistent tile" in said or "another root than the checkpoint" in said


@pytest.mark.slow
def test_go_reads_a_directory_of_seventy_thousand(gotlog, tmp_path):
    """Three levels of tiles and 274 bundles, every entry of them."""
    log = SmallLog.of(70_000)
    log.write(tmp_path)
    holds, said = gotlog("tiles", tmp_path, LOG.vkey)

    assert holds, said
    assert "70000 entries" in said
