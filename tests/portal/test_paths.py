"""The shortest paths of practice, each in a browser from sign-in to done.

The provider's access team walks its own in the test of two houses: opening, offer, signature, stop.
"""

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from browsers import Pages, add_passkey, aside, chromium_pages, entered, heading, sign_in, to_the_case
from houses import FOUND, ROLES, SAMPLES, World
from rich_world import RUN, TERMS
from tests.verify.bundle_world import make_world, open_draw, whole_draw

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium here; Debian's package is chromium"),
]

GATEWAY = "https://operator.example"


@pytest.fixture(scope="module")
def pages(world: World) -> Iterator[Pages]:
    """A browser over the house, with its projector beside it as in a real one."""
    from comity.portal.house import enter, the_house
    from comity.portal.projections.projector import Projector

    before, ended = the_house(), threading.Event()
    enter(world.house(gateway=GATEWAY))

    def project() -> None:
        from django.db import connections

        projector = Projector(the_house())
        while not ended.wait(0.1):
            projector.run_once()
        connections.close_all()

    thread = threading.Thread(target=project)
    with chromium_pages() as found:
        thread.start()
        try:
            yield found
        finally:
            ended.set()
            thread.join(20)
            enter(before)


def signed_in(pages: Pages, role: str) -> Any:
    """A window of somebody new in a role, who added a passkey behind their invitation and signed in with it."""

    def link() -> str:
        from comity.portal.accounts.invitations import invite, make_account
        from comity.portal.house import the_house

        house = the_house()
        someone = make_account(f"new-{role}", **ROLES[role], name=f"New {role}")
        return f"/enter/{invite(someone, house.clock(), house.random)}/"

    page = pages.of("", accept_downloads=True)
    page.context.set_default_timeout(20_000)
    add_passkey(page, aside(link))
    sign_in(page)
    return page


def enter(page: Any) -> None:
    """From a filled form to the entry's reference."""
    page.get_by_role("button", name="Check").click()
    heading(page, "Check your answers")
    page.get_by_role("button", name="Enter", exact=True).click()
    entered(page)


def test_a_case_handler_goes_from_a_new_case_to_its_file(pages: Pages, tmp_path: Path) -> None:
    """New case, request with its mandatory fields, the clock it starts, a finding under a chosen duty, the file."""
    page = signed_in(pages, "handler")
    page.get_by_role("link", name="Open a case").click()
    page.get_by_label("Provider", exact=True).fill("Elara Research")
    page.get_by_label("What it is about").fill("A model that is to be released in spring.")
    page.get_by_label("Models or systems").fill("elara-2")
    page.get_by_label("the authority").check()
    page.get_by_role("button", name="Check").click()
    heading(page, "Check your answers")
    page.get_by_role("button", name="Open the case").click()
    to_the_case(page)
    page.get_by_role("link", name="Enter something").click()
    page.get_by_role("link", name="Request access (Art. 92)").click()
    assert "elara-2" == page.get_by_label("Subject").input_value()
    for label, text in {
        "Legal basis": "Art. 92(1)", "Purpose": "Evaluate systemic risks.", "Reasons": "The answers did not suffice.",
        "Means": "api", "Until": "2026-12-10", "Fines notice": "Art. 101", "Board consulted": "2026-11-20",
    }.items():  # fmt: skip
        page.get_by_label(label, exact=False).first.fill(text)
    page.get_by_label("b", exact=True).check()
    enter(page)
    page.get_by_role("link", name="To the case").click()
    heading(page, "Clocks")
    page.get_by_role("link", name="access requested: elara-2").first.wait_for()
    page.get_by_role("link", name="Enter something").click()
    page.get_by_role("link", name="State a finding").click()
    page.get_by_label("Duty", exact=False).select_option("AIA-53-1A")
    page.get_by_label("By", exact=True).fill("authority")
    page.get_by_label("preliminary").check()
    page.get_by_label("undetermined").check()
    page.get_by_label("limited").check()
    page.get_by_label("Conclusion").fill("The documentation was not given yet.")
    enter(page)
    page.get_by_role("link", name="To the case").click()
    page.get_by_role("link", name="Build the file of the case").click()
    heading(page, "The file of the case")
    with page.expect_download() as taken:
        page.get_by_role("link", name="Build the file", exact=True).click()
    taken.value.save_as(tmp_path / "case.zip")

    with ZipFile(tmp_path / "case.zip") as file:
        kinds = [json.loads(file.read(f"entries/{n:06}.json"))["kind"] for n in range(3)]
        assert ["case.opened", "access.requested", "finding.stated"] == kinds
        assert file.read("case.pdf").startswith(b"%PDF") and 3 == json.loads(file.read("proof.json"))["size"]
    page.context.close()


