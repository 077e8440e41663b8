"""`verify.html` as a reader meets it: in both languages, wide, narrow, dark, on paper, by keyboard and by ear.

With COMITY_SHOTS=1 its pictures for the documentation are made anew.  They depend on the machine's fonts, so no pixels
are compared.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.report.checking import Checker, checker, needs_chromium
from tests.report.sentences import NOT_SAID, all_nouns, all_sentences
from tests.report.test_looks import IMAGES, MAX_IMAGE
from tests.verify import test_bundle as bent
from tests.verify.bundle_world import World, make_world, open_draw, whole_draw
from tests.verify.specimen import OFFER

from comity.report.verify_page import SCRIPTS, page_digest, page_policy, record_types, script_part, verify_page

in_browser = [needs_chromium, pytest.mark.slow]
PARTS = [*SCRIPTS, "page.css", "page.html"]


def keys_of(text: str) -> list[str]:
    """The names of a table in a script that are texts."""
    return [json.loads(f'"{found}"') for found in re.findall(r'"((?:[^"\\]|\\.)*)":', text)]


def test_every_sentence_of_a_verdict_has_its_french() -> None:
    """What a fact can say is found in the other language's tables, once, with as many parts, and no more is there."""
    tables = [script_part(name) for name in NOT_SAID[:2]]
    keys = [key for table in tables for key in keys_of(table) if key not in all_nouns()]

    assert set(all_sentences()) - set(keys) == set()
    assert set(keys) - set(all_sentences()) == set()
    assert len(keys) == len(set(keys))
    for table in tables:
        for key, said in re.findall(r'"((?:[^"\\]|\\.)*)":\s+"((?:[^"\\]|\\.)*)"', table):
            assert key.count("{}") == len(re.findall(r"\{[0-9]*\}", said)), key


def test_every_word_of_the_page_stands_in_both_languages() -> None:
    """The one table of words has an English and a French text for each, and what is asked of it is in it."""
    table = script_part("words.js")
    pairs = re.findall(r'^  ("?[\w ]+"?): \[\s*"((?:[^"\\]|\\.)*)",\s*"((?:[^"\\]|\\.)*)",?\s*\]', table, re.MULTILINE)
    words = {key.strip('"') for key, _, _ in pairs}
    asked = {
        key
        for name in ("show.js", "page.js")
        for key in re.findall(r'(?:word|say)\("(\w+)"', script_part(name))
    } | set(re.findall(r'data-word="(\w+)"', script_part("page.html")))

    assert len(pairs) > 150
    assert asked - words == set()
    assert [key for key, english, french in pairs if english.count("{}") != french.count("{}")] == []


def test_the_file_is_whole_the_same_each_time_and_made_of_small_parts() -> None:
    """One file with its script and style in it, no address to load from, and no part longer than 500 lines."""
    page = verify_page().decode()

    assert verify_page.__wrapped__() == verify_page()  # type: ignore[attr-defined]
    assert len(page_digest()) == 64
    assert page_policy() in page
    assert page_policy().startswith("default-src 'none'; script-src 'sha256-")
    assert not re.search(r"(?:src|href)\s*=\s*[\"'](?!#)", page.partition("<script>")[0])
    assert page.count("<script>") == page.count("<style>") == 1 and "%POLICY%" not in page
    assert [name for name in PARTS if len(script_part(name).splitlines()) > 500] == []
    assert record_types()["call.permitted 1"]["reserved"] == "amount"


