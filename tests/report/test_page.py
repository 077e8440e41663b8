"""The page says what the numbers say, to everybody, and asks nothing of anybody's network."""

import base64
import hashlib
import json
import re
import xml.etree.ElementTree as ET
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.arrangement import specimen
from tests.report.told import plan_of, tell

from comity.report.chart import INK, interval_chart
from comity.report.errors import NotReportable
from comity.report.forms import FORMS, Claims, shown
from comity.verify.page import check_page, leaves

HTML = "{http://www.w3.org/1999/xhtml}"
SVG = "{http://www.w3.org/2000/svg}"

UNGUARDED = {"by": "none", "permit_key": specimen.PERMIT.vkey, "key": ""}
OFFICE = {"days": ["mon", "tue"], "from": "09:00", "until": "17:30"}
DECIDING = plan_of(
    60,
    claim=json.loads(plan_of(60))["claim"]
    | {
        "threshold": {"value": "0.10", "direction": "below", "source": "the code of practice, measure 3.2"},
        "multiplicity": {"family": ["this rate", "another"], "method": "holm"},
        "consequence": {"exceeds": "Ask for measures.", "below": "Close.", "undetermined": "Test more."},
    },
)
JUDGE = {"recipient": "judge", "model": "judge-1"}
JUDGED = plan_of(5, scoring={"scorer": "short-answer", "version": 1, "judge": JUDGE})
RUNS: dict[str, dict[str, Any]] = {
    "plain": {},
    "missing answers": {"missing": ("refused:503", "limit:token", "not-attempted"), "repeated": 2},
    "nothing judged": {"right": 0, "wrong": 0, "missing": ("no-answer", "no-answer")},
    "one of several runs": {"others": ("finished", "aborted", "open"), "before": 3, "stray": 2},
    "refusals": {"refused": ("features.logprobs", "budget.calls"), "counted": 1234},
    "other models": {"served": ("", "another-model", "another-model")},
    "several epochs": {"epochs": 3},
    "a log that differs": {"status": "unreconciled"},
    "reported before": {"published": 2},
    "all right": {"right": 9, "wrong": 0},
    "without a guard": {"terms": specimen.terms("guard", UNGUARDED)},
    "counted by the guard": {"guard": (("2026-12-01", 0),)},
    "guard and ledger differ": {"guard": (("2026-12-01", 2), ("2026-12-02", 1)), "missing": ("refused:503",)},
    "suspended": {"suspended": (30, 0)},
    "some hours": {"terms": specimen.terms("window.hours", OFFICE)},
    "decided": {"right": 0, "wrong": 60, "plan": DECIDING},
    "not decided, and exploratory": {"right": 9, "wrong": 50, "missing": ("error",), "plan": DECIDING, "deviations": 2},
    "of a whole bank": {
        "right": 9, "wrong": 1, "plan": plan_of(10, outputs={"methods": ["betting-bank"], "level": "0.95"})
    },
    "graded by a model": {"plan": JUDGED, "judged_by": "judge-1"},
    "left to the provider": {"plan": plan_of(5, decoding={"temperature": "unset", "max_tokens": 24, "seed": "unset"})},
}


@pytest.fixture(params=RUNS, scope="module")
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, bytes]:
    return tell(**RUNS[request.param]).page(tmp_path_factory.mktemp("page"))


def elements(page: bytes) -> list[ET.Element]:
    return list(ET.fromstring(page).iter())


def test_the_page_is_well_formed(made: tuple[Any, bytes]) -> None:
    """A strict parser reads the page: one root, every element ended, every id once, every link leads somewhere."""
    found = elements(made[1])
    ids = [one.get("id") for one in found if one.get("id")]

    assert made[1].startswith(b"<!DOCTYPE html>\n")
    assert len(ids) == len(set(ids))
    named = {one.get("aria-labelledby", "") for one in found} - {""}
    assert {part for label in named for part in label.split()} <= set(ids)
    assert {one.get("href", "")[1:] for one in found if one.tag == f"{HTML}a"} <= set(ids)


