"""Promised, delivered, used, denied: each cell follows from entries, and from those that it cites."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from rich_world import AT, CASE, PACK, TERMS, Access, opened, page, rich_access, rich_case, rich_terms
from stories import Story

from comity.arrangement.promises import ACCESS_ITEMS
from comity.engagement.adequacy import Adequacy
from comity.engagement.adequacy_cells import Cell
from comity.engagement.adequacy_map import WAYS, names
from comity.records import (
    AccessRequested,
    DocumentAttached,
    DocumentErased,
    InformationAnswered,
    InformationRequested,
    ItemWithdrawn,
    parse_instant,
)

CELLS = ("promised", "delivered", "used", "denied")
SAYS_NOTHING = {"not promised", "none", "not used", "nothing", "not known", "not recorded"}


def cells(of: Adequacy) -> Iterator[tuple[str, Cell]]:
    """Each cell of a page, by a name that stays the same."""
    for row in of.items:
        yield from ((f"{row.item.id}/{name}", getattr(row, name)) for name in CELLS)
    for number, line in enumerate(of.clauses):
        yield from ((f"{line.clause}/{number}/{name}", getattr(line, name)) for name in CELLS)


FULL = page()
CITED = [(name, cell) for name, cell in cells(FULL) if cell.cites]


def cell(of: Adequacy, name: str) -> Cell:
    """One cell, empty where its row is gone."""
    return dict(cells(of)).get(name, Cell(status="gone"))


@pytest.mark.parametrize(("name", "before"), CITED, ids=[name for name, _ in CITED])
def test_a_cell_without_the_entries_that_it_cites_says_something_else(name: str, before: Cell) -> None:
    """No status rests on anything but what it names."""
    left: dict[str, set[int]] = {CASE: set(), TERMS.ledger.origin: set()}
    for cite in before.cites:
        origin, _, index = cite.partition("#")
        left[origin].add(int(index))

    after = cell(page(case_without=left[CASE], access_without=left[TERMS.ledger.origin]), name)

    assert (before.status, before.words) != (after.status, after.words)


def test_a_cell_that_says_something_cites_something() -> None:
    """Only emptiness needs no entry."""
    silent = [name for name, one in cells(FULL) if not one.cites and one.status not in SAYS_NOTHING]
    assert [] == silent
    statuses = {one.status for _, one in cells(FULL)}
    assert {"agreed", "asked", "evidenced", "contested", "attested", "used", "denied"} <= statuses


EXPECTED = {
    "most-capable-version": ("agreed", "attested", "used", "denied"),
    "reasoning": ("agreed", "evidenced", "used", "denied"),
    "least-mitigated": ("agreed", "attested", "used", "nothing"),
    "activations": ("agreed", "evidenced", "used", "nothing"),
    "gradients": ("asked", "none", "not used", "denied"),
    "raw-outputs": ("agreed", "evidenced", "used", "nothing"),
    "model-specification": ("not promised", "none", "not used", "nothing"),
    "system-prompt": ("agreed", "evidenced", "not recorded", "nothing"),
    "training-data": ("not promised", "none", "not used", "nothing"),
    "test-sets": ("asked", "none", "not used", "denied"),
    "past-results": ("asked", "attested", "not recorded", "nothing"),
    "time": ("agreed", "evidenced", "used", "denied"),
    "compute": ("agreed", "evidenced", "used", "denied"),
    "staff": ("not promised", "attested", "used", "nothing"),
    "engineering-support": ("not promised", "none", "not used", "nothing"),
    "channel": ("agreed", "evidenced", "used", "nothing"),
    "free-of-charge": ("agreed", "attested", "not recorded", "nothing"),
    "no-storing": ("agreed", "attested", "not recorded", "nothing"),
    "no-training": ("agreed", "attested", "not recorded", "nothing"),
    "safe-harbour": ("agreed", "attested", "not recorded", "denied"),
    "draft.api": ("agreed", "evidenced", "used", "nothing"),
    "draft.internal-access": ("not promised", "none", "not used", "nothing"),
    "draft.source-code": ("agreed", "contested", "not used", "denied"),
    "draft.weights": ("not promised", "none", "not used", "nothing"),
    "draft.hosting": ("not promised", "none", "not used", "nothing"),
    "draft.state": ("not promised", "none", "not used", "nothing"),
    "draft.parity": ("not promised", "none", "not used", "nothing"),
    "draft.no-logging": ("asked", "none", "not recorded", "nothing"),
    "draft.timely": ("asked", "evidenced", "not recorded", "nothing"),
}


def test_each_item_of_the_rich_story_is_as_it_was_worked_out() -> None:
    """The whole table, by hand from the story."""
    found = {row.item.id: tuple(getattr(row, name).status for name in CELLS) for row in FULL.items}
    assert EXPECTED == found
    assert {row.item.id for row in FULL.items if row.draft} == {name for name in EXPECTED if name.startswith("draft.")}


WORDS = {
    "most-capable-version/promised": "nova-5 (standard)",
    "most-capable-version/delivered": "11 answers to calls to nova-5; the rest is the provider's word",
    "least-mitigated/promised": "nova-5-open (helpful-only)",
    "channel/delivered": "12 answers through the gateway; activations session of 2026-10-07",
    "activations/delivered": "activations session of 2026-10-07, countersigned",
    "raw-outputs/used": "5 calls that asked for logprobs",
    "system-prompt/delivered": "1 document supplied on 2026-10-12",
    "past-results/delivered": "said to be supplied on 2026-10-12",
    "test-sets/denied": "refused on 2026-10-12",
    "gradients/denied": "request of 2026-10-02 declined on 2026-10-13",
    "time/delivered": "31 business days granted of 30 promised, 7 lost",
    "time/used": "9 days: 18 calls, 2 sessions",
    "compute/denied": "41 refusals: budget.per_day.calls",
    "safe-harbour/denied": "1 permitted call turned away by the provider",
    "draft.timely/delivered": "first grant 2 days after the request; due by 2026-10-09",
    "draft.source-code/delivered": "source-code session of 2026-10-08, contested by the provider",
    "staff/delivered": "interview session of 2026-10-09, entered by the authority alone",
}


@pytest.mark.parametrize(("name", "words"), WORDS.items(), ids=WORDS)
def test_a_cell_says_how_much(name: str, words: str) -> None:
    """Counts, days and dates stand beside the status."""
    assert words == cell(FULL, name).words


def test_a_missed_notice_and_a_missed_access_are_denials_of_their_clauses() -> None:
    """Notice came one week late; access to the newer version did not come in thirty days."""
    found = {row.clause: row for row in FULL.clauses}
    assert "nova-6 met late, due 2026-10-29" == found["successor.notice_days"].denied.words
    assert "nova-6 overdue, due 2026-11-14" == found["successor.access_days"].denied.words


def test_the_days_of_the_window_each_with_what_took_it() -> None:
    """44 business days: 22 in October, 20 in November without the 2nd, and two for the clock that stood still."""
    days = FULL.days
    assert days is not None
    assert (44, 31, 7, 6, 30, 37) == (
        days.in_all, len(days.granted), len(days.lost), days.to_come, days.promised, days.most,
    )  # fmt: skip
    took = [(f"{one.day:%m-%d}", one.causes[0].partition(":")[0]) for one in days.lost]
    assert [
        ("10-20", "third-party-suspension by a third state"), ("10-21", "third-party-suspension by a third state"),
        ("11-10", "suspension by the provider"), ("11-11", "suspension by the provider"), ("11-16", "no gateway ran"),
        ("11-17", "no gateway ran"), ("11-19", "2 of 2 calls failed at the provider"),
    ] == took  # fmt: skip
    assert all(one.cites for one in days.lost)


@pytest.mark.parametrize("lost", range(7))
def test_a_lost_day_without_the_entries_that_it_cites_is_not_lost(lost: int) -> None:
    """Delete-one for days: what took a day is what is cited, and nothing else."""
    assert FULL.days is not None
    one = FULL.days.lost[lost]
    left = {(cite.partition("#")[0], int(cite.partition("#")[2])) for cite in one.cites}
    after = page(
        case_without={index for origin, index in left if origin == CASE},
        access_without={index for origin, index in left if origin != CASE},
    )
    assert after.days is not None
    assert (one.day, one.causes) not in [(day.day, day.causes) for day in after.days.lost]


def test_without_an_access_ledger_nothing_about_calls_is_claimed() -> None:
    """What would stand in it is not known; what the case shows is."""
    found = {row.item.id: row for row in page(no_access=True).items}

    assert ("not known", "no access ledger at hand") == (
        found["raw-outputs"].delivered.status, found["raw-outputs"].delivered.words,
    )  # fmt: skip
    assert "not known" == found["compute"].delivered.status == found["time"].used.status
    assert "evidenced" == found["activations"].delivered.status
    assert page(no_access=True).days is None


def test_terms_that_no_entry_brought_into_force_promise_nothing() -> None:
    """Other terms than those in force, or none at hand, are no promise."""
    for terms in (None, rich_terms(title="Another title")):
        found = page(terms=terms)
        assert () == found.clauses
        assert "not promised" == {row.item.id: row for row in found.items}["activations"].promised.status


def test_an_erased_document_and_a_withdrawn_session_show_nothing() -> None:
    """Evidence that is gone leaves the word of whoever said so, or nothing."""
    story = rich_case()
    story.tell(DocumentErased, document="c" * 32, because="the purpose ended")
    sessions = [record.members()["item"] for record in story.records if record.kind == "session.held"]
    story.tell(ItemWithdrawn, withdraws=sessions[0], because="another case's")
    found = {row.item.id: row for row in page(story).items}

    assert "attested" == found["system-prompt"].delivered.status
    assert "none" == found["activations"].delivered.status


def test_a_later_answer_replaces_an_earlier_one() -> None:
    """What was refused first and supplied in part later is no longer refused; what is not held is denied."""
    story = rich_case()
    (request,) = [record.members()["item"] for record in story.records if record.kind == "information.requested"]
    answers = (("2", "not-held"), ("3", "partly"))
    story.tell(
        InformationAnswered, at="2026-11-20T09:00:00", on="2026-11-20", request=request, by="provider", answers=answers
    )
    found = {row.item.id: row for row in page(story).items}

    assert ("attested", "nothing") == (found["test-sets"].delivered.status, found["test-sets"].denied.status)
    assert "said to be supplied in part on 2026-11-20" == found["test-sets"].delivered.words
    assert ("none", "said not to be held on 2026-11-20") == (
        found["past-results"].delivered.status, found["past-results"].denied.words,
    )  # fmt: skip


def test_the_documents_of_an_answer_to_one_question_are_its_evidence() -> None:
    """Where one thing was asked, a file of the answer shows it; where more were, the answer says which file."""
    story = Story()
    asked = story.tell(
        InformationRequested, legal_basis="Art. 91(1)", purpose="p", asked=("The model specification",),
        until="2026-09-20", fines_notice="Art. 101", addressee="provider",
    )  # fmt: skip
    answer = story.tell(InformationAnswered, request=asked, by="provider", answers=(("1", "supplied"),))
    found = {row.item.id: row for row in page(story).items}["model-specification"]
    assert ("asked", "attested") == (found.promised.status, found.delivered.status)
    story.tell(
        DocumentAttached, document="c" * 32, to=answer, part="answer", title="t", media_type="text/plain", length=1,
        sealed_to=("office",), commitment="b" * 64,
    )  # fmt: skip
    found = {row.item.id: row for row in page(story).items}["model-specification"]
    assert ("evidenced", 2) == (found.delivered.status, len(found.delivered.cites))


def test_thousands_of_calls_are_cited_by_a_sample_and_say_so() -> None:
    """A page stays a page: the count is whole, the citations are the first of them."""
    access = opened()
    for minute in range(600):
        access.call(f"10-12T{8 + minute // 60:02}:{minute % 60:02}", "nova-5", "logprobs")
    found = {row.item.id: row for row in page(access=access).items}["raw-outputs"].used

    assert ("600 calls that asked for logprobs", 12, True) == (found.words, len(found.cites), found.sampled)
    assert not cell(FULL, "raw-outputs/used").sampled
    compute = {row.item.id: row for row in page(access=access).items}["compute"].delivered
    assert (True, False) == (compute.sampled, cell(FULL, "activations/delivered").sampled)


def test_the_page_of_a_past_day_knows_nothing_that_came_later() -> None:
    """On 8 October one session was countersigned, and nobody had called."""
    then = page(at=datetime(2026, 10, 8, 20, tzinfo=UTC))
    found = {row.item.id: row for row in then.items}

    assert "evidenced" == found["activations"].delivered.status
    assert ("not used", "none") == (found["raw-outputs"].used.status, found["raw-outputs"].delivered.status)
    assert then.days is not None and (5, 0) == (len(then.days.granted), len(then.days.lost))


def test_every_item_that_can_be_promised_has_its_way() -> None:
    """The map, the names that terms may use and the law pack's items are one list."""
    law = {item.id for item in PACK.access if not item.id.startswith("request.")}
    assert law == set(WAYS) == set(ACCESS_ITEMS)
    assert all(way.why for way in WAYS.values())
    assert {level.id for level in PACK.levels} >= {name for way in WAYS.values() for name in way.means}