def test_an_evaluator_goes_from_the_address_to_what_a_run_found(pages: Pages) -> None:
    """The one address for the tools, what is left of each clause, and the run with what is not scored; all sealed."""
    page = signed_in(pages, "evaluator")
    page.locator(".cases tbody th a", has_text="Aurora Systems").click()
    page.locator(f"aside a[href$='/access/{TERMS.id}/']").first.click()
    heading(page, "Connect")
    assert f"{GATEWAY}/a/{TERMS.id}/openai/v1" in page.inner_text("main")
    heading(page, "Spent, clause by clause")
    page.locator(f"a[href$='/runs/{RUN}/']").first.click()
    heading(page, "Counts")
    said = page.inner_text("main")
    assert "comity disclose" in said and "Rests on" in said
    assert 0 == page.get_by_role("link", name="Stop").count()
    page.context.close()


def test_an_expert_goes_from_declarations_to_a_draft_finding(pages: Pages) -> None:
    """Declare, see the clock that all see, state a finding of the evaluation; its page shows the access behind it."""
    page = signed_in(pages, "expert")
    page.locator(".cases tbody th a", has_text="Borealis Models").click()
    page.get_by_role("link", name="Enter something").click()
    page.get_by_role("link", name="Declare a relation").click()
    page.get_by_label("Relation", exact=False).select_option("none")
    page.get_by_label("With whom").fill("Borealis Models")
    enter(page)
    page.goto(f"/case/{FOUND}/clocks/")
    heading(page, "Running")
    page.goto(f"/case/{FOUND}/acts/finding/")
    assert 0 == page.get_by_label("By", exact=True).count()
    page.get_by_label("Duty", exact=False).select_option("AIA-53-1A")
    page.get_by_label("undetermined").check()
    page.get_by_label("none", exact=True).check()
    page.get_by_label("Conclusion").fill("With the access that was given, this cannot be said.")
    enter(page)
    assert "expert-1" in page.inner_text("main") and "evaluation" in page.inner_text("main")
    page.context.close()


def test_a_reader_goes_from_the_register_to_a_checked_number(pages: Pages, tmp_path: Path) -> None:
    """Register, one engagement in plain words with an address that stays, and a report checked from the disk."""
    page = pages.of("", accept_downloads=True)
    page.goto("/register/")
    page.locator(".cards a").first.click()
    heading(page, "To cite this page")
    assert page.url in page.inner_text("main") and any(one in page.url for one in SAMPLES)
    with page.expect_download() as taken:
        page.get_by_role("link", name="Check a report yourself").click()
    taken.value.save_as(tmp_path / "verify.html")
    made = make_world(tmp_path, draw=whole_draw)
    open_draw(made)
    offline = page.context.new_page()
    offline.context.set_offline(True)
    offline.goto((tmp_path / "verify.html").as_uri())
    offline.wait_for_selector("html[data-ready]")
    offline.set_input_files("#files", str(made.pack()))
    offline.wait_for_selector("#status > *", timeout=60_000)
    verdict = json.loads(offline.text_content("#json"))

    assert verdict["stands"] and 2 in verdict["reached"]
    page.context.close()