def test_each_claim_is_what_stands_in_the_report(made: tuple[Any, bytes]) -> None:
    """Path, value and text of a claim agree with report.json; each number of it is claimed."""
    numbers, page = made
    claim = Claims(numbers.members)
    claimed = set()
    for one in elements(page):
        if one.tag == f"{HTML}data":
            path, form, value = one.attrib["data-claim"], one.attrib["data-form"], one.attrib["value"]
            assert str(claim.value(path)) == value
            assert shown(value, form) == one.text
            assert "claim" == one.attrib["class"] and not list(one)
            claimed.add(path)
    stated = leaves(numbers.members)
    numbered = {path for path, leaf in stated if isinstance(leaf, int) or path.startswith("estimates.")}
    assert {path for path in numbered if not path.endswith(".method")} <= claimed


def test_the_verifier_finds_the_page_in_order(made: tuple[Any, bytes]) -> None:
    """What a stranger's check reads in the page is what the report says."""
    numbers, page = made

    assert check_page(page, numbers.members).holds, check_page(page, numbers.members)


def test_the_page_fetches_nothing_and_runs_nothing(made: tuple[Any, bytes]) -> None:
    """No script, no address, no handler; the policy allows the one style sheet by its digest."""
    found = elements(made[1])
    allowed = {"charset", "name", "content", "http-equiv", "rel", "href", "class", "id", "lang", "scope", "datetime",
               "value", "data-claim", "data-form", "aria-labelledby", "aria-hidden"}  # fmt: skip

    assert not [one.tag for one in found if one.tag.rpartition("}")[2] in {
        "script", "img", "iframe", "object", "embed", "form", "input", "audio", "video", "base", "use", "image",
    }]  # fmt: skip
    for one in found:
        assert one.tag.startswith(SVG) or set(one.attrib) <= allowed, one.attrib
        assert not [name for name in one.attrib if name.lower().startswith("on") or name.rpartition("}")[2] == "style"]
        for name in ("href", "src", "{http://www.w3.org/1999/xlink}href"):
            assert one.get(name, "#").startswith("#") or one.get(name) == "data:,"
    [style] = [one.text or "" for one in found if one.tag == f"{HTML}style"]
    assert "url(" not in style and "@import" not in style
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    [policy] = [one.attrib["content"] for one in found if one.get("http-equiv") == "Content-Security-Policy"]
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in policy
    outside = set(re.findall(rb"https?://[^\s\"<]+", made[1]))
    assert outside <= {b"http://www.w3.org/1999/xhtml", b"http://www.w3.org/2000/svg"}


def test_the_page_is_for_those_who_hear_it(made: tuple[Any, bytes]) -> None:
    """Language, one first heading, no heading skipped, tables with their headers, charts with title and description."""
    found = elements(made[1])
    levels = [int(one.tag[-1]) for one in found if re.fullmatch(rf"{re.escape(HTML)}h[1-6]", one.tag)]

    assert "en" == found[0].get("lang")
    assert 1 == levels[0] and 1 == levels.count(1)
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all(one.get("scope") for one in found if one.tag == f"{HTML}th")
    drawings = [one for one in found if one.tag == f"{SVG}svg" and one.get("aria-hidden") is None]
    for one in drawings:
        assert "img" == one.get("role")
        assert [f"{SVG}title", f"{SVG}desc"] == [child.tag for child in list(one)[:2]]
        assert all((child.text or "").strip() for child in list(one)[:2])
    assert len(drawings) == (2 if made[0].members["estimates"] else 0)


def text_of(page: bytes) -> str:
    body = ET.fromstring(page).find(f"{HTML}body")
    assert body is not None
    return re.sub(r" ([.,;:)”])", r"\1", " ".join(" ".join(body.itertext()).split())).replace("“ ", "“")


def test_the_page_says_how_many_runs_there_are(tmp_path: Path) -> None:
    """A report of one run among several says so at the top, and names the others with how they ended."""
    _, page = tell(others=("finished", "aborted")).page(tmp_path)

    text = text_of(page)
    assert "This report covers 1 of 3 runs in the ledger." in text
    assert "3 runs begun, 2 finished, 1 aborted" in text
    assert text.index("covers 1 of 3 runs") < text.index("Who gave access to whom")


