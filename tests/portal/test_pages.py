"""What the pages of cases say, how they wait for what was written."""

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from houses import FOUND, RICH, SAMPLES, WRITTEN, World
from test_projections import topic

from comity.engagement import add


def test_the_portfolio_says_what_the_brief_says(world: World, visit: Callable[[str], Any]) -> None:
    """Every line of every engagement that is shown side by side stands on the first screen."""
    from django.utils.html import escape

    from comity.portal.projections.models import BriefLine

    text = visit("handler-elsewhere").get("/").content.decode()

    for line in BriefLine.objects.filter(engagement__in=SAMPLES):
        assert escape(line.text) in text
    assert "Sample: built from press reports of 2026." in text


def test_the_page_of_a_case_has_every_part(world: World, visit: Callable[[str], Any]) -> None:
    """Stage, what is open, clocks, adequacy, findings, files, people, entries, and the position in the ledger."""
    rich = visit("handler").get(f"/case/{RICH}/").content.decode()
    found = visit("handler").get(f"/case/{FOUND}/").content.decode()

    assert 'aria-current="step"' in rich and "System prompt" in rich and "evaluator-1" in rich
    assert "office.example/e/" in rich and "Newest entry, SHA-256" in rich
    for status in ("evidenced", "attested", "denied", "not promised"):
        assert f">{status}</span>" in rich
    assert ">contested</span>" in visit("handler").get(f"/case/{RICH}/adequacy/").content.decode()
    assert "settles" in found or "it is" in found


def test_an_entry_shows_every_member_and_its_digest(world: World, visit: Callable[[str], Any]) -> None:
    """Nothing that an entry states is left out, and what it names is a link."""
    from django.utils.html import escape

    from comity.portal.projections.models import EntryRow

    browser = visit("handler")
    for row in EntryRow.objects.filter(engagement=RICH):
        text = browser.get(f"/case/{RICH}/entry/{row.index}/").content.decode()
        assert row.digest in text
        for name, value in row.members.items():
            if name not in ("at", "item") and isinstance(value, str) and value and len(value) != 32:
                assert escape(value) in text, (row.kind, name)
    assert 404 == browser.get(f"/case/{RICH}/entry/9999/").status_code


