"""Assertions: a claim is as good as what stands behind it, and goes back when that goes."""

import pytest
from dossier import ACCESS, Dossier, at_hand

from comity.engagement.assertions import read_assertions
from comity.engagement.citations import NOTHING, AtHand, follow
from comity.records import (
    CaseItem,
    ContactNamed,
    DocumentErased,
    ItemCorrected,
    ItemWithdrawn,
    MeetingRecorded,
    PartyNamed,
    SessionAnswered,
    SessionHeld,
    known_kinds,
)


def test_a_claim_alone_is_asserted() -> None:
    """Nothing but the word."""
    story = Dossier()
    story.claim()

    assert ("asserted", "nothing was put forward for it") == (story.assertion().status, story.assertion().because)


def test_a_document_makes_it_evidenced_until_it_is_erased() -> None:
    """What stands shows; what was erased shows nothing, and the status goes back."""
    story = Dossier()
    claim = story.claim()
    paper = story.document()
    story.support(claim, paper)
    assert "evidenced" == story.assertion().status

    story.tell(DocumentErased, document=paper, because="purpose ended")
    assert "asserted" == story.assertion().status
    assert "erased" in story.assertion().because


def test_a_document_of_the_claim_itself_is_put_forward_with_it() -> None:
    """Attaching a paper to a claim is one way to support it."""
    story = Dossier()
    story.document(story.claim())

    assert "evidenced" == story.assertion().status


@pytest.mark.parametrize("gone", ["support", "paper", "message"])
def test_withdrawing_any_link_takes_the_status_back(gone: str) -> None:
    """The support, the document or the message that the document belongs to."""
    story = Dossier()
    claim = story.claim()
    paper = story.document()
    message = story.case().documents[paper].record.to
    attached = story.case().documents[paper].record.item
    support = story.support(claim, paper)
    story.tell(ItemWithdrawn, withdraws={"support": support, "paper": attached, "message": message}[gone], because="b")

    assert "asserted" == story.assertion().status


def test_words_are_no_evidence() -> None:
    """A meeting, another claim, and a document that nobody could confirm."""
    story = Dossier()
    claim = story.claim()
    meeting = story.tell(MeetingRecorded, form="call", count="1", summary="s")
    story.support(claim, meeting)
    story.support(claim, story.document(confidence="unconfirmed", source="a paper"))

    assert "asserted" == story.assertion().status
    assert "meeting.recorded is a word" in story.assertion().because


def test_an_entry_elsewhere_counts_only_while_its_ledger_is_at_hand() -> None:
    """A ledger that nobody can look into shows nothing, and neither does an entry that is not there."""
    story = Dossier()
    claim = story.claim()
    story.support(claim, f"{ACCESS}#7")

    assert "asserted" == story.assertion().status
    assert f"entry 7 of {ACCESS}, which is not at hand" in story.assertion().because
    assert "evidenced" == story.assertion(at_hand(7)).status
    assert "asserted" == story.assertion(at_hand(6)).status
    assert "which operator.example" in story.assertion(at_hand(6)).because


def test_what_an_entry_elsewhere_is_has_to_be_readable() -> None:
    """Bytes that no release wrote show nothing; an entry of somebody's own notes is a word."""
    story = Dossier()
    notes = f"authority.example/n/{'b' * 32}"
    story.support(story.claim(), f"{ACCESS}#0")
    case = story.case()

    assert "not there" == follow(case, f"{ACCESS}#0", AtHand(ledgers={ACCESS: {0: b"{}"}})).state
    assert "word" == follow(case, f"{notes}#3", at_hand(3, origin=notes)).state
    found = follow(case, f"{ACCESS}#3", at_hand(3))
    assert ("evidence", "arrangement.signed", 64) == (found.state, found.what, len(found.digest))


def test_somebody_else_who_looked_verifies_or_contradicts() -> None:
    """With evidence; without it, an upheld claim stays where it was, and a contradicted one is open."""
    for outcome, with_paper, without in (
        ("upheld", "verified", "asserted"),
        ("contradicted", "contradicted", "inconclusive"),
        ("inconclusive", "inconclusive", "inconclusive"),
    ):
        story = Dossier()
        claim = story.claim()
        story.check(claim, outcome)
        assert without == story.assertion().status
        story.check(claim, outcome, story.document(by="authority"), by="evaluator-1")
        assert with_paper == story.assertion().status


