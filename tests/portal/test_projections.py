"""Projections follow from entries, are written by the projector alone, and are the same when made again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from houses import FOUND, RICH, SAMPLES, WRITTEN, World
from stories import Story

from comity.engagement import Book, add, brief_page, portfolio, read_access
from comity.engagement.adequacy import read_adequacy
from comity.law import named_calendar
from comity.ledger import Ledger
from comity.records import Record, TopicOpened, instant_text

TABLES = {"CaseRow", "BriefLine", "EntryRow", "ClockRow", "MatterRow", "AdequacyRow", "FindingRow", "FileRow"}


def entries_of(world: World, engagement: str) -> tuple[str, tuple[bytes, ...]]:
    with world.open_case(engagement) as ledger:
        return ledger.origin, tuple(ledger.read(0, ledger.size()))


def topic(world: World, name: str) -> Record:
    story = Story(begin=world.now.date().isoformat())
    story.tell(TopicOpened, topic=name)
    record = story.records[-1]
    members = record.members() | {"item": world.house().random(16).hex(), "at": instant_text(world.now)}
    return TopicOpened.from_members(members)


def test_the_lines_are_those_of_the_brief(world: World) -> None:
    """What the portfolio shows is what `comity brief` prints, line by line with its entries."""
    from comity.portal.projections.models import BriefLine

    for engagement in (RICH, FOUND, *SAMPLES):
        origin, entries = entries_of(world, engagement)
        access = [read_access(one.origin, one.entries, until=world.now) for one in world.access]
        found = portfolio([Book(origin=origin, entries=entries)], world.now, access=access, terms_of=world.terms_of)
        (column,) = brief_page(found, world.now).columns
        told = [(row, line.text, line.confidence, [str(ref) for ref in line.refs]) for row, line in column.lines()]
        rows = BriefLine.objects.filter(engagement=engagement)
        shown = {(one.row, one.position): one for one in rows}
        assert len(told) == len(shown) > 10
        for row, lines in column.rows.items():
            for place, line in enumerate(lines):
                one = shown[row, place]
                assert (line.text, line.cleared) == (one.text, one.cleared)
                assert [str(ref) for ref in line.refs] == [f"{origin}#{index}" for origin, index in one.refs]


def test_the_cells_are_those_of_adequacy(world: World) -> None:
    """The table promised, delivered, used, denied is the one that `comity engagement adequacy` prints."""
    from comity.engagement import read_entries
    from comity.law import load_pack
    from comity.portal.projections.models import AdequacyRow

    origin, entries = entries_of(world, RICH)
    case = read_entries(entries)
    ((name, terms),) = world.terms_of(case).items()
    access = read_access(world.access[0].origin, world.access[0].entries, until=world.now)
    pack = load_pack(case.opening.law, case.opening.law_version)
    page = read_adequacy(
        case, origin, name, pack, world.now, terms=terms, access=access, calendar=named_calendar(terms.calendar)
    )
    rows = {row.item: row.cells for row in AdequacyRow.objects.filter(engagement=RICH).exclude(part="clauses")}

    assert {row.item.id for row in page.items} == set(rows)
    for row in page.items:
        cells = (row.promised, row.delivered, row.used, row.denied)
        assert [(cell.status, list(cell.cites)) for cell in cells] == [
            (cell["status"], cell["cites"]) for cell in rows[row.item.id]
        ]


def test_the_duties_are_those_of_law_assess(world: World, visit: Callable[[str], Any]) -> None:
    """Status, reason, facts and ceiling are what `comity law assess` computes, and each leads to its entries."""
    from django.utils.html import escape

    from comity.engagement import case_clocks, case_packs, read_entries
    from comity.engagement.assessment import assess, subjects_of
    from comity.engagement.citations import AtHand

    _, entries = entries_of(world, FOUND)
    case = read_entries(entries)
    (pack,) = case_packs(case)
    clocks = case_clocks(case, world.now, (pack,))
    told = [assess(case, pack, name, clocks, AtHand(ledgers={}, keys={})) for name in subjects_of(case)]
    page = visit("handler").get(f"/case/{FOUND}/duties/").content.decode()

    wanted = [cell for cell in told[0].cells if cell.counted]
    assert escape(str(told[0].ceiling)) in page
    assert {"asserted", "not assessed"} < {cell.status for cell in wanted}
    for cell in [cell for cell in wanted if not cell.facts]:
        assert f'<li id="{cell.duty.id}">' in page
    for cell in [cell for cell in wanted if cell.facts]:
        row = page.split(f'<tr id="{cell.duty.id}">')[1].split("</tr>")[0]
        assert f">{cell.status}</span>" in row and escape(cell.because) in row
        for fact in cell.facts[-12:]:
            assert f'/entry/{fact.item.index}/">#{fact.item.index}</a>' in row and escape(fact.says) in row
    for cell in told[0].cells:
        assert cell.counted or f'id="{cell.duty.id}"' not in page


def test_a_rebuild_gives_identical_tables(world: World, files: Path) -> None:
    """Every table made again out of the ledgers has the digest of the one in use."""
    from django.db import connections

    from comity.portal.projections.rebuild import rebuilt
    from comity.portal.projections.tables import open_for_writing

    open_for_writing(files / "fresh.sqlite", "fresh")
    try:
        found = rebuilt(world.house(), "fresh", "projector")
    finally:
        connections["fresh"].close()

    assert set(found) > TABLES
    assert {name: before for name, (before, _) in found.items()} == {name: after for name, (_, after) in found.items()}
    assert len({before for before, _ in found.values()}) == len(found)


def test_a_rebuild_finds_a_row_that_somebody_changed(world: World, files: Path) -> None:
    """A hand in the tables shows in the digests, by the name of the table."""
    from django.db import connections

    from comity.portal.projections.models import CaseRow
    from comity.portal.projections.rebuild import rebuilt
    from comity.portal.projections.tables import open_for_writing

    CaseRow.objects.using("projector").filter(key=RICH).update(stage="closed")
    open_for_writing(files / "fresh.sqlite", "fresh")
    try:
        found = rebuilt(world.house(), "fresh", "projector")
    finally:
        connections["fresh"].close()
        CaseRow.objects.using("projector").filter(key=RICH).update(stage="access")

    assert ["CaseRow"] == [name for name, (before, after) in found.items() if before != after]


def test_a_page_cannot_write_a_projection(world: World) -> None:
    """Neither through the models nor past them: the database itself refuses."""
    from django.db import OperationalError, connections

    from comity.portal.projections.fence import WrittenByTheProjectorAlone
    from comity.portal.projections.models import CaseRow

    case = CaseRow.objects.get(key=RICH)
    for attempt in (
        case.save, case.delete, CaseRow.objects.all().delete, lambda: CaseRow.objects.update(stage="closed"),
        lambda: CaseRow.objects.create(key="x"), lambda: CaseRow.objects.bulk_create([case]),
        lambda: CaseRow.objects.update_or_create(key="x"), lambda: CaseRow.objects.get_or_create(key="x"),
    ):  # fmt: skip
        with pytest.raises(WrittenByTheProjectorAlone, match=r"append an entry"):
            attempt()
    with pytest.raises(OperationalError, match="readonly"), connections["projections"].cursor() as cursor:
        cursor.execute("UPDATE projections_caserow SET stage = 'closed'")
    assert "closed" != CaseRow.objects.get(key=RICH).stage


def test_rows_and_position_move_together(
    world: World, project: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A projector that dies between two tables leaves the case as it was, and the next one goes on."""
    from comity.portal.projections import projector
    from comity.portal.projections.models import CaseRow, EntryRow, MatterRow, Position

    def seen() -> tuple[int, int, int]:
        rows = EntryRow.objects.filter(engagement=WRITTEN).count()
        return Position.objects.get(engagement=WRITTEN).size, CaseRow.objects.get(key=WRITTEN).size, rows

    project()
    before = seen()
    with world.open_case(WRITTEN) as ledger:
        add(ledger, topic(world, "logging"), world.now)

    def die(*_: object, **__: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(MatterRow.objects, "using", die)
        with pytest.raises(RuntimeError, match="killed"):
            project()
    assert before == seen()

    assert 1 == project()
    assert tuple(one + 1 for one in before) == seen()
    assert "MatterRow" in {model.__name__ for model in projector.TABLES}


def test_only_what_changed_is_read_again(world: World) -> None:
    """A second look does nothing; an entry in one case makes that case anew and no other."""
    from comity.portal.projections.projector import Projector

    one = Projector(world.house())
    one.run_once()

    assert 0 == one.run_once()
    with world.open_case(WRITTEN) as ledger:
        add(ledger, topic(world, "retention"), world.now)
    assert {WRITTEN: 1} == one.lag()
    assert 1 == one.run_once()
    assert {} == one.lag()


def test_a_call_makes_the_cases_of_its_arrangement_anew_and_no_others(world: World) -> None:
    """An access ledger that moves costs one case's reading; a case that took long rests before the next."""
    from comity.portal.house import AccessBook
    from comity.portal.projections.models import AccessRow
    from comity.portal.projections.projector import REST, Projector

    moved = [world.now]

    @contextmanager
    def slowly(engagement: str) -> Iterator[Ledger]:
        moved[0] += timedelta(seconds=2)
        with world.open_case(engagement) as ledger:
            yield ledger

    def call() -> None:
        entries = list(world.access[0].entries)
        refused = next(entry for entry in entries if b'"call.refused"' in entry)
        world.access[0] = AccessBook(origin=whole.origin, entries=[*entries, refused])
        world.access.append(AccessBook(origin=f"office.example/a/{len(world.access):032x}", entries=[]))

    one, whole = Projector(world.house(clock=lambda: moved[0], open_case=slowly)), world.access[0]
    one.run_once()
    moved[0] += timedelta(seconds=2 * REST)
    try:
        call()
        assert 1 == one.run_once()
        call()
        assert 0 == one.run_once()
        assert len(list(whole.entries)) + 2 == AccessRow.objects.get(origin=whole.origin).size
        moved[0] += timedelta(seconds=2 * REST)
        assert 1 == one.run_once()
    finally:
        del world.access[1:]
        world.access[0] = whole
        Projector(world.house()).run_once()
    assert len(list(whole.entries)) == AccessRow.objects.get(origin=whole.origin).size


def test_tables_of_another_shape_are_made_anew(world: World, files: Path) -> None:
    """A release with other columns drops the tables of the one before, because the ledgers hold everything."""
    from django.db import connections

    from comity.portal.projections.models import CaseRow
    from comity.portal.projections.projector import Projector
    from comity.portal.projections.tables import make_tables, open_for_writing

    open_for_writing(files / "other.sqlite", "other")
    try:
        assert make_tables("other")
        Projector(world.house(), alias="other").run_once()
        assert not make_tables("other")
        assert len(world.house().case_ids()) == CaseRow.objects.using("other").count() > 4
        with connections["other"].cursor() as cursor:
            cursor.execute("UPDATE projection_shape SET shape = 'older'")
        assert make_tables("other")
        assert 0 == CaseRow.objects.using("other").count()
    finally:
        connections["other"].close()


def test_what_is_entered_is_what_is_shown(world: World) -> None:
    """Each entry has its row, with the digest of its own bytes."""
    from hashlib import sha256

    from comity.portal.projections.models import EntryRow

    for engagement in (RICH, FOUND, *SAMPLES):
        _, entries = entries_of(world, engagement)
        rows = list(EntryRow.objects.filter(engagement=engagement).order_by("index"))
        assert [sha256(entry).hexdigest() for entry in entries] == [row.digest for row in rows]
