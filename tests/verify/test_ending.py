"""What a verifier says of amendments and exits: each version holds its own permits, and an exit ends them all."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.arrangement import specimen
from tests.verify.specimen import BEGIN, OFFER, Story

from comity.arrangement import Offer, counter, countersign, exit_text, offer_terms, sign_act
from comity.ledger import Signer
from comity.records import AccessExited, Digest, Index, Instant
from comity.verify import Verdict, check_history, read_entries, read_offer

DAY = timedelta(days=1)
LEAVES = BEGIN.replace(hour=0) + 5 * DAY


def judge(story: Story, offer: Offer = OFFER) -> Verdict:
    history, _ = read_entries(story.entries())
    return Verdict(subject="", facts=tuple(check_history(history, read_offer(offer.envelope), specimen.ORIGIN)))


def amended(**settings: str) -> Offer:
    """Version 2 with both signatures; `__` stands for a dot."""
    named = {clause.replace("__", "."): text for clause, text in settings.items()}
    terms = counter(OFFER.terms, named)
    return countersign(offer_terms(terms, specimen.PROVIDER), specimen.AUTHORITY)


def amend(story: Story, offer: Offer, **changes: Any) -> Index:
    terms = offer.terms
    members = {
        "terms_version": terms.version, "digest": Digest(terms.digest), "previous": terms.previous,
        "note": offer.note.decode(),
    }  # fmt: skip
    return story.signed(**(members | changes))


def leave(story: Story, signer: Signer = specimen.PROVIDER, effective: datetime = LEAVES, **changes: Any) -> Index:
    cause = changes.pop("signed_cause", "purpose-met")
    text = exit_text(ledger=specimen.ORIGIN, cause=cause, effective=effective, nonce=story.nonce())
    stated = f"{effective:%Y-%m-%dT%H:%M:%S}.000Z"
    members: dict[str, Any] = {
        "at": story.at(), "by": "provider", "cause": cause, "effective": stated, "notice_days": 5,
        "note": sign_act(text, signer).decode(),
    }  # fmt: skip
    return story.tell(AccessExited(**(members | changes)))


def test_an_amendment_holds_under_either_version() -> None:
    """Read with version 1 or version 2, every fact holds: each is held against its own permits, whatever it lowers."""
    second = amended(budget__calls="2", budget__per_day__calls="2", models__prices__output="0.80")
    story = Story().opened()
    for _ in range(3):
        story.settled(story.permitted())
    under_way = story.permitted()
    amend(story, second)
    story.settled(under_way)

    for offer in (OFFER, second):
        assert [] == [fact for fact in judge(story, offer).facts if fact.holds is False]
    assert "version 2" in judge(story, second).fact("terms").detail


def test_a_permit_after_the_amendment_is_held_to_it() -> None:
    """With two calls agreed and three made before, one more is beyond the budget of version 2, and not of version 1."""
    second = amended(budget__calls="2", budget__per_day__calls="2")
    story = Story().opened()
    for _ in range(3):
        story.settled(story.permitted())
    amend(story, second)
    beyond = story.permitted()

    fact = judge(story, second).fact("budget")
    assert (False, f"entry {beyond}") == (fact.holds, fact.where)
    assert judge(story).fact("budget").holds


@pytest.mark.parametrize("changes", [{"previous": "0" * 64}, {"terms_version": 3}])
def test_an_amendment_that_does_not_follow_is_named(changes: dict[str, Any]) -> None:
    """Another version before it, or a version left out, is told at its entry."""
    story = Story().opened()
    place = amend(story, amended(title="Two"), **changes)

    fact = judge(story).fact("terms")
    assert (False, f"entry {place}") == (fact.holds, fact.where)


def test_an_exit_ends_the_permits_of_every_version() -> None:
    """A permit on the day of the exit is a fault; one a millisecond before is none."""
    story = Story().opened()
    leave(story)
    story.permitted(at=Instant("2026-12-05T23:59:59.999Z"))
    assert judge(story).fact("permits").holds
    late = story.permitted(at=Instant("2026-12-06T00:00:00.000Z"))

    fact = judge(story).fact("permits")
    assert (False, f"entry {late}") == (fact.holds, fact.where)
    assert "an exit ended access at 2026-12-06T00:00:00.000Z" in fact.detail


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"effective": LEAVES - DAY}, "5 days of notice agreed"),
        ({"notice_days": 9}, "the entry says 9"),
        ({"signed_cause": "unstated"}, "no cause is stated, and exit.statement is recorded"),
        ({"cause": "operational"}, "the signed act says"),
        ({"by": "authority"}, "the entry names the authority, the provider signed"),
        ({"signer": specimen.STRANGER}, "no party of the terms signed it"),
    ],
)
def test_an_exit_that_the_terms_do_not_give_is_named(changes: dict[str, Any], says: str) -> None:
    """Too little notice, a count that is none, a cause left out, another's signature: each at its entry."""
    story = Story().opened()
    place = leave(story, **changes)

    fact = judge(story).fact("acts")
    assert (False, f"entry {place}") == (fact.holds, fact.where)
    assert says in fact.detail


def test_an_exit_without_a_readable_day_is_named_and_raises_nothing() -> None:
    """An entry is anybody's text: a verdict says what is wrong with it."""
    story = Story().opened()
    place = leave(story, effective=LEAVES, **{"at": story.at()})
    story.records[place] = replace(story.records[place], effective="soon")  # type: ignore[call-arg]

    assert (False, f"entry {place}") == (judge(story).fact("acts").holds, judge(story).fact("acts").where)
    signed = leave(story)
    text = f"comity exit/1\n{specimen.ORIGIN}\npurpose-met\nsoon\n{story.nonce()}\n"
    note = sign_act(text, specimen.PROVIDER).decode()
    story.records[signed] = replace(story.records[signed], effective="soon", note=note)  # type: ignore[call-arg]
    assert "from when on it ends access cannot be read: 'soon'" in judge(story).fact("acts").detail


def test_who_may_not_leave_is_named() -> None:
    """An exit of a side that the clause exit.by does not name is a fault."""
    second = amended(**{"exit__by": "authority"})
    story = Story().opened()
    amend(story, second)
    leave(story)

    assert "the clause exit.by does not name it" in judge(story, second).fact("acts").detail
    assert datetime(2026, 12, 6, tzinfo=UTC) == LEAVES
