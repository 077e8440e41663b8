"""The brief in a terminal: columns where there is room, bands where there is not, and nothing runs over."""

from dataclasses import replace

import click
import pytest
from pages import end_of, page_on
from stories import Story

from comity.cli.brief_text import bands, lines, span
from comity.engagement.brief import Page
from comity.records import ContextNoted, MeetingRecorded, OfferStated, PublicationCleared, Record

LONG = "Gesellschaft für verantwortungsvolle Sprachmodellentwicklung und Anwendungsforschung mbH & Co. KG"
UNBROKEN = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"

WIDE = "AI深度求索人工智能基础技术研究有限公司（杭州）"


def story(number: int) -> list[Record]:
    """A case with something in most rows, and now and then a long name."""
    name = {1: LONG, 2: UNBROKEN, 3: WIDE}.get(number, f"Provider {number}")
    told = Story(provider=name, subjects=(f"model-{number}",))
    told.tell(MeetingRecorded, form="remote", count="1", summary=f"On safeguards {number}.", open=(f"open {number}?",))
    told.tell(OfferStated, by="provider", to="Office for AI", subjects=(f"model-{number}",), summary="A preview.")
    for note in range(number % 7):
        known = {"source": "news.example", "confidence": "reported"}
        told.tell(ContextNoted, by="a press agency", summary=f"Fact {note}.", **known)
    return told.records


def shown(page: Page, width: int) -> list[str]:
    """The page as it stands in a terminal, without its codes."""
    return [click.unstyle(line) for line in lines(page, "Office for AI", width)]


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
@pytest.mark.parametrize("count", [1, 2, 5, 12])
@pytest.mark.parametrize("public", [False, True])
def test_no_line_runs_over_the_edge(width: int, count: int, public: bool) -> None:
    """Whatever the names and the number of engagements, every line fits the terminal and no engagement is left out."""
    page = page_on("2026-12-01", *(story(number) for number in range(count)), public=public)
    text = shown(page, width)

    assert max(span(line) for line in text) <= width
    if public:
        assert "no engagement is published" in text
    else:
        for number in range(count):
            begin = {1: "Gesellschaft", 2: "Donaudampf", 3: "AI深度"}.get(number, f"Provider {number}")
            assert any(begin in line for line in text)
            assert any(f"open {number}?" in line for line in text)


@pytest.mark.parametrize(
    ("width", "count", "sizes"),
    [
        (80, 1, [1]), (80, 2, [2]), (80, 5, [2, 2, 1]), (80, 12, [2] * 6),
        (120, 1, [1]), (120, 2, [2]), (120, 3, [3]), (120, 4, [2, 2]), (120, 5, [3, 2]), (120, 12, [3] * 4),
        (60, 5, [1] * 5), (200, 5, [5]), (80, 0, []),
    ],
)  # fmt: skip
def test_engagements_stand_side_by_side_where_the_width_allows(width: int, count: int, sizes: list[int]) -> None:
    """Two fit into 80 columns and three into 120; bands are of as equal a size as can be."""
    page = page_on("2026-12-01", *(story(number) for number in range(count)))

    assert sizes == [len(band) for band in bands(page.columns, width)]


def test_a_row_with_many_lines_says_how_many_more_there_are() -> None:
    """Four lines of a row stand on the page, and the reader knows of the rest."""
    text = shown(page_on("2026-12-01", story(6)), 80)

    assert 4 == sum("a press agency: Fact" in line for line in text)
    assert any(line.strip() == "and 2 more (--json)" for line in text)


def test_a_source_stands_once_below_the_page() -> None:
    """Lines give the number of their source and how sure it is; the number leads to the source."""
    text = shown(page_on("2026-12-01", story(3), story(4)), 80)

    assert 1 == sum("news.example" in line for line in text)
    assert "[1] news.example" in text
    assert any("reported [1]" in line for line in text)


