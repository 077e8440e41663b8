"""Checkpoints: three lines, and two doors under a policy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_logs import (
    AUTHORITY,
    EVERYBODY,
    LOG,
    LOG_MLDSA,
    NOON,
    ORIGIN,
    POLICY,
    PROVIDER,
    SmallLog,
    key,
)

from comity.ledger import (
    BadSignature,
    CheckpointRefused,
    LedgerError,
    MalformedCheckpoint,
    MalformedNote,
    Note,
    NoteSignature,
    NotSigned,
    QuorumMet,
    QuorumMissing,
    TreeHead,
    format_head,
    format_note,
    format_signature,
    open_checkpoint,
    open_checkpoint_strictly,
    parse_head,
    parse_note,
    parse_policy,
    sign_note,
)
from comity.ledger import cosignature as co

SMALL = SmallLog.of(5)
FULL = SMALL.checkpoint()
STRANGER = key("ed25519-cosigner", "stranger.example")
ROOT = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="


@given(
    st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=60),
    st.integers(0, 2**63 - 1),
    st.binary(min_size=32, max_size=32),
)
def test_heads_are_read_back_as_written(origin, size, root):
    """Writing and reading a tree head gives the same head, also strictly."""
    head = TreeHead(origin=origin, size=size, root=root)
    assert head == parse_head(format_head(head)) == parse_head(format_head(head), strict=True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "log\n",
        "log\n1\n",
        f"log\n1\n{ROOT}",
        f"\n1\n{ROOT}\n",
        f"log\n01\n{ROOT}\n",
        f"log\n+1\n{ROOT}\n",
        f"log\n-1\n{ROOT}\n",
        f"log\n 1\n{ROOT}\n",
        f"log\n1_0\n{ROOT}\n",
        f"log\n\u0661\n{ROOT}\n",
        f"log\n9223372036854775808\n{ROOT}\n",
        "log\n" + "9" * 5000 + f"\n{ROOT}\n",
        f"log\n1\n{ROOT[:-2]}B=\n",
        f"log\n1\n{ROOT[:-1]}\n",
        "log\n1\nAAAA\n",
        f"log\n1\n{ROOT}\n\n",
        f"log\n1\n{ROOT}\n\nextension\n",
        f"log\n1\n{ROOT}\nextension\n\n",
        "l" * 256 + f"\n1\n{ROOT}\n",
    ],
)
def test_what_is_not_a_checkpoint_is_refused(text):
    """Second spellings of a number or a root, missing and empty lines are refused."""
    with pytest.raises(MalformedCheckpoint):
        parse_head(text)


def test_extension_lines_are_skipped_or_strictly_refused():
    """No extension line is ever read; the strict reader names the line."""
    text = f"log\n1\n{ROOT}\nextension\n"
    assert TreeHead(origin="log", size=1, root=bytes(32)) == parse_head(text)
    with pytest.raises(MalformedCheckpoint, match="line 4: extension line 'extension'") as refused:
        parse_head(text, strict=True)
    assert 4 == refused.value.line


@given(st.text())
def test_reading_a_checkpoint_is_total(text):
    """Any text is a checkpoint or `MalformedCheckpoint`."""
    for candidate in (text, f"log\n{text}\n{ROOT}\n", f"log\n1\n{text}\n", f"{text}\n1\n{ROOT}\n"):
        try:
            head = parse_head(candidate)
        except MalformedCheckpoint:
            continue
        assert candidate.startswith(format_head(head))


@pytest.mark.parametrize(
    "head",
    [
        TreeHead(origin="", size=0, root=bytes(32)),
        TreeHead(origin="a\nb", size=0, root=bytes(32)),
        TreeHead(origin="\ud800", size=0, root=bytes(32)),
        TreeHead(origin="a", size=-1, root=bytes(32)),
        TreeHead(origin="a", size=0, root=bytes(31)),
    ],
)
def test_a_head_that_could_not_be_read_is_not_written(head):
    """The writer refuses what its reader would refuse."""
    with pytest.raises(MalformedCheckpoint):
        format_head(head)


def test_a_checkpoint_that_all_signed_tells_each_fact():
    """Both log keys, both witnesses with their times, and a quorum that is met."""
    for door in (open_checkpoint, open_checkpoint_strictly):
        verdict = door(FULL, POLICY)
        assert TreeHead(origin=ORIGIN, size=5, root=parse_head(SMALL.text()).root) == verdict.head
        assert [("ed25519", None), ("mldsa44-cosigner", NOON)] == [(s.key.kind, s.at) for s in verdict.log_signatures]
        assert [("authority", NOON), ("provider", NOON)] == [(c.witness, c.at) for c in verdict.cosigned_by]
        assert QuorumMet() == verdict.quorum
        assert 0 == verdict.unknown_signatures


def test_a_missing_witness_is_a_fact_at_one_door_and_a_refusal_at_the_other():
    """Before the quorum an entry is recorded; the strict door waits for every signature."""
    data = SMALL.checkpoint(LOG, LOG_MLDSA, AUTHORITY)

    assert QuorumMissing(missing=("provider",)) == open_checkpoint(data, POLICY).quorum
    with pytest.raises(CheckpointRefused, match="line 8: no signature by provider.example/witness"):
        open_checkpoint_strictly(data, POLICY)


def test_either_key_of_the_log_will_do_at_the_normal_door():
    """A verifier without ML-DSA, or one that trusts nothing else, can each go by one key."""
    for signer in (LOG, LOG_MLDSA):
        (signature,) = open_checkpoint(SMALL.checkpoint(signer), POLICY).log_signatures
        assert signature.key == signer.verifier


def test_witnesses_without_the_log_are_not_enough():
    """A checkpoint that no log key signed is nobody's, whoever cosigned it."""
    with pytest.raises(NotSigned, match="no log of the policy"):
        open_checkpoint(SMALL.checkpoint(AUTHORITY, PROVIDER), POLICY)


