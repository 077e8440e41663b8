"""An auditor with coreutils and openssl alone can check a checkpoint's Ed25519 signatures.

Nothing of the checking side here is ours: text and base64 are cut with the standard library.
"""

import base64
import shutil
import subprocess

import pytest
from small_logs import AUTHORITY, LOG, SmallLog

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl; Debian has it as openssl")

SPKI_ED25519 = bytes.fromhex("302a300506032b6570032100")
"""What DER puts before the 32 bytes of an Ed25519 public key (RFC 8410)."""


def openssl_says(tmp_path, vkey: str, message: bytes, signature: bytes) -> str:
    (tmp_path / "key.der").write_bytes(SPKI_ED25519 + base64.b64decode(vkey.split("+", 2)[2])[1:])
    (tmp_path / "message").write_bytes(message)
    (tmp_path / "signature").write_bytes(signature)
    done = subprocess.run(
        ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key.der",
         "-rawin", "-in", "message", "-sigfile", "signature"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout


def cut(checkpoint: bytes, name: str) -> tuple[bytes, bytes]:
    """The first three lines of a checkpoint, and what is in the first signature line of that name."""
    lines = checkpoint.splitlines(keepends=True)
    line = next(li.decode() for li in lines[4:] if li.decode().startswith(f"— {name} "))
    return b"".join(lines[:3]), base64.b64decode(line.split(" ")[2])


@pytest.mark.parametrize("size", [1, 257])
def test_openssl_verifies_the_logs_signature(tmp_path, size):
    """The last 64 bytes of the log's first signature are over the first three lines."""
    text, blob = cut(SmallLog.of(size).checkpoint(), LOG.name)

    assert "Signature Verified Successfully" in openssl_says(tmp_path, LOG.vkey, text, blob[-64:])
    bent = text.replace(b"\n%d\n" % size, b"\n%d\n" % (size + 1))
    assert "Signature Verification Failure" in openssl_says(tmp_path, LOG.vkey, bent, blob[-64:])


def test_openssl_verifies_a_witnesss_cosignature(tmp_path):
    """Two lines before the text, the second with the time from the blob, are what the witness signed."""
    text, blob = cut(SmallLog.of(257).checkpoint(), AUTHORITY.name)
    seconds = int.from_bytes(blob[4:12], "big")
    message = b"cosignature/v1\ntime %d\n" % seconds + text

    assert "Signature Verified Successfully" in openssl_says(tmp_path, AUTHORITY.vkey, message, blob[-64:])
    assert "Signature Verification Failure" in openssl_says(tmp_path, AUTHORITY.vkey, text, blob[-64:])
