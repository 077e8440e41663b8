"""Assessment: every transition of a duty's status, and the ceiling that follows from whose word it rests on."""

from collections.abc import Callable
from typing import Any

import pytest
from dossier import ACCESS, DUTY, Dossier, act, at_hand, statuses

from comity.engagement.assessment import Ceiling, ceiling_of, subjects_of
from comity.records import DocumentationReceived, DocumentErased, ItemWithdrawn, MeetingRecorded


def test_what_nobody_entered_is_not_assessed() -> None:
    """No duty has a status by default."""
    story = Dossier()

    assert {} == statuses(story.assessed())
    assert "no level can be stated: nothing was entered" == str(story.assessed().ceiling)


def test_from_word_to_evidence_to_finding_to_dispute_and_back() -> None:
    """One duty through all statuses, and each step back when what it rests on goes."""
    story = Dossier()
    story.claim()
    assert "asserted" == story.status()
    paper = story.document()
    submitted = story.submit(paper)
    assert "evidenced" == story.status()
    final = story.finding("final", "compliance", story.document(by="authority"))
    assert "met" == story.status()
    dispute = story.reply(final)
    assert "contested" == story.status()
    story.tell(ItemWithdrawn, withdraws=dispute, because="the provider took it back")
    assert "met" == story.status()
    story.tell(ItemWithdrawn, withdraws=final, because="b")
    assert "evidenced" == story.status()
    story.tell(DocumentErased, document=paper, because="purpose ended")
    assert "asserted" == story.status()
    story.tell(ItemWithdrawn, withdraws=submitted, because="b")
    assert "asserted" == story.status()


def test_from_allegation_to_not_met() -> None:
    """A preliminary finding contests, a final one after the reply settles, and the next dispute contests again."""
    story = Dossier()
    story.claim()
    paper = story.document(by="authority")
    first = story.finding("preliminary", "infringement", paper)
    assert "contested" == story.status()
    story.reply(first)
    assert "contested" == story.status()
    last = story.finding("final", "infringement", paper, version=2)
    assert "not met" == story.status()
    story.reply(last, "agrees")
    assert "not met" == story.status()
    story.reply(last)
    assert "contested" == story.status()
    story.finding("final", "infringement", paper, version=3)
    assert "not met" == story.status()


def test_an_infringement_without_a_hearing_contests_and_settles_nothing() -> None:
    """The provider could not answer, so nothing follows but that there is a finding."""
    story = Dossier()
    story.finding("final", "infringement", story.document(by="authority"))

    assert "contested" == story.status()
    assert "could not reply" in story.assessed().cell(DUTY).facts[0].reads


def test_an_allegation_that_cites_nothing_is_a_word() -> None:
    """It neither contests evidence nor settles anything."""
    story = Dossier()
    story.finding("preliminary", "infringement")
    assert "asserted" == story.status()
    story.submit(story.document())
    assert "evidenced" == story.status()


def test_findings_that_disagree_contest_each_other() -> None:
    """Two that settle, or one that settles beside another of the authority; an expert's does not outweigh it."""
    story = Dossier()
    paper = story.document(by="authority")
    story.finding("final", "compliance", paper)
    story.finding("evaluation", "infringement", paper, finding="b" * 32, by="evaluator-1")
    assert "met" == story.status()
    first = story.finding("preliminary", "infringement", paper, finding="e" * 32)
    assert "contested" == story.status()
    assert "another finding of the authority" in story.assessed().cell(DUTY).because
    story.reply(first, "remarks")
    story.finding("final", "infringement", paper, finding="e" * 32, version=2)
    assert "say both" in story.assessed().cell(DUTY).because


def test_an_allegation_without_evidence_does_not_unsettle_a_finding() -> None:
    """A word of the authority against its own finding is a word."""
    story = Dossier()
    story.finding("final", "compliance", story.document(by="authority"))
    story.finding("preliminary", "infringement", finding="e" * 32)

    assert "met" == story.status()


