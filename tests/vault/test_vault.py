"""What the vault promises: sealed before the disk, open to each recipient, shown one item at a time."""

import hashlib
import hmac
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.canary import assert_absent, find

from comity.ledger import create_ledger
from comity.records import Amount, CallPermitted, CallSettled, Digest, Hex32, Index, Instant
from comity.vault import (
    SCHEMA,
    CannotOpen,
    Epoch,
    MalformedDisclosure,
    MalformedRecipient,
    MalformedSealed,
    NotDisclosed,
    Part,
    RecipientKey,
    SealedBundle,
    SealedItem,
    check_disclosure,
    commitment_of,
    disclose,
    format_disclosure,
    format_sealed,
    generate_recipient,
    load_item,
    open_item,
    parse_disclosure,
    parse_recipient,
    parse_recipient_key,
    parse_sealed,
    store_epoch,
    store_item,
)

LEDGER = "operator.example/a/0123456789abcdef0123456789abcdef"
CONTEXT = f"{LEDGER}\ngrant".encode()
AT = Instant("2026-11-23T21:00:00.123Z")
GRANT = Hex32("a5" * 16)


def counting(seed: str) -> Callable[[int], bytes]:
    """Bytes that are the same in every run of a test, and never the same twice in one."""
    drawn = iter(range(1_000_000))
    return lambda count: hashlib.shake_256(f"{seed} {next(drawn)}".encode()).digest(count)


EVALUATOR = generate_recipient(counting("evaluator"))
RECOVERY = generate_recipient(counting("authority recovery"))
STRANGER = generate_recipient(counting("stranger"))


def begin(seed: str = "epoch") -> Epoch:
    recipients = [
        parse_recipient("evaluator", EVALUATOR.public_text()),
        parse_recipient("authority-recovery", RECOVERY.public_text()),
    ]
    return Epoch.begin(recipients, CONTEXT, counting(seed))


def bundled(epoch: Epoch, item: SealedItem, index: int = 7) -> SealedBundle:
    return SealedBundle(
        ledger=item.ledger,
        index=index,
        part=item.part,
        commitment=item.commitment,
        epoch=item.epoch,
        context=epoch.context,
        wrapped_key=item.wrapped_key,
        ciphertext=item.ciphertext,
        encapsulations=epoch.encapsulations,
    )


def sealed(content: bytes, part: Part = "request", seed: str = "item") -> SealedBundle:
    epoch = begin()
    return bundled(epoch, epoch.seal(content, ledger=LEDGER, part=part, random=counting(seed)))


def permitted(commitment: str) -> CallPermitted:
    amount = Amount(input_tokens=1, output_tokens=1, cost_nano=1)
    return CallPermitted(
        at=AT, grant=GRANT, person="evaluator-1", incarnation=GRANT, protocol="openai", route="chat",
        model="m", features=(), request=Digest(commitment), request_bytes=5, irid="", run="", reserved=amount,
    )  # fmt: skip


def settled(commitment: str, permit: int = 7) -> CallSettled:
    amount = Amount(input_tokens=1, output_tokens=1, cost_nano=1)
    return CallSettled(
        at=AT, permit=Index(permit), outcome="answered", status=200, served="m", served_check="agreed",
        answer=commitment, answer_bytes=5, usage="stated", charged=amount, upstream_id="", millis=1,
    )  # fmt: skip


@given(content=st.binary(max_size=2_000))
def test_every_recipient_opens_every_content(content: bytes) -> None:
    """The evaluator and the recovery key each open what was sealed, byte for byte."""
    bundle = parse_sealed(format_sealed(sealed(content)))

    assert content == open_item(bundle, EVALUATOR).content
    assert content == open_item(bundle, RECOVERY).content


def test_the_recovery_key_opens_when_the_evaluators_key_is_lost() -> None:
    """Nothing of the evaluator is needed: the authority's file and the sealed item are enough."""
    bundle = parse_sealed(format_sealed(sealed(b"what was asked")))
    recovery = parse_recipient_key(RECOVERY.private_text() + "\n")

    assert b"what was asked" == open_item(bundle, recovery).content


