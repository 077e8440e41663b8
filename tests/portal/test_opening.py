"""Sealed items open in a real browser with a recipient's key, and with nothing else."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from browsers import Pages, chromium_pages, faults_of, keep_picture
from houses import KEY, OPENED, RICH, TOLD, World
from packages import part_into
from rich_world import TERMS

from comity.cli.home import make_home
from comity.cli.portal_reads import sealed_of
from comity.ledger import create_ledger
from comity.portal.house import enter, the_house
from comity.portal.vendored import FOLDER
from comity.vault import generate_recipient

PAGE = f"/case/{RICH}/access/{TERMS.id}/calls/{TOLD}/"
browser = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium here; Debian's package is chromium"),
]


@pytest.fixture(scope="module")
def fetched(world: World) -> Iterator[None]:
    """The house with what opens items; the portal looks at its folders once, so it looks again."""
    from django.conf import settings
    from django.contrib.staticfiles import finders

    from comity.portal.rooms.files import files

    folder = world.house().path / FOLDER
    part_into("opening", folder)
    before = settings.STATICFILES_DIRS
    settings.STATICFILES_DIRS = [*before, ("vendor", folder)]
    finders.get_finder.cache_clear()
    files.cache_clear()
    yield
    shutil.rmtree(folder)
    settings.STATICFILES_DIRS = before
    finders.get_finder.cache_clear()
    files.cache_clear()


@pytest.fixture(scope="module")
def pages(world: World, fetched: None) -> Iterator[Pages]:
    """A browser over the house, which has nothing to complain of in the end."""
    with chromium_pages() as pages:
        yield pages
        assert [] == pages.complaints


@pytest.fixture(scope="module")
def page(pages: Pages) -> Any:
    """The evaluator's window, under the policy that everybody's has, and what it sent."""
    made = pages.of("evaluator")
    made.sent = []
    made.on("request", lambda request: made.sent.append((request.method, request.url, request.post_data)))
    return made


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A folder with the evaluator's key and a stranger's."""
    (tmp_path / "mine").write_text(KEY.private_text() + "\n")
    (tmp_path / "strange").write_text(generate_recipient(lambda count: bytes(range(count))).private_text() + "\n")
    (tmp_path / "none").write_text("COMITY-RECIPIENT-KEY/1\nAAAA\n")
    return tmp_path


def open_with(page: Any, key: Path) -> str:
    """Choose a key, press the button; what is said then."""
    page.get_by_label("Your key").set_input_files(key)
    page.get_by_role("button", name="Open").click()
    page.locator("#opened > :first-child").wait_for()
    return str(page.locator("#opened").inner_text())


def test_a_sealed_item_is_a_file_of_ciphertext(visit: Callable[[str], Any], world: World) -> None:
    """It comes as the gateway hands it out, to those who evaluate; other parts and calls have none."""
    answer = visit("evaluator").get(f"{PAGE}request/")

    assert world.sealed[TERMS.ledger.origin, TOLD, "request"] == answer.content
    assert "attachment" in answer["Content-Disposition"] and OPENED["request"] not in answer.content
    assert 403 == visit("access").get(f"{PAGE}request/").status_code
    assert [404, 404] == [
        visit("evaluator").get(path).status_code
        for path in (f"{PAGE}document/", PAGE.replace(f"/{TOLD}/", f"/{TOLD - 2}/") + "request/")
    ]


def test_a_ledger_that_no_gateway_opened_yet_has_nothing_sealed(tmp_path: Path) -> None:
    """Neither a ledger without a vault nor an arrangement that is not here is an error."""
    home = make_home(tmp_path / "office", role="authority", name="Office", host="office.example")
    origin = f"office.example/a/{TERMS.id}"
    folder = home.path / "ledgers" / TERMS.id
    folder.mkdir(parents=True)
    create_ledger(folder / "ledger.sqlite", origin=origin).close()

    assert sealed_of(home, origin, 0, "request") is None
    assert sealed_of(home, "office.example/a/" + "0" * 32, 0, "request") is None