@pytest.mark.parametrize(
    ("outcome", "by", "status"),
    [
        ("upheld", "authority", "evidenced"),
        ("contradicted", "authority", "contested"),
        ("inconclusive", "authority", "asserted"),
        ("upheld", "provider", "asserted"),
    ],
)
def test_a_claims_check_reaches_the_duty(outcome: str, by: str, status: str) -> None:
    """What became of the claim decides which way it speaks, and whether it is more than a word."""
    story = Dossier()
    story.check(story.claim(), outcome, story.document(by="authority"), by=by)

    assert status == story.status()


def test_a_finding_that_leaves_it_open_is_no_status() -> None:
    """Undetermined is not assessed, and not met."""
    story = Dossier()
    story.finding("final", "undetermined", story.document())

    assert ("not assessed", "a finding leaves it open") == (story.status(), story.assessed().cell(DUTY).because)


def test_met_needs_the_ledger_at_hand() -> None:
    """A finding over calls that nobody here can look up settles nothing here."""
    story = Dossier()
    story.finding("final", "compliance", f"{ACCESS}#4")

    assert ("asserted", "met") == (story.status(), story.status(at_hand(4)))


def test_each_model_has_its_own_statuses() -> None:
    """What is about another model says nothing here; what is about the provider counts for each."""
    story = Dossier(subjects=("nova-5", "nova-6"))
    story.claim(subject="nova-6")
    story.submit(story.document(), about="nova-6")
    story.finding("final", "compliance", story.document(), subject="nova-6")
    assert "not assessed" == story.status()
    story.claim("AIA-53-1C", subject="")

    assert ("not assessed", "asserted") == (story.status(), story.status(duty="AIA-53-1C"))
    assert ("nova-5", "nova-6") == subjects_of(story.case())
    assert ("",) == subjects_of(Dossier(subjects=()).case())


def test_documentation_counts_by_its_newest_version() -> None:
    """A form's duties are asserted by what is said to have come, and evidenced by a file."""
    story = Dossier()
    words: dict[str, Any] = {"form": "annex-xi", "form_version": "1", "subject": "nova-5", "by": "provider"}
    sent = story.tell(DocumentationReceived, view="aio", received=("XI.1.1.a",), withheld=(), **words)
    assert "asserted" == story.status()
    story.document(to=sent)
    assert "evidenced" == story.status()
    assert "missing" in story.assessed().cell(DUTY).facts[0].reads
    story.tell(DocumentationReceived, view="aio", received=(), withheld=(), **words | {"form_version": "2"})
    assert "asserted" == story.status()


def test_the_ceiling_counts_what_leans_on_the_provider() -> None:
    """The provider's papers lean on it, however many; calls and others' papers do not."""
    story = Dossier()
    story.claim()
    story.submit(story.document())
    story.finding("evaluation", "compliance", story.document())
    assert Ceiling(level="AAL-1", leaning=3, facts=3) == story.assessed().cell(DUTY).ceiling

    story.finding("evaluation", "compliance", f"{ACCESS}#4", finding="e" * 32)
    told = story.assessed(at_hand(4)).cell(DUTY).ceiling
    assert "no better than AAL-1, because 3 of 4 facts rest on what the provider says or supplied" == str(told)


def test_the_ceiling_falls_and_rises_at_half() -> None:
    """Half leaning is AAL-1, fewer is AAL-2, and nothing reaches AAL-3."""
    story = Dossier()
    paper = story.document(by="authority")
    story.check(story.claim(), "upheld", paper)
    assert Ceiling(level="AAL-2", leaning=0, facts=1) == story.assessed().cell(DUTY).ceiling
    story.claim(claim="Another.")
    assert Ceiling(level="AAL-1", leaning=1, facts=2) == story.assessed().cell(DUTY).ceiling
    story.finding("evaluation", "compliance", paper)
    assert Ceiling(level="AAL-2", leaning=1, facts=3) == story.assessed().cell(DUTY).ceiling
    assert "no better than AAL-2: 1 of 3 facts rests on" in str(story.assessed().cell(DUTY).ceiling)