def test_the_parts_declare_no_name_twice() -> None:
    """All scripts share one block, so a name is one thing's."""
    named = [
        found
        for name in SCRIPTS
        for found in re.findall(r"^(?:async )?(?:function\*?|class|const|let) (\w+)", script_part(name), re.MULTILINE)
    ]
    assert [name for name in set(named) if named.count(name) > 1] == []


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checker]:
    """One browser for all of them."""
    with checker(tmp_path_factory.mktemp("looks")) as made:
        yield made
        assert [] == made.complaints


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A bundle, one that was bent, and the terms from elsewhere."""
    world: World = make_world(tmp_path_factory.mktemp("bundle"), draw=whole_draw)
    open_draw(world)
    report, page = world.files["report.json"], world.files["report.html"]
    told, shown = bent.edited(report, page, {"estimates.0.point": "0.914286", "runs.begun": 1})
    terms, read = world.folder / "terms.json", world.folder / "report.html"
    terms.write_bytes(OFFER.envelope)
    read.write_bytes(page)
    good = world.pack()
    return {
        "good": good, "terms": terms, "page": read,
        "bent": world.packed({"report.json": told, "report.html": shown}, "altered.zip"),
    }  # fmt: skip


def shown(browser: Checker, *paths: Path, width: int = 1280, height: int = 900, **media: Any) -> None:
    browser.page.set_viewport_size({"width": width, "height": height})
    browser.page.emulate_media(color_scheme=media.get("scheme", "light"), media=media.get("media", "screen"))
    browser.open()
    browser.drop(*paths)


def keep(browser: Checker, name: str, height: int) -> None:
    """A picture of the beginning of the page, for the documentation where that is asked for."""
    width = browser.page.viewport_size["width"]
    shot = browser.page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": width, "height": height})
    assert len(shot) > 10_000
    if os.environ.get("COMITY_SHOTS") == "1":
        assert len(shot) < MAX_IMAGE, f"{name}: {len(shot)} bytes"
        (IMAGES / name).write_bytes(shot)


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_sticks_out_at_any_width(browser: Checker, files: dict[str, Path], width: int) -> None:
    """From a small phone to a desk, folded and unfolded, good news and bad, the page scrolls down alone."""
    for bundle in (files["good"], files["bent"]):
        shown(browser, bundle, width=width)
        for language in ("en", "fr"):
            browser.page.click(f"[data-language={language}]")
            browser.page.evaluate("document.querySelectorAll('details').forEach((each) => each.open = true)")
            across = browser.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            assert across[0] <= across[1], (bundle.name, language)


@pytest.mark.slow
@needs_chromium
def test_it_looks_well_by_day_by_night_and_when_something_fails(browser: Checker, files: dict[str, Path]) -> None:
    """Text stands out from its ground in both themes, and the verdict's colour is never its only mark."""
    shown(browser, files["good"], files["terms"])
    keep(browser, "verify-wide.png", 1250)
    shown(browser, files["bent"])
    keep(browser, "verify-bent.png", 1150)
    assert "✗" in browser.page.text_content("#status") and "does not hold" in browser.page.text_content("#status")
    for scheme in ("light", "dark"):
        shown(browser, files["good"], width=390, height=844, scheme=scheme)
        faint = browser.page.evaluate(CONTRAST)
        assert faint == [], scheme
    keep(browser, "verify-narrow-dark.png", 1300)


CONTRAST = """() => {
    const parts = (colour) => colour.match(/[0-9.]+/g).slice(0, 4).map(Number);
    const light = (colour) => parts(colour).slice(0, 3).map((c) => c / 255)
        .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = (each) => {
        for (let at = each; at; at = at.parentElement) {
            const colour = getComputedStyle(at).backgroundColor;
            if ((parts(colour)[3] ?? 1) > 0) return colour;
        }
        return "rgb(255, 255, 255)";
    };
    document.querySelectorAll("details").forEach((each) => { each.open = true; });
    const faint = [];
    for (const each of document.querySelectorAll("body *")) {
        const own = [...each.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
        if (!own || !each.getClientRects().length || each.closest("svg, script, noscript")) continue;
        const [a, b] = [light(getComputedStyle(each).color), light(ground(each))].sort((x, y) => y - x);
        const ratio = (a + 0.05) / (b + 0.05);
        if (ratio < 4.5) faint.push([each.tagName, each.className, each.textContent.slice(0, 30), ratio]);
    }
    return faint;
}"""


@pytest.mark.slow
@needs_chromium
def test_changing_the_language_keeps_the_place(browser: Checker, files: dict[str, Path]) -> None:
    """What is folded open stays open, what is read stays where it is, and not an English word of the page remains."""
    shown(browser, files["good"])
    page = browser.page
    page.evaluate("document.querySelectorAll('details').forEach((each) => each.open = true)")
    page.evaluate("document.getElementById('rungs').scrollIntoView()")
    before = page.evaluate("document.getElementById('rungs').getBoundingClientRect().top")
    page.evaluate("document.querySelector('[data-language=fr]').click()")
    after = page.evaluate("document.getElementById('rungs').getBoundingClientRect().top")

    assert abs(after - before) < 2
    assert page.evaluate("[...document.querySelectorAll('details')].every((each) => each.open)")
    assert page.evaluate("[document.documentElement.lang, document.title]") == ["fr", "Vérifier un rapport"]
    text = page.evaluate("document.getElementById('json').remove(), document.body.innerText")
    left = {"the", "and", "of", "not", "which", "is", "every", "with"} & set(re.findall(r"[a-zé’_]+", text.lower()))
    assert left == set()
    assert "71,4\u00a0%" in text and "Le nombre découle du registre" in text
    page.click("[data-language=en]")
    assert page.evaluate("document.documentElement.lang") == "en"


