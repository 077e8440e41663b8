"""Exchange: what one side hands the other arrives in the same bytes, and nothing else does."""

import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from stories import Story

from comity.cli.main import main
from comity.engagement import Case, read_entries
from comity.engagement.exchange import ExchangeRefused, Handed, hand_over, new_records, open_exchange
from comity.ledger import generate_key, parse_vkey
from comity.records import (
    FindingReplied,
    FindingStated,
    InformationAnswered,
    InformationRequested,
    ItemCorrected,
    ItemWithdrawn,
    MeetingRecorded,
    to_bytes,
)

ORIGIN = "office.example/e/" + "e" * 32
AUTHORITY = generate_key("ed25519", "office.example", os.urandom)
PROVIDER = generate_key("ed25519", "aurora.example", os.urandom)
INFORMATION: dict[str, Any] = {
    "legal_basis": "Art. 91(1)", "purpose": "p", "asked": ("compute",), "until": "2026-09-30",
    "fines_notice": "Art. 101", "addressee": "provider",
}  # fmt: skip


def taken(case: Case, source: bytes) -> Case:
    """The receiver's case after taking in what came."""
    handed = open_exchange(source, [parse_vkey(AUTHORITY.vkey), parse_vkey(PROVIDER.vkey)])
    more = [to_bytes(record) for record in new_records(case, handed)]
    return read_entries([*(to_bytes(entry.record) for entry in case.entries), *more])


def test_a_request_and_its_answer_travel_in_their_own_bytes() -> None:
    """The provider holds the very entry, answers it in its own ledger, and the authority takes the answer."""
    office, aurora = Story(), Story(engagement="b" * 32)
    request = office.tell(InformationRequested, **INFORMATION)
    there = taken(aurora.case(), hand_over(office.case(), ORIGIN, [request], AUTHORITY))
    assert office.case().items[request].entry.digest == there.items[request].entry.digest

    reply = Story(engagement="b" * 32)
    reply.records = [entry.record for entry in there.entries]
    answer = reply.tell(InformationAnswered, request=request, by="provider", answers=(("1", "supplied"),))
    here = taken(office.case(), hand_over(reply.case(), ORIGIN, [answer], PROVIDER))
    assert (answer,) == here.items[request].about


def test_a_reply_is_bound_to_the_finding_in_both_ledgers() -> None:
    """The digest that the provider replies to is that of the authority's own entry."""
    office, aurora = Story(), Story(engagement="b" * 32)
    finding = {
        "finding": "f" * 32, "by": "authority", "duty": "AIA-53-1A", "conclusion": "c", "assurance": "limited",
        "finds": "infringement",
    }  # fmt: skip
    stated = office.tell(FindingStated, finding_version=1, stage="preliminary", **finding)
    there = taken(aurora.case(), hand_over(office.case(), ORIGIN, [stated], AUTHORITY))
    reply = Story(engagement="b" * 32)
    reply.records = [entry.record for entry in there.entries]
    said = reply.tell(
        FindingReplied, finding="f" * 32, finding_version=1, digest=there.items[stated].latest.digest, by="provider",
        position="disputes", summary="s",
    )  # fmt: skip

    assert (said,) == taken(office.case(), hand_over(reply.case(), ORIGIN, [said], PROVIDER)).items[stated].about


def test_corrections_and_withdrawals_go_with_their_item() -> None:
    """The other side reads an item as it reads here, with what stood there before."""
    office = Story()
    meeting = office.tell(MeetingRecorded, on="2026-08", form="remote", count="1")
    office.tell(ItemCorrected, corrects=meeting, changes=(("count", "2"),), because="b")
    office.tell(ItemWithdrawn, withdraws=meeting, because="entered in error")
    there = taken(Story(engagement="b" * 32).case(), hand_over(office.case(), ORIGIN, [meeting], AUTHORITY))

    assert (4, True) == (there.size, there.items[meeting].withdrawn is not None)


def test_taking_the_same_in_again_adds_nothing() -> None:
    """A file that comes twice is passed over the second time."""
    office = Story()
    request = office.tell(InformationRequested, **INFORMATION)
    source = hand_over(office.case(), ORIGIN, [request], AUTHORITY)
    once = taken(Story(engagement="b" * 32).case(), source)

    assert once.size == taken(once, source).size


def test_the_same_id_in_other_bytes_is_refused() -> None:
    """An item that was changed on the way does not slip in beside the one held."""
    office, aurora = Story(), Story(engagement="b" * 32)
    request = office.tell(InformationRequested, **INFORMATION)
    other = aurora.tell(InformationRequested, **INFORMATION | {"purpose": "another"})
    assert request == other
    with pytest.raises(ExchangeRefused, match="it came in other bytes under the same id"):
        taken(aurora.case(), hand_over(office.case(), ORIGIN, [request], AUTHORITY))