def test_whose_material_a_fact_rests_on() -> None:
    """Each of these looks independent and leans on the provider, but for the last two."""

    def leaning(tell: Callable[[Dossier], object]) -> list[bool]:
        story = Dossier()
        tell(story)
        return [fact.leans for fact in story.assessed().cell(DUTY).facts]

    def checked_by_their_paper(story: Dossier) -> None:
        story.check(story.claim(), "upheld", story.document(), by="evaluator-1")

    def own_check_cites_ours(story: Dossier) -> None:
        claim = story.claim()
        story.check(claim, "upheld", story.document(), by="evaluator-1")
        story.check(claim, "upheld", story.document(by="authority"), by="provider")

    def found_by_a_meeting(story: Dossier) -> None:
        meeting = story.tell(MeetingRecorded, form="call", count="1", summary="s")
        story.finding("evaluation", "compliance", story.document(), meeting)

    def sent_by_another(story: Dossier) -> None:
        story.submit(story.document(by="national authority"), by="national authority")

    def checked_by_our_paper(story: Dossier) -> None:
        story.check(story.claim(), "upheld", story.document(by="authority"), by="evaluator-1")

    cases = (checked_by_their_paper, own_check_cites_ours, found_by_a_meeting, sent_by_another, checked_by_our_paper)
    assert [[True], [True], [True], [False], [False]] == [leaning(tell) for tell in cases]


def test_what_leaves_it_open_is_no_fact_of_the_ceiling() -> None:
    """An undetermined finding makes nothing surer and nothing less sure."""
    story = Dossier()
    story.claim()
    story.finding("final", "undetermined", story.document(by="authority"))

    assert Ceiling(level="AAL-1", leaning=1, facts=1) == story.assessed().cell(DUTY).ceiling


def test_the_forms_fields_for_one_recipient_bear_on_that_duty() -> None:
    """What came for downstream providers is no answer to the AI Office."""
    story = Dossier()
    words: dict[str, Any] = {"form": "mdf", "form_version": "1", "subject": "nova-5", "by": "provider"}
    story.tell(DocumentationReceived, view="dp", received=("MDF.1.1",), withheld=(), **words)
    told = statuses(story.assessed())

    assert {"TR-1.1": "asserted", "TR-1.2C": "asserted"} == told


def test_a_submission_about_an_item_names_no_model() -> None:
    """It counts for each model, and is none itself."""
    story = Dossier()
    claim = story.claim("AIA-53-1C")
    story.submit(about=claim)

    assert (("nova-5",), "asserted") == (subjects_of(story.case()), story.status())


def test_over_all_duties_each_fact_counts_once() -> None:
    """A claim on two duties is one fact; a duty that does not bear is not counted."""
    story = Dossier()
    story.claim(DUTY, "AIA-53-1B")
    assert 1 == story.assessed().ceiling.facts
    story.claim("AIA-50-1")
    assert 1 == story.assessed().ceiling.facts
    assert "no" == story.assessed().cell("AIA-50-1").bearing.applies
    assert ceiling_of(()) == Ceiling(level="", leaning=0, facts=0)


def test_only_the_providers_duties_are_cells() -> None:
    """The authority's own duties are not the provider's."""
    assessment = Dossier().assessed()
    own = {cell.duty.id for cell in assessment.cells}

    assert {"AIA-53-1A", "SS-1.1", "AIA-54-3"} <= own
    assert not own & {"AIA-92-4", "AIA-68-2"}
    with pytest.raises(KeyError):
        assessment.cell("AIA-92-4")
    assert act().duty("AIA-92-4").who == ("ai_office",)