def test_a_log_signs_only_under_its_own_origin():
    """A trusted log's key does not make it speak for another origin."""
    other = format_head(TreeHead(origin="elsewhere.example/log", size=1, root=bytes(32)))
    with pytest.raises(NotSigned):
        open_checkpoint(sign_note(other, [LOG], NOON), POLICY)
    with pytest.raises(CheckpointRefused, match="line 1: origin"):
        open_checkpoint_strictly(sign_note(other, EVERYBODY, NOON), POLICY)


def test_a_bad_signature_by_any_named_key_rejects_the_checkpoint():
    """Neither door overlooks a failing signature by a log or a witness that the policy names."""
    note = parse_note(FULL)
    for n, signature in enumerate(note.signatures):
        bent = NoteSignature(
            name=signature.name, key_id=signature.key_id, blob=signature.blob[:-1] + bytes([signature.blob[-1] ^ 1])
        )
        data = format_note(Note(text=note.text, signatures=(*note.signatures[:n], bent, *note.signatures[n + 1 :])))
        with pytest.raises(BadSignature):
            open_checkpoint(data, POLICY)
        with pytest.raises(CheckpointRefused, match=f"line {5 + n}: .*not valid"):
            open_checkpoint_strictly(data, POLICY)


def test_strictly_an_unknown_line_is_refused_by_number():
    """One line by a key that the policy does not name is ignored at one door and refused at the other."""
    data = SMALL.checkpoint(LOG, STRANGER, LOG_MLDSA, AUTHORITY, PROVIDER)

    assert 1 == open_checkpoint(data, POLICY).unknown_signatures
    with pytest.raises(CheckpointRefused, match=r"line 6: .*stranger.example.*expected are") as refused:
        open_checkpoint_strictly(data, POLICY)
    assert 6 == refused.value.line