def test_rows_that_have_nothing_stand_together() -> None:
    """What is said of all engagements alike is said once, with the entries up to which it is so."""
    page = page_on("2026-12-01", story(4), story(5))
    text = " ".join(shown(page, 80))

    assert "entered under: refused, suspended, calls, sessions, who pays · e/00000000#6 e/00000000#7" in " ".join(
        text.split()
    )
    assert not any(line.startswith(("refused", "calls")) for line in shown(page, 80))


def test_nothing_known_and_nothing_published_are_kept_apart() -> None:
    """Where one case is cleared as a whole and the other in part, the reader sees of which the page knows."""
    told = Story()
    told.tell(PublicationCleared, items=(told.records[0].members()["item"],), by="desk", because="public")
    partly = story(4)
    opening = partly[0].members()["item"]
    clearing = Story()
    clearing.records, clearing.now = partly, end_of("2026-09-20")
    clearing.tell(PublicationCleared, items=(opening,), by="desk", because="public")

    one = shown(page_on("2026-12-01", told.records, public=True), 80)
    both = shown(page_on("2026-12-01", told.records, partly, public=True), 80)

    assert any(line.startswith("nothing     entered under: meetings, offered, open, refused") for line in one)
    assert not any("published under" in line for line in one)
    assert any(line.startswith("refused     nothing · e/00000000#1") and "nothing published" in line for line in both)


def test_when_it_was_so_stands_beside_where_it_is_not_when_it_was_entered() -> None:
    """A fact of March that was entered in September says both; one of the same day says it once."""
    told = Story(begin="2026-09-01")
    told.tell(OfferStated, on="2026-03", by="provider", to="Office for AI", summary="A preview.")
    text = "\n".join(shown(page_on("2026-09-05", told.records), 120))

    assert 2 == text.count("#1 · 2026-03\n")  # the stage that it began, and the offer
    told = Story(begin="2026-09-01")
    told.tell(OfferStated, by="provider", to="Office for AI", summary="A preview.")
    assert "2026-09-02\n" not in "\n".join(shown(page_on("2026-09-05", told.records), 120))


def test_columns_stay_in_line_beside_wide_signs() -> None:
    """A name whose signs take two cells each pushes nothing out of its column."""
    text = shown(page_on("2026-12-01", story(3), story(4)), 80)

    head = next(line for line in text if "AI深度" in line)
    assert head.endswith("Provider 4")
    below = next(line for line in text if "open 4?" in line)
    assert span(head[: head.index("Provider 4")]) == span(below[: below.index("open 4?")])


def test_what_was_stated_first_hand_bears_no_mark() -> None:
    """A source that somebody names for what they state themselves is no report, and gets no number."""
    told = Story()
    told.tell(ContextNoted, summary="Seen.", source="own file 12")
    text = "\n".join(shown(page_on("2026-12-01", told.records), 80))

    assert "Seen." in text
    assert "[1]" not in text and "own file 12" not in text


def test_the_column_is_headed_by_the_other_side() -> None:
    """An authority reads its providers' names, and a provider its authorities'."""
    page = page_on("2026-12-01", story(4))

    assert any(line.strip() == "Provider 4" for line in shown(page, 80))
    theirs = [click.unstyle(line) for line in lines(page, "Provider 4", 80)]
    assert any(line.strip() == "Office for AI" for line in theirs)


def test_what_moves_the_cursor_is_shown_as_a_code() -> None:
    """An entry may quote anybody; nothing in it can paint over another line."""
    story = Story()
    story.tell(ContextNoted, summary="see\x1b[2Jnothing")
    text = "\n".join(shown(page_on("2026-12-01", story.records), 80))

    assert "see\\x1b[2Jnothing" in text
    assert "\x1b[2J" not in text


def test_a_page_without_engagements_says_what_to_do() -> None:
    """An empty home leads to the command that begins an engagement."""
    page = page_on("2026-08-01", story(1))

    assert () == page.columns
    assert any("'comity engagement open' begins one" in line for line in shown(page, 80))
    assert any("no engagement is published" in line for line in shown(replace(page, public=True), 80))
