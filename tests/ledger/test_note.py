"""Signed notes: what is accepted, what is ignored, what rejects the whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_logs import NOON, VECTORS, key

from comity.ledger import (
    BadSignature,
    MalformedNote,
    Note,
    NoteSignature,
    NotSigned,
    format_note,
    format_signature,
    open_note,
    parse_note,
    parse_private_key,
    parse_signature,
    parse_vkey,
    sign_note,
)

NOTES = VECTORS / "note"
PETER = parse_vkey((NOTES / "go.vkey").read_text().strip())
ENOCH = parse_vkey((NOTES / "go-two.vkey").read_text().strip())
TWO = (NOTES / "go-two.note").read_bytes()
ALICE = key("ed25519", "alice.example")

names = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp"), exclude_characters="+"), min_size=1)
texts = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n")).map(lambda t: t + "\n")
signatures = st.builds(
    NoteSignature, name=names, key_id=st.binary(min_size=4, max_size=4), blob=st.binary(min_size=1, max_size=80)
)


def test_the_specifications_example_opens():
    """The example of c2sp.org/signed-note verifies under its key."""
    opened = open_note((NOTES / "c2sp.note").read_bytes(), [parse_vkey((NOTES / "c2sp.vkey").read_text().strip())])

    assert "This is an example message.\n" == opened.text
    assert ["example.com/foo"] == [v.verifier.name for v in opened.verified]


def test_gos_example_is_signed_to_the_same_bytes():
    """Signing Go's example text with Go's example key gives Go's example note."""
    signer = parse_private_key((NOTES / "go.skey").read_text().strip())
    expected = (NOTES / "go.note").read_bytes()

    assert signer.vkey == PETER.vkey
    assert sign_note(parse_note(expected).text, [signer]) == expected


def test_unknown_keys_are_ignored_and_known_keys_are_listed():
    """Of two signatures the known one is verified and the other set apart; with both known, both verify."""
    one = open_note(TWO, [PETER])
    both = open_note(TWO, [ENOCH, PETER])

    assert ["PeterNeumann"] == [v.verifier.name for v in one.verified]
    assert ["EnochRoot"] == [s.name for s in one.unknown]
    assert ["PeterNeumann", "EnochRoot"] == [v.verifier.name for v in both.verified]
    assert () == both.unknown


def test_a_note_without_any_known_key_is_rejected():
    """Text that no known key signed must not be used."""
    with pytest.raises(NotSigned, match="known are none"):
        open_note(TWO, [])
    with pytest.raises(NotSigned, match="alice"):
        open_note(TWO, [ALICE.verifier])


def test_a_known_key_whose_signature_fails_rejects_the_whole_note():
    """One good signature does not save a note that bears a bad one by another known key."""
    data = TWO.replace(b"EnochRoot rwz+eBzmZa0S", b"EnochRoot rwz+eBzmZa0T")

    assert len(open_note(data, [PETER]).verified) == 1
    with pytest.raises(BadSignature, match="EnochRoot"):
        open_note(data, [PETER, ENOCH])


def test_a_key_is_known_by_name_and_id_together():
    """Sharing only the name, or only the ID, with a known key makes a signature unknown, not bad."""
    renamed = TWO.replace(b"PeterNeumann", b"CarmenSandiego")
    other_id = TWO.replace(b"x08go", b"xxxxo")

    for data in (renamed, other_id):
        assert ["EnochRoot"] == [v.verifier.name for v in open_note(data, [PETER, ENOCH]).verified]


def test_of_two_signatures_by_one_key_the_first_counts():
    """A repeated line neither counts twice nor, if it is bad, rejects the note (as in Go)."""
    line = TWO.splitlines(keepends=True)[-2]
    bad = line.replace(b"ZJku", b"ZJkv")

    assert 1 == len(open_note(TWO + line + bad, [PETER]).verified)
    with pytest.raises(BadSignature):
        open_note(TWO.replace(line, bad + line), [PETER])


