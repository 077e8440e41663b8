"""No status stands on nothing: without what a cell cites its status changes; the order of entries changes none."""

from collections.abc import Sequence

import pytest
from dossier import ACCESS, HAND, Dossier, act, assessment_of, rich, statuses
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from comity.engagement import read_records
from comity.engagement.assertions import read_assertions
from comity.engagement.assessment import Cell
from comity.engagement.citations import AtHand, Cited
from comity.records import CaseItem, FindingStated, Record

STORY = rich()
WHOLE = STORY.assessed(HAND)
EXPECTED = {
    "AIA-53-1A": "evidenced", "AIA-53-1B": "evidenced", "AIA-53-1C": "asserted", "AIA-53-1D": "evidenced",
    "AIA-55-1A": "evidenced", "AIA-55-1B": "contested", "AIA-53-3": "met", "AIA-55-1D": "met", "SS-1.1": "not met",
    "SS-6.1": "contested", "SS-A3.4A": "evidenced",
}  # fmt: skip
STANDING = [cell for cell in WHOLE.cells if cell.status in ("evidenced", "met", "not met", "contested")]


def without(cited: Sequence[Cited], story: Dossier = STORY) -> tuple[set[int], AtHand]:
    """The entries that are cited, to leave out, and a shelf that lacks those of the other ledger."""
    names = {one.name for one in cited}
    kept = {index: entry for index, entry in HAND.ledgers[ACCESS].items() if f"{ACCESS}#{index}" not in names}
    return {entry.index for one in cited for entry in one.entries}, AtHand(ledgers={ACCESS: kept})


def test_the_rich_case_has_every_status() -> None:
    """So that what follows tests all of them."""
    assert EXPECTED == statuses(WHOLE)


@pytest.mark.parametrize("cell", STANDING, ids=lambda cell: f"{cell.duty.id}-{cell.status}")
def test_without_what_it_cites_a_status_does_not_stand(cell: Cell) -> None:
    """All citations of a cell dropped at once change it; one that they do not move rests on nothing."""
    shown = [one for one in cell.cited if one.shows]
    assert shown, "a status that is more than a word cites something"
    gone, hand = without(shown)

    assert cell.status != STORY.assessed(hand, leaving_out=gone).cell(cell.duty.id).status


@pytest.mark.parametrize("cell", STANDING, ids=lambda cell: f"{cell.duty.id}-{cell.status}")
def test_without_its_facts_a_status_does_not_stand(cell: Cell) -> None:
    """The claims, submissions and findings themselves, in all versions, dropped leave nothing to assess."""
    gone = {fact.item.index for fact in cell.facts}
    gone |= {item.index for item, record in STORY.case().records(FindingStated) if record.duty == cell.duty.id}

    assert "not assessed" == STORY.assessed(HAND, leaving_out=gone).cell(cell.duty.id).status


@pytest.mark.parametrize("index", range(1, len(STORY.records)))
def test_no_entry_makes_a_status_worse_by_being_there_and_better_by_going(index: int) -> None:
    """Leaving out one entry never gives a cell a finding, or evidence, that it did not have."""
    rank = {"not assessed": 0, "asserted": 1, "evidenced": 2, "contested": 3, "not met": 4, "met": 4}
    left = statuses(STORY.assessed(HAND, leaving_out={index}))
    entry = STORY.records[index]
    lifted = {duty for duty, status in left.items() if rank[status] > rank[EXPECTED.get(duty, "not assessed")]}

    # A dispute that goes lets a finding stand; nothing else may lift a cell.
    assert lifted <= ({"SS-6.1"} if entry.kind == "finding.replied" else set()), entry.kind


def test_an_assertions_status_goes_with_its_citations() -> None:
    """The same for claims: evidenced, verified and contradicted fall back."""
    for one in read_assertions(STORY.case(), HAND):
        if one.status != "asserted":
            gone, hand = without([cited for cited in one.cited if cited.shows])
            left = {other.item.id: other.status for other in read_assertions(STORY.case(leaving_out=gone), hand)}
            assert left[one.item.id] in ("asserted", "inconclusive") and left[one.item.id] != one.status


def depends(later: Record, earlier: Record) -> bool:
    """Whether an entry names another, or is another version of the same finding."""
    if isinstance(later, FindingStated) and isinstance(earlier, CaseItem):
        if getattr(earlier, "finding", "") == later.finding:
            return True
    own = {str(getattr(earlier, "item", "-")), str(getattr(earlier, "document", "-"))}
    named = repr(sorted(later.members().items()))
    forced = later.kind == "session.held" and earlier.kind == "arrangement.in_force"
    finding = later.kind == "finding.replied" and getattr(earlier, "finding", "") == getattr(later, "finding", "")
    return forced or finding or any(name in named for name in own if name != "-")


AFTER = {
    place: {before for before in range(place) if depends(record, STORY.records[before])} | ({0} if place else set())
    for place, record in enumerate(STORY.records)
}


@given(st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_order_of_independent_entries_does_not_matter(random: object) -> None:
    """Any order in which each entry comes after those that it names gives the same statuses."""
    left, order = set(AFTER), list[int]()
    while left:
        ready = sorted(place for place in left if not AFTER[place] & left)
        place = ready[random.randrange(len(ready))]  # type: ignore[attr-defined]
        left.discard(place)
        order.append(place)
    shuffled = assessment_of(read_records(STORY.records[place] for place in order), STORY, HAND)

    assert EXPECTED == statuses(shuffled)
    assert WHOLE.ceiling == shuffled.ceiling
    assert {c.duty.id: c.bearing.applies for c in WHOLE.cells} == {c.duty.id: c.bearing.applies for c in shuffled.cells}


def test_entries_can_be_shuffled_at_all() -> None:
    """The test above is not about one order: many entries are free of each other."""
    free = sum(len(AFTER[place]) < place for place in AFTER)

    assert free > len(AFTER) // 2
    assert act().name == "eu-ai-act"