def test_what_stays_with_its_side_is_neither_handed_nor_taken() -> None:
    """The opening is each side's own; so are contacts, files, notes and clearances."""
    office = Story()
    case = office.case()
    with pytest.raises(ExchangeRefused, match="stays with its side"):
        hand_over(case, ORIGIN, [case.opened.id], AUTHORITY)


@pytest.mark.parametrize("bent", ["entry", "order", "origin", "signer", "more"])
def test_what_was_bent_on_its_way_is_refused(bent: str) -> None:
    """Entries, their order, their origin and their number are under the signature of a known key."""
    office = Story()
    items = [office.tell(MeetingRecorded, on="2026-08", form="remote", count="1") for _ in range(2)]
    signer = generate_key("ed25519", "office.example", os.urandom) if bent == "signer" else AUTHORITY
    members = json.loads(hand_over(office.case(), ORIGIN, items, signer))
    if bent == "entry":
        members["entries"][0] = members["entries"][0].replace("2026-08", "2026-07")
    elif bent == "order":
        members["entries"].reverse()
    elif bent == "origin":
        members["note"] = members["note"].replace("office.example/e", "other.example/e")
    elif bent == "more":
        members["entries"].pop()
    source = json.dumps(members, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    with pytest.raises(ExchangeRefused):
        open_exchange(source, [parse_vkey(AUTHORITY.vkey)])


@given(st.binary(max_size=120))
def test_any_bytes_are_an_exchange_or_are_refused(source: bytes) -> None:
    """The reader raises its one error."""
    with pytest.raises(ExchangeRefused):
        assert not isinstance(open_exchange(source, [parse_vkey(AUTHORITY.vkey)]), Handed)


def test_the_commands_hand_and_take(tmp_path: Path) -> None:
    """Two homes and a file: an item arrives, a note does not, and nothing of the note is in the file."""
    def run(*words: str, status: int = 0) -> str:
        result = CliRunner().invoke(main, words, catch_exceptions=False)
        assert status == result.exit_code, result.output
        return result.output

    office, aurora, mail = str(tmp_path / "office"), str(tmp_path / "aurora"), tmp_path / "items"
    card = str(tmp_path / "card.json")
    run("init", office, "--role", "authority", "--name", "Office", "--host", "office.example")
    run("init", aurora, "--role", "provider", "--name", "Aurora", "--host", "aurora.example")
    run("--home", office, "key", "show", "--out", card)
    opening = ("--initiated-by", "provider", "--summary", "s")
    run("--home", office, "engagement", "open", "--provider", "Aurora", *opening)
    run("--home", aurora, "engagement", "open", "--authority", "Office", *opening)
    run("--home", office, "engagement", "meeting", "aurora", "--topic", "access")
    run("--home", office, "engagement", "note", "aurora", "--text", "canary words", "--about", "1")
    run("--home", office, "engagement", "meeting", "aurora", "--topic", "unnamed")
    assert "1 item signed (entry 3)" in run("--home", office, "engagement", "hand", "aurora", "1", "--out", str(mail))
    assert "1 item signed; hand" in run("--home", office, "engagement", "hand", "aurora", "1", "--out", str(mail))
    assert b"unnamed" not in mail.read_bytes(), "what nobody named stays"

    assert b"canary" not in mail.read_bytes()
    assert "no key of the other side is known here" in run(
        "--home", aurora, "engagement", "take", "office", str(mail), status=1
    )
    told = run("--home", aurora, "engagement", "take", "office", str(mail), "--card", card)
    assert "meeting.recorded (entries 1, 2), signed by office.example" in told
    sent, came = (
        json.loads(run("--home", home, "engagement", "show", name, "--json"))["entries"][-1]
        for home, name in ((office, "aurora"), (aurora, "office"))
    )
    assert ("message.exchanged", "authority", ["provider"]) == (sent["kind"], sent["by"], sent["to"])
    kept = ("kind", "by", "to", "refs", "source", "summary")
    assert [sent[name] for name in kept] == [came[name] for name in kept], "both ledgers name one file"
    assert [f"exchange:{sha256(mail.read_bytes()).hexdigest()}"] == came["refs"]
    assert "1 held already" in run("--home", aurora, "engagement", "take", "office", str(mail), "--card", card)
    assert "stays with its side" in run(
        "--home", office, "engagement", "hand", "aurora", "0", "--out", str(mail), status=1
    )