@pytest.mark.slow
@needs_chromium
def test_a_french_reader_meets_it_in_french(tmp_path: Path, browser: Checker) -> None:
    """The browser's own language decides at the beginning."""
    page = browser.page.context.browser.new_page(locale="fr-BE")
    page.goto(browser.address)
    page.wait_for_selector("html[data-ready]")
    assert page.text_content("h1") == "Vérifier un rapport"
    page.close()


@pytest.mark.slow
@needs_chromium
def test_everything_is_reached_by_keyboard_and_told_by_name(browser: Checker, files: dict[str, Path]) -> None:
    """Tab leads through languages, the choice of files, every fold and the copying; each has a name and a ring."""
    shown(browser, files["good"], files["terms"])
    page, reached = browser.page, []
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(
            "(() => { const at = document.activeElement; return at.id || at.dataset.language || at.tagName; })()"
        ))  # fmt: skip
    assert {"en", "fr", "files", "SUMMARY", "copy"} <= set(reached)
    page.focus("details summary")
    page.keyboard.press("Enter")
    assert page.evaluate("document.querySelector('details').open")
    nameless = page.evaluate(
        "[...document.querySelectorAll('button, summary, input, [role=img]')].filter((each) =>"
        " !(each.textContent.trim() || each.getAttribute('aria-label') || each.labels?.length)).length"
    )
    assert nameless == 0
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3')].map((each) => Number(each.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.slow
@needs_chromium
def test_the_verdict_is_announced_and_the_sentence_copied(browser: Checker, files: dict[str, Path]) -> None:
    """A polite live region tells the verdict; the sentence to quote bears the report's digest and what it rests on."""
    shown(browser, files["good"], files["terms"], files["page"])
    page = browser.page

    assert page.get_attribute("#status", "aria-live") == "polite"
    told = page.inner_text("#status")
    assert "The number follows from the record" in told and "Reached: rungs 1, 2 and 4 of 4." in told
    assert "the page that is in the bundle, byte for byte" in page.inner_text("#taken")
    sentence = page.inner_text("#sentence")
    assert "answered 5 of 7 judged questions" in sentence and "covers 1 of 2 runs" in sentence
    assert re.search(r"Report SHA-256 [0-9a-f]{64}, published as entry 32 of operator\.example/a/", sentence)
    assert "The keys came with the bundle" not in sentence
    page.click("#copy")
    page.wait_for_selector("#copied:not(:empty)")

    browser.open()
    browser.drop(files["bent"], files["page"])
    assert page.query_selector("#sentence") is None
    assert "NOT the page that is in the bundle" in page.inner_text("#taken")
    page.click("#taken button")
    page.wait_for_selector("#result section", state="detached")


@pytest.mark.slow
@needs_chromium
def test_axe_finds_nothing_that_shuts_somebody_out(browser: Checker, files: dict[str, Path]) -> None:
    """In both themes and languages, before and after a check, folded open, with good news and with bad."""
    axe = pytest.importorskip("axe_playwright_python", reason="needs axe-core, which comity[dev] brings")
    script = (Path(axe.__file__).parent / "axe.min.js").read_text()
    told = []
    for paths, scheme, language in (
        ([], "light", "fr"), ([files["good"], files["terms"]], "dark", "en"), ([files["bent"]], "light", "fr"),
        ([files["bent"]], "dark", "en"),
    ):  # fmt: skip
        browser.page.emulate_media(color_scheme=scheme, media="screen")
        browser.open()
        browser.page.click(f"[data-language={language}]")
        if paths:
            browser.drop(*paths)
            browser.page.evaluate("document.querySelectorAll('details').forEach((each) => each.open = true)")
        browser.page.evaluate(script)
        found = browser.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        told += [f"{one['id']}: {node['html'][:160]}" for one in found["violations"] for node in one["nodes"]]
    assert told == []


@pytest.mark.slow
@needs_chromium
def test_it_prints_whole(browser: Checker, files: dict[str, Path], tmp_path: Path) -> None:
    """On paper stand verdict, number, runs, rungs and what was not checked, without the buttons."""
    if subprocess.run(["which", "pdftotext"], capture_output=True, check=False).returncode:
        pytest.skip("no pdftotext here; Debian's package is poppler-utils")
    shown(browser, files["good"], media="print")
    browser.page.pdf(path=tmp_path / "verify.pdf", prefer_css_page_size=True)
    text = subprocess.run(
        ["pdftotext", "-layout", str(tmp_path / "verify.pdf"), "-"], capture_output=True, text=True, check=True
    ).stdout
    flat = " ".join(text.split())

    for words in ("The number follows from the record", "71.4%", "covers 1 of 2 runs", "What was not checked"):
        assert words in flat
    assert "Choose files" not in flat and "Copy the sentence" not in flat
    assert text.count("\f") <= 5
