"""However large a house grows, a page asks as little of the database and stays a page."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from houses import FOUND, RICH, SAMPLES, TOLD, World, asked, url_world
from rich_world import RUN, TERMS
from test_permissions import ARGUMENTS, OF_A_CASE, OF_A_FINDING, OF_AN_ARRANGEMENT, OPEN

MOST = 15
"""Queries of any page, the four of session, account, case and position among them."""
LONGEST = 400_000
"""Bytes of any page."""
TIMES = 12
"""So many times as much as before."""
WHOLE = ("case_file",)
"""Pages whose purpose is to hold everything."""
GROWING = (
    "Position", "CaseRow", "EntryRow", "MentionRow", "MatterRow", "ClockRow", "FindingRow", "FileRow", "NamedRow",
    "PlanRow", "RunRow",
)  # fmt: skip
"""Tables that grow with the number of cases, or with what happens in one; the law bounds the others for a case."""
ADMINISTRATORS = ("people", "person")


def every_page() -> dict[str, tuple[str, dict[str, Any]]]:
    """Name of a page → who opens it, and with which arguments: the same pages as the permission matrix has."""
    arrangement = {"engagement": RICH, "arrangement": TERMS.id}
    found: dict[str, tuple[str, dict[str, Any]]] = {
        name: ("handler", {key: url_world()[key] for key in ARGUMENTS.get(name, ())}) for name in OPEN
    }
    found |= {name: ("administrator", found[name][1]) for name in ADMINISTRATORS}
    found["register_case"] = ("", {"engagement": SAMPLES[0]})
    found["opened"] = ("handler", {"engagement": RICH})
    found |= {name: ("handler", {"engagement": RICH}) for name in OF_A_CASE}
    found["entry"] = ("handler", {"engagement": RICH, "index": 2})
    found["act"] = ("handler", {"engagement": FOUND, "name": "reply"})
    found |= {name: ("handler", arrangement) for name in OF_AN_ARRANGEMENT}
    found["access_act"] = ("handler", arrangement | {"door": "stop"})
    found["run"] = found["calls"] = ("evaluator", arrangement | {"run": RUN})
    found["call"] = ("evaluator", arrangement | {"index": TOLD})
    found["sealed"] = ("evaluator", arrangement | {"index": TOLD, "part": "answer"})
    return found | {name: ("handler", {"engagement": FOUND, "finding": "3" * 32}) for name in OF_A_FINDING}


def cloned(row: Any, number: int) -> Any:
    """A row like another, under another key; of another case where it is a case's only one."""
    from comity.portal.projections.models import CaseRow, EntryRow, MentionRow, Position

    members = {field.name: getattr(row, field.name) for field in row._meta.fields}
    members["key"] = f"{row.key}~{number}"
    if isinstance(row, (CaseRow, Position)):
        members["engagement"] = f"{int(row.engagement, 16) ^ (number + 1) << 64:032x}"
    if isinstance(row, (EntryRow, MentionRow)):
        members["index"] = 1_000 * (number + 1) + row.index
    if isinstance(row, EntryRow):
        members["key"] = f"{row.engagement}/{members['index']}"
    for name in ("order", "run", "document"):
        if name in members:
            members[name] = f"{members[name]}~{number}"[:120 if name == "order" else 32]
    return type(row)(**members)


@pytest.fixture(scope="module")
def large(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The tables of the house, with many times the cases, and many times the rows in each."""
    from django.db import connections

    from comity.portal.projections.models import TABLES
    from comity.portal.projections.tables import open_for_writing
    from comity.portal.settings.base import PROJECTIONS

    connections["projector"].cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file = tmp_path_factory.mktemp("large") / PROJECTIONS
    shutil.copy(world.house().path / PROJECTIONS, file)
    open_for_writing(file, "large")
    try:
        for model in (one for one in TABLES if one.__name__ in GROWING):
            rows = list(model.objects.using("large").filter(engagement__in=("", RICH, FOUND)))
            more = [cloned(row, number) for row in rows for number in range(TIMES)]
            model.objects.using("large").bulk_create(more, batch_size=400)
        yield file
    finally:
        connections["large"].close()


@contextmanager
def reading(file: Path) -> Iterator[None]:
    """Pages read another file meanwhile."""
    from django.db import connections

    connection = connections["projections"]
    before = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = f"{file.as_uri()}?mode=ro"
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before


def test_the_large_house_is_large(large: Path) -> None:
    """What the next test compares with holds many times as much, of everything that grows."""
    from comity.portal.projections.models import TABLES

    growing = [model for model in TABLES if model.__name__ in GROWING]
    before = {model: model.objects.filter(engagement__in=("", RICH, FOUND)).count() for model in growing}
    with reading(large):
        assert {model: count for model, count in before.items() if model.objects.count() < TIMES * count} == {}
    assert len(GROWING) == len([count for count in before.values() if count])


@pytest.mark.parametrize("name", sorted(every_page()))
def test_a_page_asks_no_more_of_a_larger_house(
    world: World, visit: Callable[[str], Any], large: Path, name: str
) -> None:
    """Every page takes as many queries as before, never more than a few, and does not grow without end."""
    from django.urls import reverse

    who, arguments = every_page()[name]
    browser, page = visit(who), reverse(name, kwargs=arguments)
    before = asked(browser, page)
    with reading(large):
        after = asked(browser, page)
        length = len(browser.get(page).content)

    assert after <= before <= MOST, f"{before} queries became {after}"
    assert length <= LONGEST or name in WHOLE


@pytest.mark.parametrize("kind", ["", "session.held"])
def test_a_long_list_is_walked_to_its_end_and_back(
    world: World, visit: Callable[[str], Any], large: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Page after page shows every entry once, the newest first; the way back shows the same."""
    import re

    from comity.portal.projections.models import EntryRow
    from comity.portal.rooms import engagement

    def shown(page: str) -> tuple[list[int], str, str]:
        text = browser.get(page).content.decode()
        entries = [int(one) for one in re.findall(r'<span class="ref">#(\d+)</span>', text)]
        before, after = (re.search(rf'rel="{way}" href="([^"#]+)', text) for way in ("prev", "next"))
        query = [one[1].replace("&amp;", "&") if one else "" for one in (before, after)]
        return entries, query[0], query[1]

    browser, base = visit("handler"), f"/case/{RICH}/timeline/"
    monkeypatch.setattr(engagement, "PER_PAGE", 25)
    with reading(large):
        rows = EntryRow.objects.filter(engagement=RICH)
        wanted = list((rows.filter(kind=kind) if kind else rows).order_by("-index").values_list("index", flat=True))
        entries, previous, following = shown(f"{base}?kind={kind}")
        assert "" == previous
        down = [entries]
        while following:
            entries, previous, following = shown(base + following)
            down.append(entries)
        up = [entries]
        while previous:
            entries, previous, _ = shown(base + previous)
            up.append(entries)
    assert wanted == [one for page in down for one in page] and len(down) > 1
    assert down == up[::-1]


@pytest.mark.parametrize("query", ["?after=x", "?after=9e9", "?after=%00", "?before=-1", "?after=" + "9" * 400])
def test_a_place_in_a_list_that_is_none_is_the_beginning(
    world: World, visit: Callable[[str], Any], query: str
) -> None:
    """Whatever somebody writes into the address, the page comes."""
    assert 200 == visit("handler").get(f"/case/{RICH}/timeline/{query}").status_code
    assert 200 == visit("handler").get(f"/inbox/{query.replace('after', 'oursafter')}").status_code