def test_two_keys_under_one_identity_are_a_bug_of_the_caller():
    """Two different keys under one name and ID are never silently merged."""

    class Impostor:
        name, key_id, kind, public, vkey = PETER.name, PETER.key_id, PETER.kind, bytes(32), "other"

        def check(self, text, blob): ...

    with pytest.raises(AssertionError, match="share the name"):
        open_note(TWO, [PETER, Impostor()])
    assert open_note(TWO, [PETER, PETER]).verified


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no empty line"),
        (b"text\n", "no empty line"),
        (b"text\n\n", "line 3: signature lines are expected"),
        (TWO[:-1], "each ending in a newline"),
        (b"\x01" + TWO, "line 1: .*control character"),
        (TWO.replace(b"\n", b"\r\n"), "control character"),
        (TWO.replace(b"then", b"then\t"), "line 2: .*control character"),
        (b"\xff" + TWO, "line 1: not UTF-8"),
        (TWO + b"Unexpected line.\n", "line 6: a signature line begins with an em dash"),
        (TWO.replace("—".encode(), b"-"), "line 4: .*em dash"),
        (TWO.replace(b"PeterNeumann ", b"Peter Neumann "), "line 4: "),
        (TWO.replace(b"PeterNeumann ", "Peter\u00a0Neumann ".encode()), "line 4: "),
        (TWO.replace(b"PeterNeumann ", b"Peter+Neumann "), "line 4: "),
        (TWO.replace(b"PeterNeumann ", b" "), "line 4: "),
        (TWO.replace(b"PeterNeumann ", b"PeterNeumann  "), "line 4: "),
        (TWO.replace(b"wJnAM=\n", b"wJnAM\n"), "line 4: .*base64"),
        (TWO.replace(b"wJnAM=\n", b"wJnAN=\n"), "line 4: .*second spelling"),
        (TWO.replace(b"wJnAM=\n", b"wJnAM= \n"), "line 4: .*base64"),
        (b"text\n\n\xe2\x80\x94 a AAAAAA==\n", "line 3: .*4 bytes"),
        (b"text\n\n" + b"\xe2\x80\x94 a AAAAAAA=\n" * 101, "at most 100 signatures"),
        (b"a" * 1_000_001, "at most 1000000 bytes"),
    ],
)  # fmt: skip
def test_what_is_not_a_note_is_refused_with_the_line(data, says):
    """Each malformation is named, by line where it has one."""
    with pytest.raises(MalformedNote, match=says):
        parse_note(data)


def test_the_last_empty_line_ends_the_text():
    """Text may hold empty lines, also at its end."""
    text = "one\n\n\ntwo\n\n"
    assert text == parse_note(sign_note(text, [ALICE])).text


def test_a_hundred_signatures_are_read():
    """The specification asks for 16; a hundred are taken."""
    line = NoteSignature(name="a", key_id=b"1234", blob=b"x")
    assert 100 == len(parse_note(format_note(Note(text="t\n", signatures=(line,) * 100))).signatures)


@pytest.mark.parametrize(
    "note",
    [
        Note(text="no newline", signatures=(NoteSignature(name="a", key_id=b"1234", blob=b"x"),)),
        Note(text="t\n", signatures=()),
        Note(text="tab\t\n", signatures=(NoteSignature(name="a", key_id=b"1234", blob=b"x"),)),
        Note(text="\ud800\n", signatures=(NoteSignature(name="a", key_id=b"1234", blob=b"x"),)),
        Note(text="t\n", signatures=(NoteSignature(name="a b", key_id=b"1234", blob=b"x"),)),
        Note(text="t\n", signatures=(NoteSignature(name="a", key_id=b"123", blob=b"x"),)),
        Note(text="t\n", signatures=(NoteSignature(name="a", key_id=b"1234", blob=b""),)),
    ],
)
def test_what_could_not_be_read_back_is_not_written(note):
    """A note that its own reader would refuse is refused by the writer."""
    with pytest.raises(MalformedNote):
        format_note(note)


@given(texts, st.lists(signatures, min_size=1, max_size=4))
def test_notes_are_read_back_as_written(text, lines):
    """Writing and reading a note gives the same note."""
    note = Note(text=text, signatures=tuple(lines))
    assert note == parse_note(format_note(note))


@given(signatures)
def test_signature_lines_are_read_back_as_written(signature):
    """A witness answers with lines alone; each reads back as written."""
    assert signature == parse_signature(format_signature(signature).removesuffix("\n"))


@given(st.one_of(st.binary(), st.binary().map(lambda b: b"t\n\n\xe2\x80\x94 " + b + b"\n")))
def test_reading_a_note_is_total(data):
    """Any bytes are a note that writes back to the same bytes, or `MalformedNote`."""
    try:
        note = parse_note(data)
    except MalformedNote:
        return
    assert format_note(note) == data


@given(st.data())
def test_any_changed_bit_of_a_signed_note_is_noticed(data):
    """A flipped bit anywhere makes the note malformed, badly signed, or signed by nobody known."""
    signed = sign_note("operator.example\nsome text\n", [ALICE])
    bit = data.draw(st.integers(0, len(signed) * 8 - 1))
    bent = bytearray(signed)
    bent[bit // 8] ^= 1 << (bit % 8)

    with pytest.raises((MalformedNote, BadSignature, NotSigned)):
        open_note(bytes(bent), [ALICE.verifier])


def test_a_signer_of_plain_text_takes_no_time():
    """A time that nothing would carry is a bug, not silently dropped."""
    with pytest.raises(AssertionError):
        ALICE.sign_note("t\n", NOON)