def test_the_page_says_what_departed_from_the_plan(tmp_path: Path) -> None:
    """Repeated, refused, unscored and unplanned calls, and a log that differs from the ledger, are each said."""
    _, page = tell(
        missing=("refused:503", "not-attempted"), repeated=1, before=2, stray=3, refused=("budget.calls",),
        status="unreconciled", published=1,
    ).page(tmp_path)  # fmt: skip

    text = text_of(page)
    assert "No. The engine’s log and the ledger differ." in text
    assert "Calls before the plan was fixed? 2" in text
    assert "Calls outside any run? 5" in text
    assert "Calls repeated? 1" in text
    assert "Questions without a score? 2 1: no call was sent 1: refused or failed with status 503" in text
    assert "Reported before? Yes: entry" in text


def test_the_page_states_each_clause_with_its_mark(tmp_path: Path) -> None:
    """Terms in plain words; what is only promised is never shown as more."""
    _, page = tell().page(tmp_path)

    text = text_of(page)
    assert "At most 400 calls are made in all. budget.calls enforced" in text
    assert "The provider stores nothing of questions and answers. content.retention attested" in text
    assert "an answer that names no model is passed on and flagged in the record. models.unstated evidenced" in text


def test_without_a_guard_a_bypass_is_not_excluded_in_so_many_words(tmp_path: Path) -> None:
    """Nobody but the operator sees to it: attested, and no counters are shown."""
    text = text_of(tell(terms=specimen.terms("guard", UNGUARDED)).page(tmp_path)[1])

    assert (
        "Bypass not excluded: nobody but the operator sees to it that calls pass the gateway. Whoever holds the key to "
        "the model, the operator" in text
    )
    assert "guard lets only permitted calls through" not in text
    assert "What the provider’s guard counted" not in text


def test_with_a_guard_the_page_says_what_it_counted_and_no_more(tmp_path: Path) -> None:
    """Enforced by the provider's own machine, its counters evidenced, other doors attested; a difference is on top."""
    through = "The provider’s guard lets only permitted calls through: the key to the model alone does not open it."
    same = text_of(tell(guard=(("2026-12-01", 0),)).page(tmp_path / "same")[1])
    assert f"{through} enforced" in same and "no other door is the provider’s word" in same
    assert "Bypass not excluded" not in same
    assert "On every day with calls, the guard’s signed counters and the ledger agree. evidenced" in same

    other = text_of(tell(guard=(("2026-12-01", 1),)).page(tmp_path / "other")[1])
    caution = "On 1 December 2026 the provider’s guard and the ledger do not agree about the calls that were made."
    assert other.index(caution) < other.index("Who gave access to whom")
    assert "They differ for 1 December 2026." in other and "more passed the guard than the ledger holds" in other

    none = text_of(tell().page(tmp_path / "none")[1])
    assert "Guard and ledger agree for no day. There are no counters for 1 December 2026. evidenced" in none


def test_the_access_statement_tells_variant_suspensions_hours_and_good_faith(tmp_path: Path) -> None:
    """Each with its mark: what the provider says is attested, what the entries say is evidenced."""
    _, page = tell(suspended=(30, 0), terms=specimen.terms("window.hours", OFFICE)).page(tmp_path)

    text = text_of(page)
    assert "“standard”, in the provider’s words attested" in text
    assert "until 23 December 2026, 00:00 UTC, on Monday and Tuesday from 09:00 to 17:30 UTC enforced" in text
    assert "By the provider (operational) from 1 December 2026, 09:00 UTC until 2 December 2026, 15:00 UTC" in text
    assert "still in force; the clock of the window stood still" in text
    assert "The window’s clock stood still for 1 d 6 h 0 min in all. evidenced" in text
    assert "Good faith Tests in good faith lead to no measure on accounts. attested" in text
    assert "the tag office-for-ai/2026-17, sent with each request evidenced" in text


def test_without_a_score_there_is_no_figure(tmp_path: Path) -> None:
    """Nothing judged: the page says so, and shows no rate and no chart."""
    _, page = tell(right=0, wrong=0, missing=("no-answer",)).page(tmp_path)

    assert "No answer was judged, so there is no estimate." in text_of(page)
    assert b"%" not in page.partition(b"<main>")[2].partition(b"Annex")[0].replace(b"0%", b"")


