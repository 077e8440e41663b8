"""Versions of a provider's models: released, told of, given, tested, and untested since."""

from datetime import UTC, datetime
from typing import Any

from rich_world import AT, CASE, DAYS, TERMS, Access, opened, rich_access, rich_case
from stories import Story

from comity.engagement import read_entries
from comity.engagement.versions import Dealings, Version, read_versions
from comity.records import ArrangementInForce, Digest, EventStated, Hex32, Instant, OfferStated, to_bytes


def versions(
    case: Story | None = None, access: Access | None = None, *, at: datetime = AT, held: bool = True,
    case_without: Any = (), access_without: Any = (),
) -> dict[str, Version]:  # fmt: skip
    """The page of the rich story, by version."""
    told = read_entries(
        [to_bytes(record) for record in (case or rich_case()).records], until=at, leaving_out=case_without
    )
    record = (access or rich_access()).read(until=at, calendar=DAYS, leaving_out=access_without)
    one = Dealings(case=told, origin=CASE, terms={TERMS.id: TERMS}, access={TERMS.id: record} if held else {})
    return {version.name: version for version in read_versions([one], at)}


def test_each_version_with_its_days_and_its_depth() -> None:
    """nova-5 was called last on 16 October, nova-6 was never called and access to it is overdue."""
    found = versions()
    assert ["nova-6", "nova-5", "nova-5-open"] == list(found)
    new, old = found["nova-6"], found["nova-5"]

    assert new.released is not None and new.notified is not None
    assert ("2026-10-15", "2026-11-05", None) == (new.released.on, new.notified.on, new.access)
    assert new.tested is not None and (0, 0, 0) == (new.tested.runs, new.tested.items, new.tested.calls)
    assert 41 == new.untested_days  # from 15 October to 25 November
    assert [("successor.access_days", "2026-11-14")] == [(one.clause, one.due) for one in new.overdue]

    assert old.access is not None and "2026-10-01" == old.access.on
    assert old.tested is not None and (1, 5, 11) == (old.tested.runs, old.tested.items, old.tested.calls)
    assert 40 == old.untested_days  # since 16 October
    assert () == old.overdue and old.released is None


def test_every_figure_rests_on_the_entries_that_it_cites() -> None:
    """Left out, they change it."""
    full = versions()
    for name, version in full.items():
        cited = [
            (part, one.cites) for part in ("released", "notified", "access", "tested")
            if (one := getattr(version, part)) is not None
        ] + [("overdue", late.cites) for late in version.overdue]  # fmt: skip
        for part, cites in cited:
            left = {(cite.partition("#")[0], int(cite.partition("#")[2])) for cite in cites}
            if not left:
                assert part == "tested" and version.tested is not None and not version.tested.calls
                continue
            after = versions(
                case_without={index for origin, index in left if origin == CASE},
                access_without={index for origin, index in left if origin != CASE},
            )
            assert getattr(version, part) != (getattr(after[name], part) if name in after else None), (name, part)


def test_an_event_of_access_counts_from_its_day() -> None:
    """Access by an event, in time: the clock is met, and untested days count from it."""
    story = rich_case()
    story.tell(EventStated, at="2026-11-10T09:00:00", on="2026-11-10", event="VERSION_ACCESS", subject="nova-6")
    found = versions(story)["nova-6"]

    assert found.access is not None and ("2026-11-10", 15, ()) == (found.access.on, found.untested_days, found.overdue)


def test_without_an_access_ledger_no_depth_is_claimed() -> None:
    """Not known is not never."""
    found = versions(held=False)["nova-5"]
    assert (None, None) == (found.tested, found.untested_days)


def test_an_access_ledger_that_is_missing_makes_depth_partial() -> None:
    """Two arrangements, and the ledger of one: what is known is a part, and no day counts as untested."""
    story = rich_case()
    story.records.append(
        ArrangementInForce(
            at=Instant("2026-11-20T00:00:00.000Z"), arrangement=Hex32("b" * 32), terms_version=1,
            digest=Digest("d" * 64), until="2026-12-01T00:00:00.000Z",
        )
    )  # fmt: skip
    found = versions(story)["nova-5"]
    assert found.tested is not None
    assert (True, 11, None) == (found.tested.partial, found.tested.calls, found.untested_days)


def test_what_the_talks_are_about_is_named_before_any_arrangement() -> None:
    """Nobody could call it yet, so that it was never tested: that much is known."""
    story = Story(subjects=("nova-7",))
    story.tell(OfferStated, by="provider", to="authority", subjects=("nova-8",), summary="s")
    found = {
        one.name: one
        for one in read_versions([Dealings(case=story.case(), origin=CASE, terms={}, access={})], AT)
    }
    assert {"nova-7", "nova-8"} == set(found)
    assert found["nova-7"].tested is not None and not found["nova-7"].tested.partial
    assert (None, None, ()) == (found["nova-7"].released, found["nova-7"].untested_days, found["nova-7"].overdue)


def test_a_call_to_a_model_that_nobody_names_names_it() -> None:
    """What was tested is shown even where no event and no terms speak of it."""
    access = opened()
    access.call("10-13T09:00", "nova-4")
    found = versions(access=access)["nova-4"]
    assert found.tested is not None and (1, 43) == (found.tested.calls, found.untested_days)


def test_the_page_of_a_past_day() -> None:
    """On 20 October the notice was not due yet, and nothing is overdue."""
    found = versions(at=datetime(2026, 10, 20, tzinfo=UTC))["nova-6"]
    assert (None, (), 5) == (found.notified, found.overdue, found.untested_days)
