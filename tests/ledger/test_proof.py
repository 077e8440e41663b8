"""Receipts: from an entry's bytes to the root that the log signed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_logs import AUTHORITY, LOG, LOG_MLDSA, NOON, POLICY, SmallLog, key

from comity.ledger import (
    LedgerError,
    MalformedReceipt,
    NotSigned,
    ProofFailed,
    QuorumMet,
    QuorumMissing,
    Receipt,
    check_receipt,
    format_receipt,
    leaf_hash,
    parse_receipt,
)

SMALL = SmallLog.of(11)
RECEIPT = SMALL.receipt(4)
DATA = format_receipt(RECEIPT)


@pytest.mark.parametrize("size", [1, 2, 3, 11, 256, 257])
def test_every_entry_has_a_receipt_that_holds(size):
    """At several sizes each entry's receipt, written and read back, leads to the signed root."""
    log = SmallLog.of(size)
    checkpoint = log.checkpoint(LOG)
    for index in range(size):
        receipt = log.receipt(index, LOG)
        receipt = Receipt(index=index, proof=receipt.proof, checkpoint=checkpoint)
        verdict = check_receipt(parse_receipt(format_receipt(receipt)), log.entries[index], POLICY)
        assert (index, leaf_hash(log.entries[index]), size) == (
            verdict.index,
            verdict.leaf,
            verdict.checkpoint.head.size,
        )


def test_the_form_is_that_of_the_specification():
    """First line, optional extra, index, hashes, an empty line, the checkpoint verbatim."""
    lines = DATA.split(b"\n")

    assert b"c2sp.org/tlog-proof@v1" == lines[0]
    assert b"index 4" == lines[1]
    assert b"" == lines[2 + len(RECEIPT.proof)]
    assert DATA.endswith(b"\n\n" + SMALL.checkpoint()[:100] + DATA[-len(SMALL.checkpoint()) + 100 :])
    with_extra = Receipt(index=4, proof=RECEIPT.proof, checkpoint=RECEIPT.checkpoint, extra=b"why")
    assert b"\nextra d2h5\nindex 4\n" in format_receipt(with_extra)
    assert with_extra == parse_receipt(format_receipt(with_extra))


def test_quorum_is_a_fact_of_the_verdict():
    """An entry is recorded once the log signed and held once the quorum did; the verdict keeps them apart."""
    held = check_receipt(RECEIPT, SMALL.entries[4], POLICY)
    recorded = check_receipt(SMALL.receipt(4, LOG, LOG_MLDSA, AUTHORITY), SMALL.entries[4], POLICY)

    assert QuorumMet() == held.checkpoint.quorum
    assert QuorumMissing(missing=("provider",)) == recorded.checkpoint.quorum
    assert [("authority", NOON)] == [(c.witness, c.at) for c in recorded.checkpoint.cosigned_by]


def test_another_entry_index_or_hash_fails():
    """Neither a changed entry, nor another place, nor one flipped bit in any hash is proved."""
    entry = SMALL.entries[4]
    with pytest.raises(ProofFailed):
        check_receipt(RECEIPT, entry + b" ", POLICY)
    for index in (3, 5, 11, 2**62):
        with pytest.raises(ProofFailed):
            check_receipt(Receipt(index=index, proof=RECEIPT.proof, checkpoint=RECEIPT.checkpoint), entry, POLICY)
    for n, value in enumerate(RECEIPT.proof):
        bent = (*RECEIPT.proof[:n], bytes([value[0] ^ 1]) + value[1:], *RECEIPT.proof[n + 1 :])
        with pytest.raises(ProofFailed):
            check_receipt(Receipt(index=4, proof=bent, checkpoint=RECEIPT.checkpoint), entry, POLICY)


def test_a_checkpoint_by_nobody_in_the_policy_proves_nothing():
    """A receipt under a stranger's checkpoint is refused before its hashes are looked at."""
    stranger = key("ed25519", "stranger.example/log")
    with pytest.raises(NotSigned):
        check_receipt(SMALL.receipt(4, stranger), SMALL.entries[4], POLICY)


