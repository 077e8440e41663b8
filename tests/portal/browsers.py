"""A real browser over a real server, for the tests that need eyes and a keyboard."""

import asyncio
import os
import re
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import uvicorn

__all__ = [
    "IMAGES", "Pages", "add_passkey", "aside", "chromium_pages", "entered", "faults_of", "heading",
    "keep_picture", "open_chromium",
    "prove_again", "served", "sign_in", "to_the_case",
]  # fmt: skip

T = TypeVar("T")
IMAGES: Final = Path(__file__).resolve().parents[2] / "docs" / "images"
SHOWING: Final = (
    IMAGES.parent / "tutorial" / "your-first-engagement.md", IMAGES.parent / "reference" / "portal-pictures.md",
)  # fmt: skip
"""Pages of the documentation that show pictures of the portal."""
MAX_IMAGE: Final = 400_000


def aside(work: Callable[[], T]) -> T:
    """Do something in a thread of its own: Django's tables are not read where the browser's event loop runs."""
    from django.db import connections

    def done() -> T:
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(done).result()


@contextmanager
def served() -> Iterator[str]:
    """The portal on a port of this machine."""
    from comity.portal.pool import PooledHandler

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(PooledHandler(), lifespan="off", log_level="error", access_log=False, ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


class Pages:
    """Browser windows of people who are signed in, and what the browser complained of."""

    def __init__(self, browser: Any, address: str) -> None:
        self.browser, self.address = browser, address
        self.complaints: list[str] = []
        self.windows: dict[str, Any] = {}

    def shared(self, name: str) -> Any:
        """A window of somebody's that tests use one after another, in which scripts of the test may run."""
        if name not in self.windows:
            self.windows[name] = self.of(name, bypass_csp=True)
        return self.windows[name]

    def of(self, name: str = "", **how: Any) -> Any:
        """A window of somebody with both factors; of nobody for an empty name."""
        context = self.browser.new_context(base_url=self.address, reduced_motion="reduce", **how)
        if name:
            context.add_cookies([{"name": "comity", "value": aside(lambda: _session(name)), "url": self.address}])
        page = context.new_page()
        page.on("console", lambda said: self._complain(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda fault: self._complain(str(fault)))
        return page

    def _complain(self, text: str) -> None:
        self.complaints.append(text)

    def keep(self, page: Any, name: str) -> None:
        """A picture that the tutorial shows, made anew with COMITY_SHOTS=1."""
        keep_picture(page, name)


def keep_picture(page: Any, name: str) -> None:
    """A picture that the documentation shows, made anew with COMITY_SHOTS=1.

    With the path of a folder in its place every picture is put there, wide and narrow, light and dark.
    """
    wanted = os.environ.get("COMITY_SHOTS", "")
    if wanted == "1" and any(f"images/portal-{name}.png" in one.read_text() for one in SHOWING):
        file = IMAGES / f"portal-{name}.png"
        page.screenshot(path=str(file))
        assert file.stat().st_size < MAX_IMAGE, f"{file.name}: {file.stat().st_size} bytes"
    elif "/" in wanted:
        for width, scheme in ((1280, "light"), (1280, "dark"), (360, "light")):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=f"{wanted}/{name}-{width}-{scheme}.png", full_page=True)
        page.set_viewport_size({"width": 1280, "height": 900})
        page.emulate_media(color_scheme="light")


def add_passkey(page: Any, link: str) -> None:
    """Use an invitation, and add a passkey of a device that stands for a person's finger."""
    device = page.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    device.send("WebAuthn.addVirtualAuthenticator", {"options": {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }})  # fmt: skip
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/accounts/2fa/")
    page.goto("/accounts/2fa/webauthn/add/")
    page.get_by_label("Name").fill("this laptop")
    page.get_by_label("Passwordless").check()
    page.get_by_role("button", name="Add").click()
    page.wait_for_url(lambda url: "/webauthn/add/" not in url)


def sign_in(page: Any) -> None:
    """Sign out, and in again with the passkey alone."""
    page.goto("/")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/register/")
    page.goto("/accounts/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.get_by_role("heading", name="Where we stand").wait_for()


def prove_again(page: Any) -> None:
    """Use the passkey once more where the portal asks for it, which it does unless that was just so."""
    passkey = page.get_by_role("button", name="Use your passkey")
    passkey.or_(page.locator("main :is(.done, .proof)")).first.wait_for()
    if passkey.is_visible():
        keep_picture(page, "prove-again")
        passkey.click()


def heading(page: Any, name: str | re.Pattern[str]) -> None:
    """Wait for a page by one of its headings; where it does not come, say what there is instead."""
    try:
        page.get_by_role("heading", name=name).first.wait_for()
    except Exception as fault:
        raise AssertionError(f"no heading {name} at {page.url}; there is: {page.inner_text('main')[:900]}") from fault


def to_the_case(page: Any) -> str:
    """From the page that says that a case is open to the case, once the tables hold it; its id."""
    heading(page, "The case is open")
    for _ in range(10):
        if "/case/" in page.url:
            break
        page.get_by_role("link", name="To the case").click()
        heading(page, "The case is open")
    assert "/case/" in page.url, page.url
    return str(page.url.split("/case/")[1][:32])


def entered(page: Any) -> None:
    """Wait for an entry's reference; where the tables do not hold it yet, load the page again as it asks for."""
    done = page.get_by_role("heading", name="Entered", exact=True)
    pending = page.get_by_role("heading", name="Entered, and not yet shown")
    for _ in range(10):
        done.or_(pending).first.wait_for()
        if done.is_visible():
            return
        page.reload()
    raise AssertionError(f"not shown after ten looks: {page.url}")


def faults_of(page: Any) -> list[str]:
    """What shuts somebody out of a page as it stands, in light and dark, and what sticks out where it is narrow."""
    import axe_playwright_python

    page.evaluate((Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text())
    told = []
    for scheme, rules in (("light", ""), ("dark", "runOnly: ['color-contrast'],")):  # the dark changes colours alone
        page.emulate_media(color_scheme=scheme)
        found = page.evaluate(f"axe.run(document, {{{rules} resultTypes: ['violations']}})")
        told += [
            f"{scheme}: {one['id']}: {one['help']}: {node['html'][:160]}"
            for one in found["violations"] for node in one["nodes"][:3]
        ]  # fmt: skip
    for width in (320, 768):
        page.set_viewport_size({"width": width, "height": 800})
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        told += [f"{width}: {over} pixels stick out"] * (over > 0)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(color_scheme="light")
    return told


def _session(name: str) -> str:
    from django.test import Client
    from houses import account

    from comity.portal.accounts.gate import SEEN

    client = Client()
    client.force_login(account(name), backend="allauth.account.auth_backends.AuthenticationBackend")
    session = client.session
    session[SEEN] = True
    session.save()
    return str(session.session_key)


@contextmanager
def open_chromium() -> Iterator[Any]:
    """Debian's browser, driven by Playwright, which brings none of its own here."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def chromium_pages() -> Iterator[Pages]:
    """A browser over the portal of the tests' house."""
    with served() as address, open_chromium() as browser:
        yield Pages(browser, address)