@pytest.mark.parametrize(
    ("text", "named"),
    [("System-Prompt as deployed", True), ("the system_prompt", True), ("system  prompt", True), ("the prompt", False)],
)
def test_how_a_request_names_an_item(text: str, named: bool) -> None:
    """Case, hyphens, underscores and spaces make no difference."""
    assert named == names(text, ("system prompt",))


@pytest.mark.parametrize(
    ("granted", "day", "status", "words"),
    [
        ("2026-09-09", "2026-09-20", "evidenced", "first grant 4 days after the request; due by 2026-09-10"),
        ("2026-09-10", "2026-09-20", "evidenced", "first grant 5 days after the request; due by 2026-09-10"),
        ("2026-09-12", "2026-09-20", "evidenced", "first grant 7 days after the request, late; due by 2026-09-10"),
        ("", "2026-09-10", "", ""),
        ("", "2026-09-11", "denied", "no grant by 2026-09-10"),
    ],
)
def test_a_grant_in_time_late_or_never(granted: str, day: str, status: str, words: str) -> None:
    """The period ends with its last day; what came after it is late, and what did not come is denied."""
    story = Story()
    story.force(at="2026-09-02T09:00:00")
    story.tell(
        AccessRequested, at="2026-09-05T09:00:00", on="2026-09-05", legal_basis="Art. 92(1)(b)", ground="b",
        purpose="p", reasons="r", subject="nova-5", means=("api",), until="2026-09-10", fines_notice="Art. 101",
        board_consulted="2026-09-01",
    )  # fmt: skip
    if granted:
        story.grant(at=f"{granted}T10:00:00")
    at = datetime.fromisoformat(f"{day}T20:00:00+00:00")
    row = {one.item.id: one for one in page(story, terms=None, no_access=True, at=at).items}["draft.timely"]

    delivered, denied = row.delivered, row.denied
    found = {"evidenced": delivered, "denied": denied}.get(status)
    if found is None:
        assert ("none", "nothing") == (delivered.status, denied.status)
    else:
        assert (status, words) == (found.status, found.words)


