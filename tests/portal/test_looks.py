"""Every page in a real browser: nothing shuts anybody out, nothing sticks out, and the documentation's pictures."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsers import Pages, aside, chromium_pages
from houses import RICH, WRITTEN, World, account, plan_text
from page_list import PAGES
from rich_world import TERMS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium here; Debian's package is chromium"),
]

EXPECTED = ("404 (Not Found)",)
"""What a browser says of the page that is not there."""


@pytest.fixture(scope="module")
def pages(world: World) -> Iterator[Pages]:
    account("handler")  # one of the pages is about it
    with chromium_pages() as found:
        yield found


@pytest.fixture(scope="module")
def axe() -> str:
    import axe_playwright_python

    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()


@pytest.mark.parametrize("name", sorted(PAGES))
def test_nobody_is_shut_out_and_nothing_sticks_out(pages: Pages, axe: str, name: str) -> None:
    """axe-core finds nothing in light and dark, the page scrolls down alone, and the browser has nothing to say."""
    who, path = PAGES[name]
    before = len(pages.complaints)
    page = pages.shared(who)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(color_scheme="light")
    assert (404 if name == "no-such-page" else 200) == page.goto(path).status
    pages.keep(page, name)
    page.evaluate(axe)
    told = []
    for scheme, rules in (("light", ""), ("dark", "runOnly: ['color-contrast'],")):  # the dark changes colours alone
        page.emulate_media(color_scheme=scheme)
        found: Any = page.evaluate(f"axe.run(document, {{{rules} resultTypes: ['violations']}})")
        told += [
            f"{scheme}: {one['id']}: {one['help']}: {node['html'][:160]}"
            for one in found["violations"] for node in one["nodes"][:3]
        ]  # fmt: skip
    for width in (320, 768):
        page.set_viewport_size({"width": width, "height": 800})
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        told += [f"{width}: {over} pixels stick out"] * (over > 0)
    assert not told, "\n".join(told)
    assert [] == [text for text in pages.complaints[before:] if not any(word in text for word in EXPECTED)]


def test_a_plan_is_held_against_the_budget_in_a_browser(pages: Pages, axe: str, files: Path) -> None:
    """The file is chosen, the answer stands at the top of the page, and axe-core finds nothing on it."""
    (files / "plan.yaml").write_text(plan_text(60))
    page = pages.shared("evaluator")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"/case/{RICH}/access/{TERMS.id}/plans/")
    page.get_by_label("The plan's file").set_input_files(files / "plan.yaml")
    page.get_by_role("button", name="Check").click()
    page.get_by_role("heading", name="Short answers, 60 items").wait_for()
    page.evaluate("document.querySelector('#checked').scrollIntoView()")
    pages.keep(page, "plan-checked")
    page.evaluate(axe)
    found: Any = page.evaluate("axe.run(document, {resultTypes: ['violations']})")

    assert [] == [one["id"] for one in found["violations"]]


def test_a_page_is_walked_by_keyboard(pages: Pages) -> None:
    """The first tab stop skips to the content; every link and button can be reached, and each shows that it is."""
    page = pages.of("handler")
    page.goto(f"/case/{RICH}/")
    page.keyboard.press("Tab")
    assert "Skip to the content" == page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.id === 'main'")
    wanted = page.evaluate("document.querySelectorAll('a[href], button, summary, select').length")
    page.evaluate("document.activeElement.blur()")
    reached = set()
    for _ in range(wanted + 20):
        page.keyboard.press("Tab")
        said = page.evaluate(
            "(() => { const e = document.activeElement; const s = getComputedStyle(e);"
            " return [e.outerHTML.slice(0, 300), s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2]; })()"
        )
        if said[0].startswith(("<a", "<button", "<summary", "<select")):
            reached.add(said[0])
            assert said[1], f"no focus to be seen on {said[0][:80]}"
    distinct = page.evaluate(
        "new Set([...document.querySelectorAll('a[href], button, summary, select')]"
        ".map(e => e.outerHTML.slice(0, 300))).size"
    )
    assert distinct == len(reached)
    page.context.close()


def test_a_form_is_filled_checked_and_entered(pages: Pages, axe: str) -> None:
    """From the case to the reference in a browser: choose, fill in, mend a fault, check, enter."""
    page = pages.shared("handler")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(color_scheme="light")
    page.goto(f"/case/{WRITTEN}/")
    page.get_by_role("link", name="Enter something").click()
    page.get_by_role("link", name="Enter a serious incident").click()
    page.get_by_role("button", name="Check").click()
    page.wait_for_function("document.activeElement.textContent.includes('There is a problem')")
    pages.keep(page, "form-fault")
    page.get_by_label("By", exact=True).fill("provider")
    page.get_by_label("cybersecurity").check()
    page.get_by_label("established").check()
    page.get_by_label("Aware").fill("2026-11-25T09:00:00.000Z")
    page.get_by_label("Summary").fill("Credentials of a test account were taken.")
    page.get_by_role("button", name="Check").click()
    page.get_by_role("heading", name="What follows from it").wait_for()
    pages.keep(page, "form-check")
    page.evaluate(axe)
    found: Any = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert [] == [one["id"] for one in found["violations"]]
    page.get_by_role("button", name="Enter").click()
    page.get_by_text("Reference").first.wait_for()
    page.get_by_text(f"office.example/e/{WRITTEN}#").first.wait_for()


def test_a_passkey_signs_in(pages: Pages) -> None:
    """An invited person adds a passkey as the second factor, signs out, and signs in with the passkey alone."""
    from houses import OFFICE

    def link() -> str:
        from comity.portal.accounts.invitations import invite, make_account
        from comity.portal.house import the_house

        house, someone = the_house(), make_account("key-holder", role="handler", organisation=OFFICE)
        return f"/enter/{invite(someone, house.clock(), house.random)}/"

    page = pages.of("")
    device = page.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    device.send("WebAuthn.addVirtualAuthenticator", {"options": {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }})  # fmt: skip
    page.goto(aside(link))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/accounts/2fa/")
    page.goto("/accounts/2fa/webauthn/add/")
    page.get_by_label("Name").fill("this laptop")
    page.get_by_label("Passwordless").check()
    page.get_by_role("button", name="Add").click()
    page.wait_for_url(lambda url: "/webauthn/add/" not in url)
    page.goto("/")
    page.get_by_text("Where we stand").first.wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("link", name="Sign in").wait_for()
    page.goto("/accounts/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(f"{pages.address}/")
    page.get_by_text("Where we stand").first.wait_for()
    page.context.close()


def test_the_access_page_keeps_itself_fresh(pages: Pages, world: World) -> None:
    """A refusal that comes while the page is open shows without loading it again, and what was unfolded stays so."""
    from comity.portal.house import AccessBook
    from comity.portal.projections.projector import Projector

    page = pages.of("handler")
    page.goto(f"/case/{RICH}/access/{TERMS.id}/")
    page.get_by_text("The numbers", exact=True).click()
    before = page.locator(".figures dd").nth(2).inner_text()
    whole = world.access[0]
    entries = list(whole.entries)
    refused = next(entry for entry in entries if b'"call.refused"' in entry)
    try:
        world.access[0] = AccessBook(origin=whole.origin, entries=[*entries, refused])
        world.access.append(AccessBook(origin=f"office.example/a/{'c' * 32}", entries=[]))
        aside(Projector(world.house()).run_once)
        wanted = f"{int(before.split()[0]) + 1} "
        page.wait_for_function(
            "wanted => document.querySelectorAll('.figures dd')[2].innerText.startsWith(wanted)", arg=wanted
        )
        assert page.locator("details[open] table").first.is_visible()
    finally:
        del world.access[1:]
        world.access[0] = whole
        aside(Projector(world.house()).run_once)
    page.context.close()
