"""Keys: one line of text each, in one spelling."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_logs import AUTHORITY, LOG, LOG_MLDSA, VECTORS, key

from comity.ledger import KeyKind, MalformedKey, generate_key, parse_private_key, parse_vkey

KINDS: tuple[KeyKind, ...] = ("ed25519", "ed25519-cosigner", "mldsa44-cosigner")
GO_VKEY = (VECTORS / "note" / "go.vkey").read_text().strip()
GO_SKEY = (VECTORS / "note" / "go.skey").read_text().strip()


def substrings(text: str) -> list[str]:
    return [text[i:j] for i in range(len(text) + 1) for j in range(i + 1, len(text) + 1) if (i, j) != (0, len(text))]


def bumped(text: str) -> list[str]:
    return [text[:i] + chr(ord(c) + 1) + text[i + 1 :] for i, c in enumerate(text)]


@pytest.mark.parametrize("text", [GO_VKEY, AUTHORITY.vkey])
def test_no_part_and_no_neighbour_of_a_verifier_key_is_one(text):
    """Every substring, and every byte plus one, is refused."""
    assert parse_vkey(text).vkey == text
    for wrong in substrings(text) + bumped(text):
        with pytest.raises(MalformedKey):
            parse_vkey(wrong)


def test_no_part_and_no_neighbour_of_a_private_key_is_one():
    """Every substring, and every byte plus one, is refused."""
    assert parse_private_key(GO_SKEY).private_text() == GO_SKEY
    for wrong in substrings(GO_SKEY) + bumped(GO_SKEY):
        with pytest.raises(MalformedKey):
            parse_private_key(wrong)


def test_a_large_key_is_as_strict():
    """Of an ML-DSA-44 key every byte plus one, and every beginning, is refused."""
    text = LOG_MLDSA.vkey
    for wrong in bumped(text) + [text[:n] for n in range(len(text))]:
        with pytest.raises(MalformedKey):
            parse_vkey(wrong)


@pytest.mark.parametrize("text", (VECTORS / "note" / "go-refused.vkeys").read_text().split())
def test_keys_with_the_right_id_but_wrong_material_are_refused(text):
    """A wrong length or an unknown type is refused although the key ID fits."""
    with pytest.raises(MalformedKey):
        parse_vkey(text)


@pytest.mark.parametrize(
    "text",
    [
        GO_VKEY.replace("c74f20a3", "C74F20A3"),
        GO_VKEY + "\n",
        " " + GO_VKEY,
        GO_VKEY.replace("PeterNeumann", "Peter Neumann"),
        GO_VKEY.replace("PeterNeumann", "Peter\u2003Neumann"),
        "a+00000000+",
        "++",
        "\ud800+00000000+AAAA",
        "a+00000000+\ud800",
    ],
)
def test_second_spellings_of_a_key_are_refused(text):
    """Upper-case hex, blanks around the line and names with spaces are refused."""
    with pytest.raises(MalformedKey):
        parse_vkey(text)


@pytest.mark.parametrize(("kind", "number"), [(KINDS[0], 1), (KINDS[1], 4), (KINDS[2], 6)])
def test_key_ids_are_those_of_the_specification(kind, number):
    """ID = SHA-256(name, newline, type, public key)[:4], and the vkey carries type and key."""
    made = key(kind, "host.example/k")
    name, key_id, material = made.vkey.split("+", 2)
    raw = base64.b64decode(material)

    assert raw[0] == number
    assert bytes.fromhex(key_id) == hashlib.sha256(b"host.example/k\n" + raw).digest()[:4] == made.key_id
    assert "host.example/k" == name


@pytest.mark.parametrize("kind", KINDS)
def test_a_private_line_gives_the_same_key_back(kind):
    """What a key file holds is type and seed, and reads back to the same public key."""
    made = generate_key(kind, "host.example/k", lambda n: b"s" * n)
    again = parse_private_key(made.private_text())

    assert again == made
    assert again.vkey == made.vkey
    assert base64.b64decode(made.private_text().split("+")[4])[1:] == b"s" * 32


def test_one_seed_under_two_kinds_or_names_is_two_keys():
    """Kind and name are part of a key's identity."""
    ids = {generate_key(kind, name, lambda n: bytes(n)).key_id for kind in KINDS for name in ("a", "b")}
    assert 6 == len(ids)


def test_a_signer_never_shows_its_seed():
    """Neither a signer's text nor an error about a private key repeats the secret."""
    seed = base64.b64encode(b"\x01" + LOG._seed).decode()  # type: ignore[attr-defined]
    assert seed[4:20] not in repr(LOG) + str(LOG)
    for wrong in (LOG.private_text()[:-4] + "====", LOG.private_text().replace(LOG.key_id.hex(), "00000000")):
        with pytest.raises(MalformedKey) as refused:
            parse_private_key(wrong)
        assert seed[4:20] not in str(refused.value)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\tb", "a\u00a0b", "a\nb", "\ud800"])
def test_names_that_a_note_cannot_carry_are_refused(name):
    """No key is made under a name that would not survive a signature line."""
    with pytest.raises(MalformedKey):
        generate_key("ed25519", name, bytes)


def test_too_little_randomness_is_refused():
    """A source that answers short does not silently make a weak key."""
    with pytest.raises(MalformedKey, match="32 bytes"):
        generate_key("ed25519", "a", lambda n: b"x" * (n - 1))


@given(st.text())
def test_reading_a_key_is_total(text):
    """Any text is a key or `MalformedKey`."""
    for parse in (parse_vkey, parse_private_key):
        with pytest.raises(MalformedKey):
            parse(text)
        with pytest.raises(MalformedKey):
            parse("PRIVATE+KEY+" + text)