def test_what_others_wrote_stays_text(tmp_path: Path) -> None:
    """A title, an instruction or a model's name that looks like markup is shown, not obeyed."""
    evil = '<script>alert(1)</script>"\'&</style>'
    numbers, page = tell(plan=plan_of(5, title=evil, instruction=evil), served=(evil,)).page(tmp_path)

    assert numbers.members["title"] == evil
    assert b"<script" not in page
    assert evil in text_of(page)
    assert check_page(page, numbers.members).holds


def test_two_makings_of_a_page_are_equal(tmp_path: Path) -> None:
    """The same run under the same checkpoint gives the same bytes, charts included."""
    told = tell(missing=("no-answer",))

    assert told.page(tmp_path / "one") == told.page(tmp_path / "two")


def test_an_edited_number_is_found(tmp_path: Path) -> None:
    """Value or text: whichever of the two is changed in the page, the check names the number."""
    numbers, page = tell().page(tmp_path)

    for edited in (page.replace(b'value="0.600000">60.0%', b'value="0.900000">90.0%', 1),
                   page.replace(b'value="0.600000">60.0%', b'value="0.600000">90.0%', 1)):  # fmt: skip
        fact = check_page(edited, numbers.members)
        assert fact.holds is False and "estimates.0.point" in fact.detail


def test_the_style_sheet_knows_each_colour_of_the_chart() -> None:
    """Every colour that the drawing uses is replaced in the dark and on paper, or is none."""
    one = {"method": "wilson", "point": "0.5", "low": "0.2", "high": "0.8", "worst_low": "0.4", "worst_high": "0.6",
           "missing": 1}  # fmt: skip
    sheet = files("comity.report").joinpath("page.css").read_text()
    drawn = str(interval_chart([one], width=700, key="k", label="a & b <c>"))
    marks = drawn.replace('class="background" aria-hidden="true"', "").replace('stroke="#ddd" stroke-opacity="0"', "")

    used = set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]+)"', marks))
    assert used == set(INK.values())
    text = {INK["text"]}
    assert all(f'="{colour}"]' in sheet for colour in used - text)
    assert "a &amp; b &lt;c&gt;" in drawn


@given(st.integers(0, 10**15), st.sampled_from(["text", "count", "money"]))
def test_an_integer_is_read_back_from_every_form(value: int, form: str) -> None:
    """What is shown loses nothing of an integer."""
    read = shown(str(value), form).replace(",", "")
    whole, _, fraction = read.partition(".")

    assert value == (int(whole) * 10**9 + int(fraction.ljust(9, "0")) if form == "money" else int(read))
    assert form in FORMS


def test_a_result_after_a_deviation_is_called_exploratory_before_anything_else(tmp_path: Path) -> None:
    """The word stands in the headline, each reason below; a run as planned says that there is none."""
    told = RUNS["not decided, and exploratory"]
    page = tell(**told).page(tmp_path / "one")[1].decode()
    assert page.index(">exploratory<") < page.index('id="access"')
    assert all(f"reason {number}, in one line" in page for number in (0, 1))
    assert "It is not decided" in page and "Test more." in page
    plain = tell(**RUNS["decided"]).page(tmp_path / "two")[1].decode()
    assert "exploratory" not in plain and "None: the run is as planned." in plain
    assert '<span class="yes">Yes</span>' in plain and "alpha among <data" in plain


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"outputs": {"methods": [], "level": "0.95"}}, None),
        ({"missing": ""}, "missing"),
        ({"access": {}}, "access.calls"),
    ],
)
def test_a_number_whose_field_is_empty_cannot_be_printed(
    changes: dict[str, Any], field: str | None, tmp_path: Path
) -> None:
    """The refusal names the number and the field; what is not printed needs no field."""
    told = tell(plan=plan_of(5, **changes), missing=("error",), right=2)
    if field is None:
        assert told.page(tmp_path)[0].members["estimates"] == []
        return
    with pytest.raises(NotReportable, match=rf"cannot be printed: the plan leaves {re.escape(field)} empty"):
        told.page(tmp_path)