def test_strictly_a_second_line_by_one_key_is_refused_by_number():
    """Even a valid second signature by a named key is one too many."""
    data = FULL + format_signature(AUTHORITY.sign_note(SMALL.text(), NOON)).encode()

    assert QuorumMet() == open_checkpoint(data, POLICY).quorum
    with pytest.raises(CheckpointRefused, match="line 9: a second signature by authority"):
        open_checkpoint_strictly(data, POLICY)


def test_strictly_every_signature_line_is_needed():
    """Whichever line is left out, it is missed by name."""
    for missing in EVERYBODY:
        data = SMALL.checkpoint(*(s for s in EVERYBODY if s is not missing))
        with pytest.raises(CheckpointRefused, match=f"line 8: no signature by {missing.name}\\+{missing.key_id.hex()}"):
            open_checkpoint_strictly(data, POLICY)


def test_strictly_an_extension_line_is_refused():
    """A checkpoint with an extension line, signed by all, does not pass the strict door."""
    data = sign_note(SMALL.text() + "extension\n", EVERYBODY, NOON)

    assert QuorumMet() == open_checkpoint(data, POLICY).quorum
    with pytest.raises(MalformedCheckpoint, match="line 4"):
        open_checkpoint_strictly(data, POLICY)


def test_a_second_spelling_of_a_signature_is_refused_by_number():
    """Stray bits in the last base64 character are a second file with the same meaning, refused at both doors."""
    line = FULL.splitlines()[4]
    assert line.endswith(b"=")
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    at = len(line.rstrip(b"=")) - 1
    stray = line[:at] + alphabet[alphabet.index(line[at]) + 1 :][:1] + line[at + 1 :]
    for door in (open_checkpoint, open_checkpoint_strictly):
        with pytest.raises(MalformedNote, match="line 5: .*second spelling"):
            door(FULL.replace(line, stray), POLICY)


def timeless(signer):
    """A type 06 cosignature of time zero over the small log's checkpoint."""
    text = SMALL.text()
    signature = signer._sign(co.mldsa44_message(signer.name, 0, parse_head(text)))
    return NoteSignature(name=signer.name, key_id=signer.key_id, blob=co.join_time(0, signature))


def test_a_cosignature_without_a_time_makes_no_quorum():
    """Time zero withdraws "the largest tree seen", so it is shown but not counted; strictly it is refused."""
    witness = key("mldsa44-cosigner", "witness.example")
    policy = parse_policy(f"log {LOG.vkey}\nwitness w {witness.vkey}\nquorum w\n")
    note = Note(text=SMALL.text(), signatures=(LOG.sign_note(SMALL.text()), timeless(witness)))

    verdict = open_checkpoint(format_note(note), policy)

    assert [("w", None)] == [(c.witness, c.at) for c in verdict.cosigned_by]
    assert QuorumMissing(missing=("w",)) == verdict.quorum
    with pytest.raises(CheckpointRefused, match="line 6: .*states no time"):
        open_checkpoint_strictly(format_note(note), policy)


def test_a_strict_door_needs_a_log_to_expect():
    """A policy without logs names nobody whose signature could be demanded."""
    policy = parse_policy(f"witness a {AUTHORITY.vkey}\nquorum a\n")
    with pytest.raises(CheckpointRefused, match="no log"):
        open_checkpoint_strictly(SMALL.checkpoint(AUTHORITY), policy)


@given(st.data())
def test_no_changed_bit_of_a_checkpoint_passes_the_strict_door(data):
    """Whatever single bit of a strictly signed checkpoint changes, it is refused."""
    bit = data.draw(st.integers(0, len(FULL) * 8 - 1))
    bent = bytearray(FULL)
    bent[bit // 8] ^= 1 << (bit % 8)

    with pytest.raises(LedgerError):
        open_checkpoint_strictly(bytes(bent), POLICY)


@given(st.binary())
def test_opening_a_checkpoint_is_total(data):
    """Any bytes end in a verdict or an error of the ledger."""
    for door in (open_checkpoint, open_checkpoint_strictly):
        for candidate in (data, FULL + data, data + FULL):
            try:
                door(candidate, POLICY)
            except LedgerError:
                pass