HEAD, _, CHECKPOINT = DATA.partition(b"\n\n")
FIRST, INDEX, *HASHES = HEAD.split(b"\n")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no empty line"),
        (HEAD, "no empty line"),
        (HEAD + b"\n\n", "begins on line 8, is not a note"),
        (HEAD + b"\n\n" + CHECKPOINT[:-1], "is not a note"),
        (HEAD + b"\n" + CHECKPOINT, "line 7: .*base64"),
        (HEAD + b"\n\n\n" + CHECKPOINT.replace(b"\n\n", b"\n"), "is not a note"),
        (DATA.replace(b"@v1", b"@v2"), "line 1: 'c2sp.org/tlog-proof@v1' is expected"),
        (b"\n" + DATA, "line 1: "),
        (DATA.replace(b"\n", b"\r\n"), "no empty line"),
        (DATA.replace(b"index 4", b"index 04"), "line 2: .*leading zeros"),
        (DATA.replace(b"index 4", b"index -4"), "line 2: "),
        (DATA.replace(b"index 4", b"index  4"), "line 2: "),
        (DATA.replace(b"index 4", b"index 9223372036854775808"), "line 2: .*larger"),
        (DATA.replace(b"index 4\n", b""), "line 2: 'index <decimal>' is expected"),
        (FIRST + b"\n\n" + CHECKPOINT, "line 2: 'index <decimal>' is expected"),
        (DATA.replace(b"index 4", b"extra d2h5"), "line 3: 'index <decimal>' is expected"),
        (DATA.replace(b"index 4", b"extra \nindex 4"), "line 2: extra has 1 to"),
        (DATA.replace(b"index 4", b"extra d2h6_\nindex 4"), "line 2: .*base64"),
        (DATA.replace(b"index 4", b"index 4\nextra d2h5"), "line 3: .*base64"),
        (DATA.replace(b"index 4", b"index 4\nAAAA"), "line 3: a hash has 32 bytes, 3 came"),
        (DATA.replace(HASHES[0], HASHES[0][:-1]), "line 3: .*base64"),
        (b"\n".join([FIRST, INDEX, *[HASHES[0]] * 64]) + b"\n\n" + CHECKPOINT, "at most 63 hashes"),
        (DATA.replace(b"index", "indéx".encode()), "line 2: a proof is ASCII"),
        (b"x" * 3_000_001, "at most 3000000 bytes"),
    ],
)
def test_what_is_not_a_receipt_is_refused_with_the_line(data, says):
    """Each malformation is named, by line where it has one."""
    with pytest.raises(MalformedReceipt, match=says):
        parse_receipt(data)


def test_a_receipt_that_could_not_be_read_is_not_written():
    """The writer refuses what its reader would refuse."""
    for receipt in (
        Receipt(index=-1, proof=(), checkpoint=RECEIPT.checkpoint),
        Receipt(index=0, proof=(b"short",), checkpoint=RECEIPT.checkpoint),
        Receipt(index=0, proof=(), checkpoint=b"not a note"),
        Receipt(index=0, proof=(), checkpoint=RECEIPT.checkpoint, extra=b""),
    ):
        with pytest.raises(MalformedReceipt):
            format_receipt(receipt)


@given(
    st.integers(0, 2**63 - 1),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63),
    st.one_of(st.none(), st.binary(min_size=1, max_size=99)),
)
def test_receipts_are_read_back_as_written(index, proof, extra):
    """Writing and reading a receipt gives the same receipt."""
    receipt = Receipt(index=index, proof=tuple(proof), checkpoint=RECEIPT.checkpoint, extra=extra)
    assert receipt == parse_receipt(format_receipt(receipt))


@given(st.binary())
def test_reading_a_receipt_is_total(data):
    """Any bytes are a receipt that writes back to the same bytes, or `MalformedReceipt`."""
    for candidate in (data, FIRST + b"\n" + data + b"\n\n" + CHECKPOINT, HEAD + b"\n\n" + data):
        try:
            receipt = parse_receipt(candidate)
        except MalformedReceipt:
            continue
        assert candidate == format_receipt(receipt)


@given(st.data())
def test_no_changed_bit_of_a_strict_receipt_goes_unnoticed(data):
    """A flipped bit in the proof or the signed text is refused; in a witness's line it costs the quorum at least."""
    bit = data.draw(st.integers(0, len(DATA) * 8 - 1))
    bent = bytearray(DATA)
    bent[bit // 8] ^= 1 << (bit % 8)

    try:
        verdict = check_receipt(parse_receipt(bytes(bent)), SMALL.entries[4], POLICY)
    except LedgerError:
        return
    assert 1 == verdict.checkpoint.unknown_signatures