def test_a_key_that_is_no_recipient_is_told_so_and_opens_nothing() -> None:
    """A stranger's key fails, and the error names the recipients that could open."""
    with pytest.raises(CannotOpen, match=r"no recipient.*evaluator.*authority-recovery"):
        open_item(sealed(b"x"), STRANGER)


def test_a_strangers_key_under_a_recipients_key_id_opens_nothing() -> None:
    """The key id finds an encapsulation; only the key opens it."""
    bundle = sealed(b"x")
    posing = replace(STRANGER, key_id=EVALUATOR.key_id)

    with pytest.raises(CannotOpen, match="does not unwrap"):
        open_item(bundle, posing)


@pytest.mark.parametrize("member", ["wrapped_key", "ciphertext", "encapsulated", "context"])
def test_any_flipped_byte_fails_with_one_error(member: str) -> None:
    """Whatever byte of a sealed item changes, opening fails as `CannotOpen`."""
    bundle = sealed(b"a short answer")
    value = bundle.encapsulations[0].encapsulated if member == "encapsulated" else getattr(bundle, member)

    for at in range(0, len(value), 1 if len(value) < 200 else 29):
        changed = value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]
        if member == "encapsulated":
            first = replace(bundle.encapsulations[0], encapsulated=changed)
            altered = replace(bundle, encapsulations=(first, *bundle.encapsulations[1:]))
        else:
            altered = replace(bundle, **{member: changed})
        with pytest.raises(CannotOpen):
            open_item(altered, EVALUATOR)


@pytest.mark.parametrize(
    "change",
    [{"ledger": "other.example/a/1"}, {"part": "answer"}, {"epoch": "00" * 16}, {"commitment": "00" * 32}],
)
def test_an_item_is_bound_to_its_ledger_part_epoch_and_commitment(change: dict[str, str]) -> None:
    """A sealed item that is passed off as another's does not open."""
    with pytest.raises(CannotOpen):
        open_item(replace(sealed(b"x"), **change), EVALUATOR)  # type: ignore[arg-type]


def test_equal_contents_have_unequal_commitments_and_ciphertexts() -> None:
    """A commitment hides: nobody can tell that the same question was asked twice."""
    epoch, random = begin(), counting("twice")
    first = epoch.seal(b"yes", ledger=LEDGER, part="answer", random=random)
    second = epoch.seal(b"yes", ledger=LEDGER, part="answer", random=random)

    assert first.commitment != second.commitment
    assert first.ciphertext != second.ciphertext
    assert first.commitment != hashlib.sha256(b"yes").hexdigest()


def test_one_items_key_opens_nothing_else() -> None:
    """The key that discloses one item opens no other item of the same epoch."""
    epoch, random = begin(), counting("two items")
    shown, kept = (
        bundled(epoch, epoch.seal(content, ledger=LEDGER, part="request", random=random), index)
        for index, content in enumerate((b"shown", b"kept"))
    )
    disclosure = disclose((shown,), EVALUATOR)
    forged = replace(disclosure, items=(replace(disclosure.items[0], ciphertext=kept.ciphertext),))

    assert b"shown" == check_disclosure(disclosure, permitted(shown.commitment))
    with pytest.raises(CannotOpen):
        check_disclosure(forged, permitted(kept.commitment))


def test_a_disclosure_shows_what_the_entry_commits_to_and_the_rest_is_withheld() -> None:
    """Request shown, answer withheld: the file holds the one, and asking for the other says `withheld`."""
    request = sealed(b"the question", "request", "q")
    answer = sealed(b"the answer", "answer", "a")
    disclosure = parse_disclosure(format_disclosure(disclose((request,), EVALUATOR)))

    assert b"the question" == check_disclosure(disclosure, permitted(request.commitment))
    with pytest.raises(NotDisclosed, match="the answer of call 7 is withheld"):
        check_disclosure(disclosure, settled(answer.commitment))