def test_an_empty_case_promises_nothing() -> None:
    """Before any terms, every cell of every item is empty, with or without a ledger, and nothing fails."""
    for found in (page(Story(), Access()), page(Story(), no_access=True)):
        empty = {tuple(getattr(row, name).status for name in CELLS) for row in found.items}
        assert {
            ("not promised", "none", "not used", "nothing"), ("not promised", "none", "not recorded", "nothing"),
        } == empty  # fmt: skip
        assert found.days is None


def test_the_figures_of_the_record() -> None:
    """Calls, refusals, spend and grants, as the story has them."""
    record = rich_access().read()
    assert (18, 12, 1, 44) == (
        record.calls.permitted.count, record.calls.answered.count, record.calls.abandoned.count,
        record.calls.refused.count,
    )  # fmt: skip
    assert 1 == record.mismatched.count and len(rich_access().records) == record.size
    until = parse_instant(rich_access().records[-1].at)
    assert 50 == rich_access().read(until=until).size
    assert 49 == rich_access().read(until=until - timedelta(minutes=1)).size
    assert {"denied": 1} == {what: figure.count for what, figure in record.anomalies.items()}
    assert (20_000, 18_000) == (record.taken.cost_nano, record.charged.cost_nano)
    assert ["evaluator-1"] == [grant.person for grant in record.live_grants(AT)]
    assert () == record.live_grants(datetime(2026, 12, 1, tzinfo=UTC))
    (run,) = record.runs.values()
    assert ({"nova-5"}, 5) == (run.models, run.items)
    assert record.first_call is not None and 4 == record.first_call[0]
    assert datetime(2026, 10, 16, 10, tzinfo=UTC) == record.last_call["nova-5"][1]
    downs = [(down.since, down.until) for down in record.down]
    assert (None, datetime(2026, 10, 1, tzinfo=UTC)) == downs[0]
    assert all(first < second for (_, first), (second, _) in pairwise(downs) if first and second)
