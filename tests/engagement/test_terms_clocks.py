"""What the terms ask by when: a missed notice is a clock that is overdue, and nobody has to notice it."""

from datetime import date, datetime
from typing import Any

import pytest
from rich_world import TERMS, rich_terms
from stories import Story

from comity.arrangement import Terms
from comity.arrangement.duties import DUTIES, EVENTS, duties_of
from comity.engagement import CaseClock, read_entries
from comity.engagement.terms_clocks import terms_clocks
from comity.records import ArrangementInForce, Digest, EventStated, Hex32, Instant, to_bytes


class Talks(Story):
    """A case with an arrangement in force since 1 October, and events told by day."""

    def __init__(self, terms: Terms = TERMS) -> None:
        super().__init__()
        self.terms = terms
        self.records.append(
            ArrangementInForce(
                at=Instant("2026-10-01T00:00:00.000Z"), arrangement=Hex32(terms.id), terms_version=terms.version,
                digest=Digest(terms.digest), until="2026-12-01T00:00:00.000Z",
            )
        )  # fmt: skip

    def event(self, name: str, entered: str, *, on: str = "", subject: str = "nova-6") -> None:
        """An event, entered on a day; it was so on that day or another."""
        self.tell(EventStated, at=f"2026-{entered}T09:00:00", on=on or f"2026-{entered}", event=name, subject=subject)

    def clock(self, duty: str, day: str = "12-31", **how: Any) -> CaseClock | None:
        """The clock of a duty at the end of a day."""
        at = datetime.fromisoformat(f"2026-{day}T23:00:00+00:00")
        case = read_entries([to_bytes(record) for record in self.records], until=at)
        found = terms_clocks(case, how.get("terms", self.terms), at)
        return next((one for one in found if one.clock.duty.id == duty), None)

    def state(self, duty: str, day: str = "12-31") -> str:
        """Its state at the end of a day."""
        found = self.clock(duty, day)
        return found.clock.state if found is not None else "no clock"


NOTICE, ACCESS = "successor.notice", "successor.access"


def test_the_pack_says_what_the_clauses_say() -> None:
    """Fourteen days for notice, thirty for access and for review, five before an exit; each from its event."""
    pack = duties_of(TERMS)
    assert {
        NOTICE: "due:VERSION_RELEASED+P14D", ACCESS: "due:VERSION_RELEASED+P30D",
        "publication.review": "due:RESULTS_NOTIFIED+P30D", "exit.notice": "not_before:EXIT_SIGNED+P5D",
    } == {name: str(duty.deadline) for name, duty in pack.duties.items()}  # fmt: skip
    assert {event for duty in DUTIES.values() for event in (duty.event, duty.met_by)} == set(EVENTS)
    assert ("provider",) == pack.duties["publication.review"].who


@pytest.mark.parametrize(
    ("kind", "force"), [("voluntary", "voluntary"), ("code", "code"), ("compulsory", "binding")]
)
def test_the_force_of_a_duty_follows_the_basis(kind: str, force: str) -> None:
    """What is promised freely binds otherwise than what the law compels."""
    assert force == duties_of(rich_terms(basis_kind=kind)).duties[NOTICE].force


def test_a_clause_of_no_days_makes_no_duty() -> None:
    """Nothing promised is nothing owed."""
    nothing = {"notice_days": 0, "access_days": 0, "text": "None."}
    assert {"publication.review", "exit.notice"} == set(duties_of(rich_terms(successor=nothing)).duties)


def test_a_missed_notice_is_overdue() -> None:
    """Released on 15 October, notice is due on the 29th; on the 30th it is late, and cites its entries."""
    story = Talks()
    story.event("VERSION_RELEASED", "10-15")
    assert "running" == story.state(NOTICE, "10-29")
    assert "overdue" == story.state(NOTICE, "10-30")
    found = story.clock(NOTICE)
    assert found is not None
    assert (date(2026, 10, 29), "nova-6", "provider", (2,)) == (
        found.clock.due, found.clock.about, found.by, tuple(entry.index for entry in found.entries),
    )  # fmt: skip

    story.event("VERSION_NOTIFIED", "11-05")
    assert ("overdue", "met late") == (story.state(NOTICE, "11-04"), story.state(NOTICE, "11-05"))
    assert "overdue" == story.state(ACCESS)


def test_notice_in_time_and_before_the_release_meet_the_duty() -> None:
    """Whoever tells before has told in time."""
    story = Talks()
    story.event("VERSION_NOTIFIED", "10-10")
    story.event("VERSION_RELEASED", "10-15")
    story.event("VERSION_ACCESS", "11-14")
    assert ("met", "met") == (story.state(NOTICE), story.state(ACCESS))
    assert "no clock" == story.state(NOTICE, "10-12")