def test_a_disclosure_of_something_else_is_refused() -> None:
    """Content that the entry does not commit to, or another call's entry, is refused."""
    answer = sealed(b"the answer", "answer")
    disclosure = disclose((answer,), RECOVERY)

    assert b"the answer" == check_disclosure(disclosure, settled(answer.commitment))
    with pytest.raises(NotDisclosed, match="not the one"):
        check_disclosure(disclosure, settled("00" * 32))
    with pytest.raises(NotDisclosed, match="settles call 8"):
        check_disclosure(disclosure, settled(answer.commitment, permit=8))


def test_items_are_durable_with_their_entry_and_nothing_at_rest_opens_them(tmp_path: Path) -> None:
    """Entry and item appear in one transaction; the content stands in no file; a recipient still opens it."""
    canary = b"canary-3f9d1c77e2b84a60-content"
    epoch = begin()
    request = epoch.seal(canary, ledger=LEDGER, part="request", random=os.urandom)
    with create_ledger(tmp_path / "ledger.sqlite", origin=LEDGER, schema=SCHEMA) as ledger:
        ledger.transact(lambda tx: store_epoch(tx, epoch))
        ledger.transact(lambda tx: store_epoch(tx, epoch))

        def record(tx):  # type: ignore[no-untyped-def]
            index = tx.append(b'{"kind":"probe"}')
            store_item(tx, index, request)
            return index

        index = ledger.transact(record)
        reader = ledger.reader()
        bundle = load_item(reader.query, index, "request")
        assert load_item(reader.query, index, "answer") is None
        assert load_item(reader.query, index, "both") is None
        reader.close()

        assert_absent(canary, tmp_path)
    assert_absent(canary, tmp_path)
    assert bundle is not None
    assert canary == open_item(parse_sealed(format_sealed(bundle)), EVALUATOR).content


def test_an_item_without_its_epoch_is_a_bug(tmp_path: Path) -> None:
    """An item that nobody could open is never stored."""
    item = begin().seal(b"x", ledger=LEDGER, part="request", random=os.urandom)
    with (
        create_ledger(tmp_path / "ledger.sqlite", origin=LEDGER, schema=SCHEMA) as ledger,
        pytest.raises(apsw.ConstraintError, match="FOREIGN KEY"),
    ):
        ledger.transact(lambda tx: store_item(tx, 0, item))


def test_key_files_read_back_and_every_other_spelling_is_refused() -> None:
    """A key file has one form; any other is no key, and the error does not repeat the secret."""
    text = EVALUATOR.private_text()
    again = parse_recipient_key(text)

    assert EVALUATOR.public_text() == again.public_text()
    assert text == again.private_text()
    secret = text.split("\n")[1]
    for bad in (
        "",
        text[:-1],
        text + "A",
        text + "\n\n",
        text.replace("/1", "/2"),
        secret,
        text.replace("\n", "\r\n"),
    ):
        with pytest.raises(MalformedRecipient) as refused:
            parse_recipient_key(bad)
        assert secret[:20] not in str(refused.value)


def test_a_public_key_that_could_not_be_sealed_to_is_refused_when_it_is_read() -> None:
    """Wrong length, values outside ML-KEM's range and points of small order never become a recipient."""
    import base64

    good = base64.b64decode(EVALUATOR.public_text())
    for bad in (good[:-1], good + b"\x00", b"\xff" * 1184 + good[1184:], good[:1184] + bytes(32)):
        with pytest.raises(MalformedRecipient, match="evaluator"):
            parse_recipient("evaluator", base64.b64encode(bad).decode())
    with pytest.raises(MalformedRecipient):
        parse_recipient("", EVALUATOR.public_text())
    with pytest.raises(MalformedRecipient):
        parse_recipient("evaluator", EVALUATOR.public_text() + "\n")