def test_without_what_opens_the_page_says_how_to_get_it(visit: Callable[[str], Any]) -> None:
    """It offers no form that could not work, and warns before it offers one."""
    page = visit("evaluator").get(PAGE).content.decode()

    assert "comity portal fetch opening" in page and "A convenience." in page and "open.js" not in page
    assert "A convenience." not in visit("access").get(PAGE).content.decode()
    assert 404 == visit("evaluator").get(PAGE.replace(f"/{TOLD}/", f"/{TOLD + 1}/")).status_code


class TestInABrowser:
    """What the script does, with the policy of every page in force."""

    pytestmark = browser

    def test_a_recipient_reads_what_was_said_and_the_key_stays(self, page: Any, keys: Path) -> None:
        """Both parts come to the byte, held against the entries; nothing of the key or the content leaves the page."""
        page.goto(PAGE)
        del page.sent[:]
        open_with(page, keys / "mine")
        shown = [one.text_content() for one in page.locator("pre.opened").all()]

        assert [OPENED["request"].decode(), OPENED["answer"].decode()] == shown
        assert 2 == page.get_by_text("It is what the entry commits to.").count()
        assert "" == page.get_by_label("Your key").input_value()
        assert {("GET", None)} == {(method, data) for method, _url, data in page.sent}
        asked = {url.rstrip("/").rpartition("/")[2] for _method, url, _data in page.sent if "/static/" not in url}
        assert {"request", "answer"} == asked
        keep_picture(page, "call-opened")

    @pytest.mark.parametrize(
        ("key", "said"), [("strange", "It does not open"), ("none", "Expected the two lines")]
    )
    def test_another_key_opens_nothing(self, page: Any, keys: Path, key: str, said: str) -> None:
        """A stranger's key and what is no key are told apart, and nothing is shown."""
        page.goto(PAGE)

        assert said in open_with(page, keys / key) and 0 == page.locator("pre.opened").count()

    def test_bent_items_do_not_open(self, page: Any, keys: Path, world: World) -> None:
        """Each member of a sealed item, changed, is refused: an item is bound to its call, its content to the entry."""
        whole = json.loads(world.sealed[TERMS.ledger.origin, TOLD, "request"])
        other = json.loads(world.sealed[TERMS.ledger.origin, TOLD, "answer"])
        bent: dict[str, Any] = {
            "ciphertext": other["ciphertext"], "wrapped_key": other["wrapped_key"], "epoch": "0" * 32,
            "context": "AAAA", "index": TOLD + 1, "part": "answer", "ledger": "elsewhere.example/a/" + "0" * 32,
            "encapsulations": [{**one, "encapsulated": "A" * len(one["encapsulated"])}
                               for one in whole["encapsulations"]],
        }  # fmt: skip
        for name, value in bent.items():
            given = json.dumps(whole | {name: value}).encode()
            before = the_house()
            enter(replace(before, sealed_of=lambda origin, call, part, given=given: given))
            try:
                page.goto(PAGE)
                said = open_with(page, keys / "mine")
            finally:
                enter(before)
            refused = "Expected the sealed item" if name in ("index", "part", "ledger") else "It does not open"
            assert refused in said and 0 == page.locator("pre.opened").count(), name

    def test_an_item_that_is_not_at_hand_is_given_as_a_file(self, page: Any, keys: Path, world: World) -> None:
        """In a house that operates no gateway the recipient gives the sealed item too."""
        for part in ("request", "answer"):
            (keys / part).write_bytes(world.sealed[TERMS.ledger.origin, TOLD, part])
        before = the_house()
        enter(replace(before, sealed_of=lambda origin, call, part: None))
        try:
            page.goto(PAGE)
            page.get_by_label("The sealed answer").set_input_files(keys / "answer")
            open_with(page, keys / "mine")
        finally:
            enter(before)

        assert [OPENED["answer"].decode()] == [one.text_content() for one in page.locator("pre.opened").all()]

    def test_nobody_is_shut_out(self, pages: Pages, keys: Path) -> None:
        """axe-core finds nothing on the page, opened and not."""
        window = pages.shared("evaluator")
        window.goto(PAGE)
        assert [] == faults_of(window)
        open_with(window, keys / "mine")
        assert [] == faults_of(window)
