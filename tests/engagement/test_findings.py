"""Findings: what settles a duty, who was heard before it, and which version a reply answers."""

from datetime import date

import pytest
from dossier import ACCESS, DUTY, Dossier, at_hand

from comity.engagement import case_clocks, case_packs
from comity.engagement.findings import publication_clocks
from comity.records import (
    EventStated,
    FindingStated,
    HearingHeld,
    HearingInvited,
    ItemCorrected,
    ItemWithdrawn,
    PeriodExtended,
)


def test_a_final_finding_that_can_be_followed_settles() -> None:
    """By the authority, with an outcome, an assurance, and evidence that stands."""
    story = Dossier()
    story.finding("final", "compliance", story.document())
    (found,) = story.findings()

    assert found.newest.settles
    assert "no preliminary version came before it, so the provider could not reply" == found.newest.early


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"stage": "evaluation"}, "it is an evaluation's"),
        ({"stage": "preliminary"}, "it is preliminary"),
        ({"by": "evaluator-1"}, "it is by evaluator-1, not by the authority"),
        ({"finds": "undetermined"}, "it leaves open what it finds"),
        ({"assurance": "none"}, "it states no assurance"),
        ({"finds": "infringement"}, "no preliminary version came before it, so the provider could not reply"),
    ],
)
def test_each_condition_is_needed(changes: dict[str, str], because: str) -> None:
    """One missing, and the finding says which."""
    story = Dossier()
    told = {"stage": "final", "finds": "compliance"} | changes
    story.finding(told.pop("stage"), told.pop("finds"), story.document(), **told)

    assert because == story.findings()[0].newest.open_because


def test_a_finding_rests_on_what_can_be_followed() -> None:
    """All of it at hand, and something of it evidence."""
    story = Dossier()
    bare = story.finding("final", "compliance")
    assert "it cites nothing" == story.findings()[0].newest.open_because
    story.finding("final", "compliance", story.claim(), version=2)
    assert "nothing that it cites is evidence" == story.findings()[0].newest.open_because
    story.finding("final", "compliance", story.document(), f"{ACCESS}#4", version=3)
    assert "it cites what cannot be followed" in story.findings()[0].newest.open_because
    assert story.findings(at_hand(4))[0].newest.settles
    assert "a later version replaces it" == story.findings()[0].versions[0].open_because
    assert bare == story.findings()[0].versions[0].item.id


def test_a_findings_own_document_is_not_its_evidence() -> None:
    """The decision as a file says what was found, and not by what it is shown."""
    story = Dossier()
    story.document(to=story.finding("final", "compliance"), by="authority")

    assert "it cites nothing" == story.findings()[0].newest.open_because


def test_a_findings_calls_are_resolved_to_their_digests() -> None:
    """From the finding to the entry of the access ledger, by its hash."""
    story = Dossier()
    story.finding("evaluation", "compliance", f"{ACCESS}#4")
    (cited,) = story.findings(at_hand(4))[0].newest.cited

    assert ("arrangement.signed", 64, True) == (cited.what, len(cited.digest), cited.shows)


def test_a_reply_is_bound_to_its_version() -> None:
    """A reply to version 1 is no reply to version 2, nor to version 1 as corrected."""
    story = Dossier()
    first = story.finding("preliminary", "infringement", story.document())
    story.reply(first)
    assert 1 == len(story.findings()[0].newest.disputed)

    story.tell(ItemCorrected, corrects=first, changes=(("conclusion", "d"),), because="b")
    (reply,) = story.findings()[0].newest.replies
    assert "it answers version 1 as it read before its correction" == reply.remark
    assert () == story.findings()[0].newest.disputed

    story.reply(first)
    story.finding("final", "infringement", story.document(), version=2)
    told = story.findings()[0]
    assert "it answers version 1 and is no reply to version 2" == told.versions[0].replies[-1].remark
    assert (True, ()) == (told.newest.settles, told.newest.disputed)


def test_only_the_provider_replies() -> None:
    """A third party's word on a finding is shown and disputes nothing."""
    story = Dossier()
    story.reply(story.finding("final", "compliance", story.document()), by="somebody")

    assert () == story.findings()[0].newest.disputed
    assert "not by the provider" in story.findings()[0].newest.replies[0].remark


@pytest.mark.parametrize(("position", "disputed"), [("agrees", 0), ("remarks", 0), ("disputes", 1)])
def test_only_a_dispute_disputes(position: str, disputed: int) -> None:
    """A remark leaves the finding as it is."""
    story = Dossier()
    story.reply(story.finding("final", "compliance", story.document()), position)

    assert disputed == len(story.findings()[0].newest.disputed)


def test_the_last_day_to_reply_is_the_packs_and_a_finding_on_it_is_early() -> None:
    """Fourteen days from 2 September end with the 16th; on the 17th the provider has been heard."""
    for day, early in (("2026-09-16", True), ("2026-09-17", False)):
        story = Dossier()
        paper = story.document()
        story.finding("preliminary", "infringement", paper, on="2026-09-02")
        story.finding("final", "infringement", paper, version=2, at=day, on=day)
        first, last = story.findings()[0].versions

        assert first.reply_time is not None
        assert (date(2026, 9, 16), "DIR-PF, draft", "secondary") == (
            first.reply_time.until, first.reply_time.source, first.reply_time.confidence,
        )  # fmt: skip
        assert early == ("stated before the reply's time was over" in last.early)
        assert early != last.settles