def test_an_epoch_needs_a_recipient_and_each_only_once() -> None:
    """Content that nobody could open, or one key under two names, is refused before anything is sealed."""
    twice = [parse_recipient(name, EVALUATOR.public_text()) for name in ("a", "b")]
    with pytest.raises(MalformedRecipient, match="at least one"):
        Epoch.begin([], CONTEXT, os.urandom)
    with pytest.raises(MalformedRecipient, match="share one key"):
        Epoch.begin(twice, CONTEXT, os.urandom)


def test_no_secret_shows_in_a_repr() -> None:
    """What lands in a log by accident opens nothing."""
    epoch = begin("shown")
    shown = repr(epoch) + repr(EVALUATOR) + repr(sealed(b"x")) + repr(disclose((sealed(b"x"),), EVALUATOR))

    key = counting("shown")(32)
    assert repr(key) not in shown
    assert "bytes" not in shown and "_key=" not in shown and "content_key" not in shown


@given(st.binary(max_size=300))
def test_readers_are_total(data: bytes) -> None:
    """Any bytes are read or refused with the format's own error, and nothing else."""
    with pytest.raises(MalformedSealed):
        parse_sealed(data)
    with pytest.raises(MalformedDisclosure):
        parse_disclosure(data)
    with pytest.raises(MalformedRecipient):
        parse_recipient_key(data.decode("latin-1"))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    member=st.sampled_from(["index", "part", "epoch", "encapsulations", "items", "ciphertext"]),
    value=JSON_VALUES,
)
def test_readers_refuse_every_value_of_the_wrong_kind(member: str, value: object) -> None:
    """A member of the wrong kind is refused with the format's own error."""
    bundle = sealed(b"x")
    for text, read, error in (
        (format_sealed(bundle), parse_sealed, MalformedSealed),
        (format_disclosure(disclose((bundle,), EVALUATOR)), parse_disclosure, MalformedDisclosure),
    ):
        whole = json.loads(text)
        if member == "index" and type(value) is int and value >= 0:
            continue
        whole[member] = value
        with pytest.raises(error):
            read(json.dumps(whole).encode())


def test_a_member_that_stands_twice_is_refused() -> None:
    """JSON readers keep the last of two equal keys; this one refuses both."""
    text = format_sealed(sealed(b"x"))
    with pytest.raises(MalformedSealed, match="twice"):
        parse_sealed(text.replace(b'{"format"', b'{"index": 3, "format"', 1))


def test_the_canary_search_finds_every_spelling(tmp_path: Path) -> None:
    """A search that finds nothing proves something only if it would have found it."""
    import base64
    import gzip

    canary = "canary-5b1e-ünd-end"
    raw = canary.encode()
    written = {
        "raw": b"xx" + raw,
        "hex": raw.hex().encode(),
        "json": json.dumps({"a": canary}).encode(),
        "zip": gzip.compress(b"before " + raw),
        "utf16": canary.encode("utf-16-le"),
    }
    for before in range(3):
        for after in range(3):
            text = base64.b64encode(b"\xff" * before + raw + b"\xfe" * after)
            written[f"b64-{before}{after}"] = text
            written[f"b64url-{before}{after}"] = text.translate(bytes.maketrans(b"+/", b"-_"))
    for name, content in written.items():
        (tmp_path / name).write_bytes(content)

    assert set(written) == {path.name for path, _ in find(canary, tmp_path)}


def test_keys_are_those_of_their_seeds() -> None:
    """The same randomness makes the same key: nothing else goes in."""
    again: RecipientKey = generate_recipient(counting("evaluator"))

    assert EVALUATOR.private_text() == again.private_text()


@given(st.binary(max_size=64), st.binary(max_size=300))
def test_a_commitment_is_hmac_sha_256_of_the_content_under_its_salt(salt: bytes, content: bytes) -> None:
    """Anybody's HMAC-SHA-256 (RFC 2104) computes the same commitment."""
    assert hmac.digest(salt, content, "sha256").hex() == commitment_of(salt, content)