def test_what_was_just_written_is_shown_or_said_to_be_missing(
    world: World, visit: Callable[[str], Any], project: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that is asked for the state after an entry waits for it, or says that it is written and not shown."""
    from comity.portal.rooms import frame

    monkeypatch.setattr(frame, "PATIENCE", 0.05)
    project()
    browser = visit("handler")
    with world.open_case(WRITTEN) as ledger:
        index = add(ledger, topic(world, "what was just written"), world.now)
    page = f"/case/{WRITTEN}/?at={index + 1}"

    before = browser.get(page).content.decode()
    assert "Written, and not yet shown here." in before and "what was just written" not in before
    assert "1 entry is in the ledger and not yet shown here" in browser.get(f"/case/{WRITTEN}/").content.decode()
    project()
    after = browser.get(page).content.decode()
    assert "Written, and not yet shown here." not in after and "what was just written" in after
    assert 200 == browser.get(f"/case/{WRITTEN}/?at=x").status_code


def test_a_projector_that_stands_still_is_seen_on_every_page(world: World, visit: Callable[[str], Any]) -> None:
    """Pages say for how long nobody looked at the ledgers, and what that means."""
    from datetime import timedelta

    from comity.portal.projections import beat

    folder = world.house().path
    try:
        beat.give(folder, world.now - timedelta(seconds=61))
        assert b"The projector last looked at the ledgers 61 seconds ago" in visit("handler").get("/").content
    finally:
        beat.give(folder, world.now)
    assert b"The projector last" not in visit("handler").get("/").content


def test_what_somebody_entered_is_text_and_nothing_else(
    world: World, visit: Callable[[str], Any], project: Callable[[], int]
) -> None:
    """Markup in an entry is shown as its signs, on every page that repeats it."""
    with world.open_case(WRITTEN) as ledger:
        index = add(ledger, topic(world, "<script>alert(1)</script><b>"), world.now)
    project()
    browser = visit("handler")

    for page in ("/", "/inbox/", f"/case/{WRITTEN}/", f"/case/{WRITTEN}/entry/{index}/", f"/case/{WRITTEN}/timeline/"):
        text = browser.get(page).content.decode()
        assert "<script>alert" not in text, page
    assert "&lt;script&gt;alert(1)" in text


def test_the_language_changes_and_the_place_stays(world: World, visit: Callable[[str], Any]) -> None:
    """Switching the language leads back to the same page, and leads nowhere else."""
    browser = visit("handler")
    answer = browser.post("/language/", {"language": "fr", "next": f"/case/{RICH}/timeline/?kind=case.opened"})
    away = browser.post("/language/", {"language": "fr", "next": "https://elsewhere.example/"})

    assert f"/case/{RICH}/timeline/?kind=case.opened" == answer["Location"]
    assert "/" == away["Location"]
    assert b'<html lang="fr">' in browser.get("/").content


def test_a_finding_shows_every_version_and_its_replies(world: World, visit: Callable[[str], Any]) -> None:
    """All versions, newest first, each with what it rests on and with the replies bound to it."""
    from django.utils.html import escape

    from comity.portal.projections.models import FindingRow

    browser = visit("expert")
    for finding in set(FindingRow.objects.filter(engagement=FOUND).values_list("finding", flat=True)):
        text = browser.get(f"/case/{FOUND}/findings/{finding}/").content.decode()
        for row in FindingRow.objects.filter(engagement=FOUND, finding=finding):
            assert f"Version {row.version}, {row.stage}" in text
            for reply in row.replies:
                assert f"{reply['by']} {reply['position']}" in text
                assert escape(reply["remark"]) in text
            for cite in row.cites:
                assert escape(cite["what"]) in text


def test_documentation_is_checked_for_each_recipient(world: World, visit: Callable[[str], Any]) -> None:
    """Three views of what arrived: each field of each form as received, withheld, missing or optional."""
    from django.utils.html import escape

    from comity.engagement import form_views, read_entries
    from comity.law import load_pack

    with world.open_case(FOUND) as ledger:
        case = read_entries(ledger.read(0, ledger.size()))
    pack = load_pack(case.opening.law, case.opening.law_version)
    browser, shown = visit("handler"), set()
    for view in ("aio", "nca", "dp"):
        text = browser.get(f"/case/{FOUND}/documentation/?view={view}").content.decode()
        shown.add(text)
        for form in form_views(case, pack, "nova-5", view):
            assert escape(form.form.title) in text
            counted = f"{form.counted('received')} received, {form.counted('withheld')} withheld"
            assert f"{counted}, {form.counted('missing')} missing" in text
    assert 3 == len(shown)


def test_the_file_of_a_case_is_built_whole_or_as_cleared(world: World, visit: Callable[[str], Any]) -> None:
    """Whole it holds every entry as the ledger does and the signed terms; the public one what is cleared alone."""
    browser = visit("handler-elsewhere")
    address = f"/case/{SAMPLES[0]}/file/"
    page = browser.get(address).content.decode()
    with world.open_case(SAMPLES[0]) as ledger:
        entries = list(ledger.read(0, ledger.size()))
    whole, public = (
        ZipFile(BytesIO(browser.get(f"{address}?part={part}").content)) for part in ("whole", "public")
    )  # fmt: skip
    with whole, public:
        assert entries == [whole.read(f"entries/{n:06}.json") for n in range(len(entries))]
        withheld = json.loads(public.read("proof.json"))["withheld"]
        shown = [name for name in public.namelist() if name.startswith("entries/")]
        assert len(entries) == len(shown) + len(withheld) and f"{len(shown)} entries in full" in page
        assert 0 < len(withheld) < len(entries)
