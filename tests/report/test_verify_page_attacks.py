"""`verify.html` against whoever packs a bundle to harm its reader, to hide something, or to make the page say more."""

import json
import random
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.arrangement import specimen
from tests.report.checking import Checker, checker, needs_chromium
from tests.verify.bundle_world import World, make_world
from tests.verify.specimen import OFFER
from tests.verify.test_bundle_archive import repacked

from comity.arrangement import countersign, offer_terms
from comity.ledger import prove_inclusion
from comity.ledger.proof import Receipt, format_receipt
from comity.ledger.tiles import decode_bundle, decode_tile, hash_reader
from comity.records import canonical_bytes, parse_canonical
from comity.verify import read_offer, verify_bundle, verify_checkpoint, verify_receipt

pytestmark = [needs_chromium, pytest.mark.slow]

HTML = '<img src=x onerror="document.title=1"><script>document.title=1</script>'
BIDI = "\u202eevil\u2066"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checker]:
    """One browser for all of them; nothing may be complained of, and nothing fetched."""
    with checker(tmp_path_factory.mktemp("page")) as made:
        yield made
        refused = "Executing inline event handler violates the following Content Security Policy"
        assert [] == [said for said in made.complaints if not said.startswith(refused)]
        assert {made.address} == set(made.asked)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A published report, packed."""
    return make_world(tmp_path_factory.mktemp("archive"))


@pytest.fixture(autouse=True)
def opened(browser: Checker) -> None:
    """Each test begins with the page as it is when it has just been opened."""
    browser.open()


def outline(verdict: dict[str, Any]) -> list[tuple[str, Any, str]]:
    """What each fact is, and where; readers of broken files word what is broken in their own way."""
    return [(fact["name"], fact["holds"], fact["where"]) for fact in verdict["facts"]]


def alike(browser: Checker, path: Path) -> dict[str, Any]:
    """The page's verdict, which fails where the command's does."""
    told = browser.verdict(path)
    assert outline(told) == outline(verify_bundle(path).members()), path.name
    assert "could not finish" not in browser.page.text_content("#status")
    return told


NAMES = (
    "../outside.json", "/etc/passwd", "sealed/../../x.json", "ledger/../terms.json", "terms.json/",
    "sealed\\1-request.json", "ledger/tile/0/000.p/../1", "SEALED/1-request.json", "sealed/01-request.json",
    "sealed/1-request.json\0", "disclosed/-1.json", "extra.txt", "ledger/tile/0/0", "./report.json", "__proto__",
    "constructor", HTML,
)  # fmt: skip


def test_a_name_that_no_bundle_has_is_refused(browser: Checker, world: World) -> None:
    """Whatever leads elsewhere, is spelled otherwise, or is a name of the language, is named and nothing is read."""
    for name in NAMES:

        def add(archive: zipfile.ZipFile, name: str = name) -> None:
            member = zipfile.ZipInfo("placeholder.txt")
            member.filename = name
            archive.writestr(member, b"x")

        told = alike(browser, repacked(world, add))
        assert [("archive", False)] == [(fact["name"], fact["holds"]) for fact in told["facts"][:1]], name


def linked(mode: int) -> Callable[[zipfile.ZipFile], None]:
    def add(archive: zipfile.ZipFile) -> None:
        member = zipfile.ZipInfo("drawn.json")
        member.create_system, member.external_attr = 3, mode << 16
        archive.writestr(member, b"/etc/passwd")

    return add


def commented(archive: zipfile.ZipFile) -> None:
    archive.comment = b"see also"


TRICKS: dict[str, tuple[Callable[[zipfile.ZipFile], None], str]] = {
    "a link": (linked(0o120777), ""),
    "a folder": (linked(0o040755), ""),
    "a device": (linked(0o020600), ""),
    "a comment": (commented, ""),
    "another packing": (lambda a: a.writestr("drawn.json", b"{}" * 9, zipfile.ZIP_BZIP2), ""),
    "a bomb": (lambda a: a.writestr("sealed/5-request.json", bytes(150 << 20), zipfile.ZIP_DEFLATED, 9), ""),
    "a report of two megabytes": (lambda a: a.writestr("report.json", bytes(2 << 20)), "report.json"),
    "no page": (lambda a: None, "report.html"),
    "no list": (lambda a: None, "bundle.json"),
    "a file that the list does not name": (lambda a: a.writestr("disclosed/7.json", b"{}"), ""),
    "a file under another's digest": (lambda a: a.writestr("report.html", b"<p>71.4%</p>"), "report.html"),
    "a list that is none": (lambda a: a.writestr("bundle.json", b'{"format":1}'), "bundle.json"),
}


def test_every_trick_with_an_archive_is_refused_as_the_command_refuses_it(browser: Checker, world: World) -> None:
    """Links, comments, bombs, sizes, packings, missing and unlisted files: the same fact fails at the same file."""
    for name, (add, without) in TRICKS.items():
        assert not alike(browser, repacked(world, add, without=without))["stands"], name
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = repacked(world, lambda archive: archive.writestr("report.json", b"{}"))
    assert "stands twice" in alike(browser, twice)["facts"][0]["detail"]


def patched(world: World, field: int, form: str, value: int, *, of: bytes = b"report.html") -> bytes:
    """The bundle with one field of a file's line in the archive's list changed."""
    data = bytearray(world.pack().read_bytes())
    at = data.rfind(b"PK\x01\x02", 0, data.rfind(of))
    struct.pack_into(form, data, at + field, value)
    return bytes(data)


def test_lists_that_lie_about_their_files_are_refused(browser: Checker, world: World, tmp_path: Path) -> None:
    """A false size, checksum, place or flag, bytes before the archive, an end that is missing: one fact fails."""
    whole = world.pack().read_bytes()
    for name, content in {
        "smaller": patched(world, 24, "<L", 10), "larger": patched(world, 24, "<L", 60_000),
        "checksum": patched(world, 16, "<L", 1), "locked": patched(world, 8, "<H", 1),
        "place": patched(world, 42, "<L", 5), "program": b"#!/bin/sh\n" + whole, "prefixed": b"PK\x03\x04" + whole,
        "cut": whole[:-30], "empty": b"", "text": b"hello", "begun": b"PK\x03\x04",
        "nothing": b"PK\x05\x06" + bytes(18),
    }.items():  # fmt: skip
        path = tmp_path / f"{name}.zip"
        path.write_bytes(content)
        told = browser.verdict(path)
        assert not verify_bundle(path).verdict.stands
        assert ("archive", False) in [(fact["name"], fact["holds"]) for fact in told["facts"]], name
        assert told["rung"] == 0


def test_what_unpacks_to_more_than_it_declares_is_stopped_there(browser: Checker, world: World, tmp_path: Path) -> None:
    """A bomb that declares a small size is given up at that size, whatever is behind it."""
    name = next(name for name in world.files if name.startswith("sealed/"))
    bomb = repacked(
        world, lambda a: a.writestr(name, bytes(150 << 20), zipfile.ZIP_DEFLATED, 9), without=name
    )
    data = bytearray(bomb.read_bytes())
    struct.pack_into("<L", data, data.rfind(b"PK\x01\x02") + 24, 60_000)
    (tmp_path / "bomb.zip").write_bytes(bytes(data))
    told = browser.verdict(tmp_path / "bomb.zip")

    assert "it unpacks to more than the 60000 bytes" in json.dumps(told)
    assert told["rung"] == 0


def test_no_change_of_bytes_gets_past(browser: Checker, world: World, tmp_path: Path) -> None:
    """Bytes changed, cut out or put in: the page's verdict stands only where the command's does."""
    chance, whole = random.Random(7), world.pack().read_bytes()
    for turn in range(25):
        data = bytearray(whole)
        at = chance.randrange(len(data))
        match turn % 4:
            case 0 | 1:
                data[at] ^= chance.randrange(1, 256)
            case 2:
                del data[at : at + chance.randrange(1, 64)]
            case _:
                data[at:at] = chance.randbytes(chance.randrange(1, 32))
        path = tmp_path / f"fuzzed{turn}.zip"
        path.write_bytes(bytes(data))
        told = browser.verdict(path)
        assert not told["stands"] or verify_bundle(path).verdict.stands, (turn, at)
        assert "could not finish" not in browser.page.text_content("#status")


def harmless(browser: Checker) -> None:
    """Nothing of a file became markup, and no text turns the direction of reading."""
    found = browser.page.evaluate(
        "[document.querySelectorAll('main img, main script, main iframe, main a').length, document.title,"
        " /[\\u202a-\\u202e\\u2066-\\u2069]/.test(document.body.textContent)]"
    )
    assert found == [0, "Check a report", False]


def test_markup_and_hidden_marks_in_a_file_are_text(browser: Checker, world: World, tmp_path: Path) -> None:
    """In names of files, in a report, a list, terms, a page, a score table: they are shown, and do nothing."""
    report = parse_canonical(world.files["report.json"])
    evil = world.packed({"report.json": canonical_bytes(report | {"model": HTML + BIDI, "title": HTML})})
    named = tmp_path / f"{BIDI}<img src=x onerror=alert(1)>.zip"
    named.write_bytes(evil.read_bytes())
    told = browser.verdict(named)
    assert any(HTML in fact["detail"] for fact in told["facts"])
    harmless(browser)

    for changes in (
        {"report.json": canonical_bytes(report | {"run": HTML, "ledger": BIDI})},
        {"scores.json": canonical_bytes({"format": HTML, "plan": "", "rows": [], "run": ""})},
        {"report.html": world.files["report.html"].replace(b"</main>", f"{HTML}</main>".encode())},
        {"report.html": b'<link rel="stylesheet" href="http://127.0.0.1:9/x"><img src="http://127.0.0.1:9/y">'},
        {"report.html": f'<data class="claim" data-claim="{BIDI}" value="1">{BIDI}</data>'.encode()},
    ):
        told = browser.verdict(world.packed(dict(changes)))
        assert not told["stands"]
        harmless(browser)


PAGES = {
    "a claim in a template": '<template><data class="claim" data-claim="runs.begun" value="2">2</data></template>',
    "a claim in a comment's text": '<noscript><data class="claim" data-claim="runs.begun" value="2">2</noscript>',
    "a comment that ends twice": '<!--> <data class="claim" data-claim="runs.begun" value="9">9</data> -->',
    "an end in a quote": '<p title="</p><data class=claim data-claim=runs.begun value=9>9</data>">',
    "an unclosed claim": '<data class="claim" data-claim="runs.begun" data-form="count" value="2">2',
    "an attribute twice": '<data class="claim" class="x" data-claim="runs.begun" data-form="count" value="2">2</data>',
    "a broken tag": "<data class=claim data-claim=runs.begun value=2 <b>",
    "a reference that is none": '<data class="claim" data-claim="runs.begun" value="&#0;2">2</data>',
}


def test_markup_that_readers_take_differently_never_adds_a_claim(browser: Checker, world: World) -> None:
    """Where a browser and a reader of text may see another page, the page fails or every claim in it still holds."""
    page = world.files["report.html"].decode()
    for name, markup in PAGES.items():
        told = browser.verdict(world.packed({"report.html": page.replace("</main>", f"{markup}</main>").encode()}))
        assert not told["stands"], name
        shown = next(fact for fact in told["facts"] if fact["name"] == "page")
        assert shown["holds"] is False or name in {"an end in a quote", "an unclosed claim"}, (name, shown)


def test_a_long_entry_and_an_unknown_kind_are_read(browser: Checker, tmp_path: Path) -> None:
    """An entry as long as entries may be, of a kind that nobody knows, is said and passed over."""
    from tests.report.checking import ledger_files, stored
    from tests.verify.specimen import Story

    made = make_world(tmp_path)
    told = Story().opened()
    entries = [*told.entries(), canonical_bytes({"at": "2026", "kind": HTML, "text": "é" * 32_000, "v": 9})]
    told.entries = lambda: entries  # type: ignore[method-assign]
    rest = {name: content for name, content in made.files.items() if not name.startswith(("ledger/", "sealed/"))}
    manifest = {"format": "comity bundle/1", "ledger": specimen.ORIGIN, "run": "33" * 16}
    found = alike(browser, stored(tmp_path / "long.zip", rest | ledger_files(told), manifest))

    assert ("unknown kinds", None, "") in outline(found)
    harmless(browser)


def test_receipts_and_checkpoints_are_checked_against_the_terms(browser: Checker, world: World, tmp_path: Path) -> None:
    """Beside the terms from elsewhere a receipt, or a checkpoint, establishes what the command establishes."""
    checkpoint, policy = world.files["ledger/checkpoint"], read_offer(OFFER.envelope).policy
    entries = decode_bundle(world.files[name := next(n for n in world.files if "tile/entries" in n)], int(name[-2:]))
    tiles = {name.removeprefix("ledger/"): content for name, content in world.files.items() if "tile/0" in name}
    assert len(decode_tile(next(iter(tiles.values())), len(entries))) == len(entries)
    proof = prove_inclusion(3, len(entries), hash_reader(len(entries), tiles.get))
    receipt = format_receipt(Receipt(index=3, proof=proof, checkpoint=checkpoint))
    wrong = format_receipt(Receipt(index=4, proof=proof, checkpoint=checkpoint))
    paths = [tmp_path / name for name in ("terms.json", "checkpoint", "3.tlog-proof", "entry", "4.tlog-proof")]
    for path, content in zip(paths, (OFFER.envelope, checkpoint, receipt, entries[3], wrong), strict=True):
        path.write_bytes(content)
    terms, head, good, entry, bad = paths
    browser.drop(head)
    assert "they name the keys" in browser.page.text_content("#status")
    for files, command in (
        ((terms, head), verify_checkpoint(checkpoint, policy)),
        ((terms, good, entry), verify_receipt(receipt, entries[3], policy)),
        ((terms, bad, entry), verify_receipt(wrong, entries[3], policy)),
    ):
        browser.open()
        told = browser.verdict(*files)
        assert outline(told)[1:] == outline(command.members())
        assert told["stands"] is command.stands


def test_the_page_may_neither_fetch_nor_run_anything_else(browser: Checker) -> None:
    """Its own policy forbids every address and every other script, whatever were to run in it."""
    page = browser.page.context.browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(browser.address)
    tried = page.evaluate(
        """async () => {
            const fails = async (what) => { try { await what(); return false; } catch { return true; } };
            const script = document.createElement("script");
            return [await fails(() => fetch("http://127.0.0.1:9/")), await fails(() => fetch("data:,x")),
                    await fails(() => { script.textContent = "globalThis.ran = 1"; document.body.append(script); }),
                    await fails(() => { document.body.innerHTML = "<p>"; }), globalThis.ran ?? 0];
        }"""
    )
    page.close()
    assert tried == [True, True, True, True, 0]
    assert asked == [browser.address]


def test_terms_with_markup_and_another_order_are_read_as_they_are(browser: Checker, tmp_path: Path) -> None:
    """Terms that a party signed may say anything; what they say is text, and their clauses decide."""
    odd = countersign(offer_terms(specimen.terms("title", HTML), specimen.PROVIDER), specimen.AUTHORITY)
    (tmp_path / "terms.json").write_bytes(odd.envelope)
    (tmp_path / "bad.json").write_bytes(b'{"format":"comity offer/1","note":"","terms":"<b>"}')
    browser.drop(tmp_path / "terms.json", tmp_path / "bad.json")

    assert "nothing to check yet" in browser.page.text_content("#status")
    assert "no signed terms that can be read" in browser.page.text_content("#taken")
    harmless(browser)