def test_the_sides_own_check_counts_for_nothing() -> None:
    """By its name, its lawyer, or a contact of its lawyer."""
    story = Dossier()
    claim = story.claim()
    story.tell(PartyNamed, party="chambers", role="lawyer", organisation="Chambers")
    story.tell(ContactNamed, person="counsel-1", party="chambers", function="counsel")
    paper = story.document()
    for by in ("provider", "Aurora Systems", "chambers", "counsel-1"):
        story.check(claim, "upheld", paper, by=by)

    assert "asserted" == story.assertion().status
    assert {"it is by the side whose claim it is"} == {one.ignored for one in story.assertion().checks}


def test_checks_that_disagree_decide_nothing_and_a_checkers_newest_counts() -> None:
    """Two who looked and differ; then one of them looks again."""
    story = Dossier()
    claim = story.claim()
    paper = story.document(by="authority")
    story.check(claim, "upheld", paper, by="evaluator-1")
    story.check(claim, "contradicted", paper, by="evaluator-2")
    assert "inconclusive" == story.assertion().status

    story.check(claim, "upheld", paper, by="evaluator-2")
    assert "verified" == story.assertion().status


def test_a_corrected_claim_is_another_claim() -> None:
    """What was shown and checked was about other words; a correction of anything else leaves it."""
    story = Dossier()
    claim = story.claim()
    paper = story.document(by="authority")
    story.support(claim, paper)
    story.check(claim, "upheld", paper)
    story.tell(ItemCorrected, corrects=claim, changes=(("refs", "A 17"),), because="its number")
    assert "verified" == story.assertion().status

    story.tell(ItemCorrected, corrects=claim, changes=(("claim", "Something else is so."),), because="reworded")
    assert "asserted" == story.assertion().status
    story.check(claim, "upheld", paper)
    assert "verified" == story.assertion().status


def test_a_claim_about_another_model_is_another_claim() -> None:
    """A check of one model does not verify the claim about the next, and neither does an older file."""
    story = Dossier()
    claim = story.claim()
    story.document(to=claim)
    story.check(claim, "upheld", story.document(by="authority"))
    assert "verified" == story.assertion().status
    story.tell(ItemCorrected, corrects=claim, changes=(("subject", "nova-6"),), because="another model")
    assert "asserted" == story.assertion().status

    story.document(to=claim)
    assert "evidenced" == story.assertion().status


def test_a_session_is_evidence_once_both_sides_say_so() -> None:
    """Entered by one side it is that side's word; contested it shows nothing."""
    story = Dossier()
    story.force()
    claim = story.claim()
    begin = story.now.strftime("%Y-%m-%dT10:00:00.000Z")
    session = story.tell(
        SessionHeld, arrangement="a" * 32, by="provider", form="source-code", participants=("e",), shown=("x",),
        begin=begin, end=begin.replace("T10", "T11"),
    )  # fmt: skip
    story.support(claim, session)
    assert "asserted" == story.assertion().status

    answer = {"session": session, "by": "authority", "digest": story.case().items[session].latest.digest}
    story.tell(SessionAnswered, answer="countersigned", **answer)
    assert "evidenced" == story.assertion().status
    story.tell(SessionAnswered, answer="contested", because="it was not so", **answer)
    assert "asserted" == story.assertion().status


def test_no_kind_of_entry_can_state_a_status() -> None:
    """Of what an assessment reads, no member is called a status, and no closed word is one."""
    from comity.engagement.rules import VOCABULARY

    words = {
        "asserted", "evidenced", "verified", "contested", "met", "not met", "not assessed", "free", "conflict",
    }  # fmt: skip
    kinds = [cls for cls in known_kinds().values() if issubclass(cls, CaseItem)]
    for kind in kinds:
        members = set(kind.__annotations__)
        assert not members & {"status", "verdict", "verified", "met", "assessed", "ceiling"}, kind.kind
    read = [name for name in VOCABULARY if name.split(".")[0] in ("assertion", "finding", "scope", "conflict")]
    said = {word for name in read for allowed in VOCABULARY[name].values() for word in allowed}

    assert {"upheld", "infringement", "disputes"} <= said
    assert not said & words


def test_withdrawn_claims_are_not_read() -> None:
    """A claim that counts no longer has no status."""
    story = Dossier()
    story.tell(ItemWithdrawn, withdraws=story.claim(), because="b")

    assert () == read_assertions(story.case(), NOTHING)
