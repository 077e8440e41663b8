"""The pages of a negotiation in a real browser: nothing shuts anybody out, and nothing sticks out."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
import specimen
from browsers import Pages, chromium_pages, faults_of, heading, keep_picture
from houses import RICH, World
from rich_world import TERMS
from test_ending_access import Ends
from test_negotiating import FIRST, Hand

from comity.arrangement import offer_terms
from comity.portal.arrived import keep, path_of
from comity.portal.house import enter, the_house

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium here; Debian's package is chromium"),
]


@pytest.fixture(scope="module")
def page(world: World) -> Iterator[Any]:
    """A case handler's window, in a house with the authority's hand and with terms that wait."""
    before, hand, ends = the_house(), Hand(), Ends(world)
    ends.certify("", None)
    enter(world.house(
        signer=lambda: specimen.AUTHORITY, accept=lambda *_: 3, receive=hand.receive, put=hand.put_forward,
        deliver=hand.deliver, peer=lambda name: "https://portal.aurora.example/", card=lambda: b"{}",
        close=ends.close, certify=ends.certify, certificate_of=ends.certificate_of,
    ))  # fmt: skip
    keep(the_house(), offer_terms(FIRST, specimen.PROVIDER).envelope)
    try:
        with chromium_pages() as pages:
            yield window(pages)
    finally:
        for path in path_of(the_house(), "x").parent.glob("*.json"):
            path.unlink()
        enter(before)


def window(pages: Pages) -> Any:
    made = pages.of("handler", bypass_csp=True)
    made.set_viewport_size({"width": 1280, "height": 900})
    return made


PLACES = {
    "open": "/open/", "terms-offer": f"/case/{RICH}/terms/offer/", "terms-arrived": f"/case/{RICH}/terms/receive/",
    "terms-counter": f"/case/{RICH}/terms/{TERMS.id}/counter/", "case-file": f"/case/{RICH}/file/",
    "case-arrived": f"/case/{RICH}/", "inbox-arrived": "/inbox/",
    "closing": f"/case/{RICH}/access/{TERMS.id}/closing/",
}  # fmt: skip
KEPT = frozenset({"case-file", "inbox-arrived", "closing"})
"""Those whose pictures the documentation takes from here; the others' come from the test of two houses."""


@pytest.mark.parametrize("name", sorted(PLACES))
def test_nobody_is_shut_out(page: Any, name: str) -> None:
    """axe-core finds nothing in light and dark, and nothing sticks out of a narrow page."""
    page.goto(PLACES[name])
    if name in KEPT:
        keep_picture(page, name)

    assert [] == faults_of(page)


def test_what_changes_is_readable_for_everybody(page: Any) -> None:
    """So is the page between a changed clause and the signature, with its fault and without."""
    page.goto(PLACES["terms-counter"])
    page.get_by_role("button", name="Read what changes").click()
    heading(page, "There is a problem")
    assert [] == faults_of(page)
    page.locator("input[name='c:budget.calls']").fill("300")
    page.get_by_role("button", name="Read what changes").click()
    heading(page, "What you change")

    assert [] == faults_of(page)