def test_a_release_whose_day_is_not_known_starts_no_clock() -> None:
    """A clock counts from an exact day alone, and says what it waits for."""
    story = Talks()
    story.event("VERSION_RELEASED", "11-05", on="2026-10")
    assert "not started" == story.state(NOTICE)


@pytest.mark.parametrize(
    ("on", "state"), [("2026-10", "met late"), ("2026-10-20/2026-10-28", "met"), ("some time in autumn", "met late")]
)
def test_a_notice_at_an_inexact_time_counts_at_its_end(on: str, state: str) -> None:
    """Due on 29 October: known as October it counts on the 31st, as a span at its end, in words when it was entered."""
    story = Talks()
    story.event("VERSION_RELEASED", "10-15")
    story.event("VERSION_NOTIFIED", "11-05", on=on)
    found = story.clock(NOTICE)
    assert found is not None and state == found.clock.state
    assert {"2026-10": date(2026, 10, 31), "2026-10-20/2026-10-28": date(2026, 10, 28)}.get(
        on, date(2026, 11, 5)
    ) == found.clock.met  # fmt: skip


def test_a_notice_is_never_shown_after_it_was_entered() -> None:
    """Known as November and entered on the 5th, it was there on the 5th."""
    story = Talks()
    story.event("VERSION_RELEASED", "10-25")
    story.event("VERSION_NOTIFIED", "11-05", on="2026-11")
    found = story.clock(NOTICE)
    assert found is not None and ("met", date(2026, 11, 5)) == (found.clock.state, found.clock.met)


def test_each_version_has_its_own_clocks() -> None:
    """Notice of one is no notice of the other."""
    story = Talks()
    for subject in ("nova-6", "nova-7"):
        story.event("VERSION_RELEASED", "10-15", subject=subject)
    story.event("VERSION_NOTIFIED", "10-20", subject="nova-7")
    at = datetime.fromisoformat("2026-12-31T00:00:00+00:00")
    found = terms_clocks(story.case(), TERMS, at)
    states = {one.clock.about: one.clock.state for one in found if one.clock.duty.id == NOTICE}
    assert {"nova-6": "overdue", "nova-7": "met"} == states


def test_another_arrangement_in_the_case_changes_no_clock() -> None:
    """A release between the two is newer than the first arrangement, and older than this one."""
    story = Talks()
    other = story.records[-1]
    story.records.insert(1, type(other).from_members(
        other.members() | {"arrangement": "b" * 32, "at": "2026-09-02T00:00:00.000Z"}
    ))  # fmt: skip
    story.event("VERSION_RELEASED", "10-15", on="2026-09-20")
    assert "no clock" == story.state(NOTICE)


def test_a_version_from_before_the_terms_is_no_newer_one() -> None:
    """What was released earlier, the sides knew of when they signed."""
    story = Talks()
    story.event("VERSION_RELEASED", "10-15", on="2026-09-20")
    assert "no clock" == story.state(NOTICE)


def test_terms_that_list_a_version_give_access_to_it() -> None:
    """An amendment with the newer version among its models is notice and access, on the day it came into force."""
    value = [{**model, "name": "nova-6", "serves": ["nova-6"]} for model in _models()[:1]] + _models()
    amended = rich_terms(models=value, version=2, previous=TERMS.digest)
    story = Talks()
    story.event("VERSION_RELEASED", "10-15")
    story.event("VERSION_NOTIFIED", "10-16")
    story.records.append(
        ArrangementInForce(
            at=Instant("2026-11-20T00:00:00.000Z"), arrangement=Hex32(TERMS.id), terms_version=2,
            digest=Digest(amended.digest), until="2026-12-01T00:00:00.000Z",
        )
    )  # fmt: skip
    found = story.clock(ACCESS, terms=amended)
    assert found is not None and "met late" == found.clock.state
    assert [2, 4] == [entry.index for entry in found.entries]


def _models() -> list[Any]:
    models: list[Any] = TERMS.value()["models"]
    return models


def test_other_terms_than_those_in_force_start_no_clock() -> None:
    """A draft promises nothing."""
    story = Talks()
    story.event("VERSION_RELEASED", "10-15")
    assert story.clock(NOTICE, terms=rich_terms(title="Another")) is None


def test_review_and_exit_have_their_clocks() -> None:
    """Results handed over on 1 November are reviewed by 1 December; an exit of the 3rd takes effect from the 8th."""
    story = Talks()
    story.event("RESULTS_NOTIFIED", "11-01", subject="")
    story.event("EXIT_SIGNED", "11-03", subject="")
    review, leaving = story.clock("publication.review"), story.clock("exit.notice")
    assert review is not None and leaving is not None
    assert (date(2026, 12, 1), "overdue") == (review.clock.due, review.clock.state)
    assert date(2026, 11, 8) == leaving.clock.earliest
    story.event("RESULTS_REVIEWED", "11-30", subject="")
    assert "met" == story.state("publication.review")