def test_a_reply_or_a_hearing_ends_the_wait() -> None:
    """Who has replied, or was heard, has used the time; letting it pass is not being heard."""
    for act in ("reply", "hear", "not-used"):
        story = Dossier()
        paper = story.document()
        first = story.finding("preliminary", "infringement", paper)
        if act == "reply":
            story.reply(first, "remarks")
        else:
            words = {"about": first, "grounds": "g", "remedies": "r", "until": "2026-09-30"}
            hearing = story.tell(HearingInvited, **words)
            story.tell(HearingHeld, hearing=hearing, held="orally" if act == "hear" else act, summary="s")
        story.finding("final", "infringement", paper, version=2)

        assert (act == "not-used") == bool(story.findings()[0].newest.early), act


def test_a_reply_after_the_final_version_came_too_late_to_be_heard_before_it() -> None:
    """And a hearing on another matter hears nobody on this one; nor is an evaluation a preliminary finding."""
    late = Dossier()
    paper = late.document()
    first = late.finding("preliminary", "infringement", paper)
    late.finding("final", "infringement", paper, version=2)
    late.reply(first)
    assert "stated before the reply's time was over" in late.findings()[0].newest.early

    other = Dossier()
    paper = other.document()
    other.finding("preliminary", "infringement", paper)
    hearing = other.tell(HearingInvited, about="a fine", grounds="g", remedies="r", until="2026-09-30")
    other.tell(HearingHeld, hearing=hearing, held="orally", summary="s")
    other.finding("final", "infringement", paper, version=2)
    assert "stated before the reply's time was over" in other.findings()[0].newest.early

    evaluated = Dossier()
    paper = evaluated.document()
    evaluated.reply(evaluated.finding("evaluation", "infringement", paper))
    evaluated.finding("final", "infringement", paper, version=2)
    assert "no preliminary version came before it" in evaluated.findings()[0].newest.early


def test_each_finding_has_its_own_time_to_reply() -> None:
    """Another finding's later day leaves this one's where it is."""
    story = Dossier()
    paper = story.document()
    story.finding("preliminary", "infringement", paper, on="2026-09-02")
    story.finding("preliminary", "infringement", paper, finding="e" * 32, duty="AIA-53-1B", at="2026-09-20")
    times = [one.newest.reply_time for one in story.findings()]

    assert [date(2026, 9, 16), date(2026, 10, 4)] == [time.until for time in times if time is not None]


def test_versions_stand_by_their_number() -> None:
    """Also where a number was corrected."""
    story = Dossier()
    first = story.finding("preliminary", "compliance")
    story.finding("final", "compliance", version=2)
    story.tell(ItemCorrected, corrects=first, changes=(("finding_version", "3"),), because="b")

    assert [2, 3] == [version.number for version in story.findings()[0].versions]


def test_a_hearings_longer_period_counts() -> None:
    """The later of pack and hearing, extensions counted."""
    story = Dossier()
    first = story.finding("preliminary", "infringement", story.document())
    hearing = story.tell(HearingInvited, about=first, grounds="g", remedies="r", until="2026-10-01")
    story.tell(PeriodExtended, extends=hearing, until="2026-10-09", because="illness")
    time = story.findings()[0].newest.reply_time

    assert time is not None
    assert (date(2026, 10, 9), f"hearing {hearing[:8]}") == (time.until, time.source)


def test_without_the_last_version_the_one_before_is_the_newest() -> None:
    """A withdrawn final version leaves the preliminary one."""
    story = Dossier()
    paper = story.document()
    story.finding("preliminary", "compliance", paper)
    last = story.finding("final", "compliance", paper, version=2)
    story.tell(ItemWithdrawn, withdraws=last, because="b")

    assert ("preliminary", True) == (story.findings()[0].newest.record.stage, story.findings()[0].newest.newest)


def test_publication_has_thirty_business_days_from_the_notice() -> None:
    """From 2 September thirty business days end with 14 October, by the plain calendar."""
    story = Dossier()
    story.tell(EventStated, event="FINDINGS_NOTIFIED", subject="nova-5", on="2026-09-02", summary="s")
    case = story.case()
    (clock,) = publication_clocks(case_clocks(case, story.now, case_packs(case)))

    assert ("SS-3.5D", date(2026, 10, 14)) == (clock.clock.duty.id, clock.clock.due)


def test_two_findings_keep_their_versions_apart() -> None:
    """Each has its own newest version."""
    story = Dossier()
    story.finding("evaluation", "compliance")
    story.finding("evaluation", "infringement", finding="e" * 32, duty="AIA-53-1B")
    told = story.findings()

    assert [("f" * 32, DUTY), ("e" * 32, "AIA-53-1B")] == [(one.id, one.newest.record.duty) for one in told]
    assert all(isinstance(one.newest.record, FindingStated) for one in told)
