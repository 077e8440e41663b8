"""Two houses, two portals, two browsers: terms by file and by HTTPS, then a run, and a stop that cuts it."""

import json
import re
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from browsers import add_passkey, entered, heading, keep_picture, open_chromium, prove_again, sign_in, to_the_case
from providing import Asked, Part, RecordingProvider, completion, whole
from two_homes import AUTHORITY, PROVIDER, Homes, Process, comity, two_homes

from comity.cli.home import open_home
from comity.ledger import open_ledger
from comity.vault import open_item, parse_recipient_key, parse_sealed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium here; Debian's package is chromium"),
]

MODEL = "nova-1"
OFFERED, TAKEN = 400, 300
"""Calls in the provider's first version, and in the authority's answer, which is agreed."""


@dataclass
class Talk:
    """What the negotiation leaves: both homes, both browsers, the case on either side and the arrangement."""

    homes: Homes
    windows: dict[str, Any]
    cases: dict[str, str]
    arrangement: str
    complaints: list[str]

    def page(self, side: str, rest: str = "") -> str:
        return f"/case/{self.cases[side]}/{rest}"


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Homes]:
    with two_homes(tmp_path_factory.mktemp("two")) as made:
        yield made


def window(browser: Any, address: str, complaints: list[str]) -> Any:
    context = browser.new_context(base_url=address, reduced_motion="reduce", viewport={"width": 1280, "height": 900})
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda fault: complaints.append(str(fault)))
    return page


@pytest.fixture(scope="module")
def talk(homes: Homes) -> Iterator[Talk]:
    """From both sign-ins to terms that both sides signed."""
    complaints: list[str] = []
    with open_chromium() as browser:
        windows = {side: window(browser, address, complaints) for side, address in homes.portals.items()}
        cases = {}
        for side, other in (("provider", AUTHORITY), ("authority", PROVIDER)):
            add_passkey(windows[side], homes.links[side])
            sign_in(windows[side])
            cases[side] = open_a_case(windows[side], other)
        ours, theirs = windows["authority"], windows["provider"]
        put_forward(theirs, homes)
        send(theirs, AUTHORITY)
        take_in_what_arrived(ours, cases["authority"])
        answer(ours)
        by_mail = download(ours, homes.folder / "version-2.json")
        take_in_a_file(theirs, cases["provider"], by_mail)
        sign(theirs)
        send(theirs, AUTHORITY)
        take_in_what_arrived(ours, cases["authority"])
        arrangement = json.loads(json.loads(by_mail.read_text())["terms"])["id"]
        yield Talk(homes, windows, cases, arrangement, complaints)


def open_a_case(page: Any, other: str) -> str:
    page.get_by_role("link", name="Open a case").click()
    page.get_by_label("Provider" if other == PROVIDER else "Authority", exact=True).fill(other)
    page.get_by_label("What it is about").fill("Access to the newest model before its release.")
    page.get_by_label("Models or systems").fill(MODEL)
    page.get_by_label("the provider").check()
    keep_picture(page, "open")
    page.get_by_role("button", name="Check").click()
    heading(page, "Check your answers")
    page.get_by_role("button", name="Open the case").click()
    return to_the_case(page)


def put_forward(page: Any, homes: Homes) -> None:
    page.get_by_role("link", name="Enter something").click()
    page.get_by_role("link", name="Put forward terms").click()
    page.get_by_label(re.compile("^T0")).check()
    page.get_by_label("Calls in all").fill(str(OFFERED))
    files = [str(homes.folder / f"{role}.json") for role in ("authority", "provider", "evaluator")]
    page.get_by_label("Cards").set_input_files(files)
    keep_picture(page, "terms-offer")
    page.get_by_role("button", name="Make the terms").click()
    heading(page, "Sign version 1")
    page.get_by_label("I have read the terms").check()
    page.get_by_role("button", name="Sign", exact=True).click()
    prove_again(page)
    to_the_terms(page)


def to_the_terms(page: Any) -> None:
    entered(page)
    page.get_by_role("link", name="To the terms").click()
    heading(page, "The terms in words")


def send(page: Any, other: str) -> None:
    page.get_by_role("link", name=f"Send to {other}").click()
    heading(page, re.compile("^Send version"))
    keep_picture(page, "terms-send")
    page.get_by_role("button", name="Send").click()
    heading(page, "Sent")
    page.get_by_role("link", name="To the case").click()
    heading(page, "Newest entries")


def take_in_what_arrived(page: Any, case: str) -> None:
    page.goto(f"/case/{case}/")
    page.get_by_role("link", name="Look at them").click()
    heading(page, "Arrived by HTTPS")
    keep_picture(page, "terms-arrived")
    page.get_by_role("button", name="Take in").first.click()
    to_the_terms(page)


def answer(page: Any) -> None:
    page.get_by_role("link", name="Answer with another version").click()
    page.get_by_label("budget.calls", exact=False).first.fill(str(TAKEN))
    page.get_by_label("budget.per_day.calls").fill(str(TAKEN))
    keep_picture(page, "terms-counter")
    page.get_by_role("button", name="Read what changes").click()
    heading(page, "What you change")
    assert f"at most {TAKEN} calls in all, instead of {OFFERED}" in page.content()
    keep_picture(page, "terms-put")
    page.get_by_label("I have read the terms").check()
    page.get_by_role("button", name="Sign", exact=True).click()
    prove_again(page)
    to_the_terms(page)


def download(page: Any, to: Path) -> Path:
    with page.expect_download() as taken:
        page.get_by_role("link", name="Download the signed file").click()
    taken.value.save_as(to)
    return to


def take_in_a_file(page: Any, case: str, file: Path) -> None:
    page.goto(f"/case/{case}/terms/receive/")
    page.get_by_label("File", exact=True).set_input_files(str(file))
    page.get_by_role("button", name="Take in").click()
    to_the_terms(page)


def sign(page: Any) -> None:
    heading(page, "Changed since the version before")
    page.get_by_role("link", name="Sign", exact=True).click()
    heading(page, "Sign version 2")
    keep_picture(page, "terms-sign")
    page.get_by_label("I have read the terms").check()
    page.get_by_role("button", name="Sign", exact=True).click()
    prove_again(page)
    to_the_terms(page)


def kinds(home: Path, case: str) -> list[str]:
    ledger = open_ledger(home / "engagements" / case / "ledger.sqlite")
    try:
        return [json.loads(entry)["kind"] for entry in ledger.read(0, ledger.size())]
    finally:
        ledger.close()


def test_terms_are_agreed_by_file_and_by_https(talk: Talk) -> None:
    """Offer, answer, both signatures: each ledger holds the steps as its side saw them, over one digest."""
    told = {side: kinds(talk.homes.home(side), case) for side, case in talk.cases.items()}
    steps = ["case.opened", "terms.offered", "terms.offered", "arrangement.in_force"]
    held = [
        json.loads((talk.homes.home(side) / "arrangements" / talk.arrangement / "terms-2.json").read_text())
        for side in talk.cases
    ]

    assert {"authority": steps, "provider": steps} == told
    assert held[0] == held[1] and TAKEN == json.loads(held[0]["terms"])["budget"]["calls"]
    assert [] == talk.complaints


class Slow(RecordingProvider):
    """A model that answers the first questions, and keeps the others waiting until somebody hangs up."""

    FIRST = 3

    def __init__(self) -> None:
        self.never = threading.Event()
        super().__init__(self._answer)

    def _answer(self, asked: Asked) -> list[Part]:
        answered = whole(completion(model=MODEL, text="Paris"))
        return answered if len(self.asked) <= self.FIRST else [self.never, *answered]


@pytest.fixture
def model() -> Iterator[Slow]:
    slow = Slow()
    running = slow.running()
    with ThreadPoolExecutor(1) as pool:  # its loop is not ended where the browser's runs
        pool.submit(running.__enter__).result()
        try:
            yield slow
        finally:
            pool.submit(running.__exit__, None, None, None).result()


@pytest.fixture
def running(talk: Talk, model: Slow) -> Iterator[Process]:
    """The gateway in the authority's home, and a frozen plan that is being run through it."""
    homes = talk.homes
    authority, evaluator = homes.home("authority"), homes.home("evaluator")
    signed = authority / "arrangements" / talk.arrangement / "terms-2.json"
    upstream = ("--upstream", f"openai={model.url}")
    comity(authority, "ledger", "adopt", str(signed), *upstream, COMITY_UPSTREAM_KEY="a-key-of-the-test")
    gateway = Process(authority, "serve", "--listen", urlsplit(homes.gateway).netloc, "--no-portal")
    try:
        assert homes.gateway == gateway.line()["gateway"]
        card = ("--card", str(homes.folder / "evaluator.json"), "--to", homes.gateway)
        comity(authority, "grant", "issue", talk.cases["authority"], "--person", "evaluator-1", *card)
        plan = str(homes.folder / "plan.yaml")
        drawn = ("--protocol", "openai", "--model", MODEL, "--items", "8", "--out", plan)
        comity(evaluator, "plan", "new", "--arrangement", talk.arrangement, *drawn)
        comity(evaluator, "plan", "freeze", plan, "--gateway", homes.gateway)
        run = Process(evaluator, "run", plan, "--gateway", homes.gateway, "--json")
        try:
            yield run
        finally:
            run.end()
    finally:
        gateway.end()


def test_a_stop_in_one_browser_cuts_the_run_and_the_other_shows_it(
    talk: Talk, model: Slow, running: Process
) -> None:
    """While a run waits for its model, the provider presses Stop: within two seconds the calls are cut, the run ends
    with the three answers that it had, and the authority's open page says so without being loaded again."""
    ours, theirs = talk.windows["authority"], talk.windows["provider"]
    ours.goto(talk.page("authority", f"access/{talk.arrangement}/"))
    ours.evaluate("() => { window.notLoadedAgain = true; }")
    under_way = "() => [...document.querySelectorAll('.figures dd')].at(-1)?.innerText === '4'"
    ours.wait_for_function(under_way, timeout=120_000)
    keep_picture(ours, "access-running")
    theirs.goto(talk.page("provider", f"access/{talk.arrangement}/"))
    theirs.get_by_role("link", name="Stop").click()
    theirs.get_by_label("containment").check()
    theirs.get_by_role("button", name="Stop now").click()
    prove_again(theirs)
    heading(theirs, "Taken by the gateway")
    pressed = time.monotonic()
    assert model.hung_up.wait(5)
    cut = time.monotonic() - pressed
    ours.get_by_text("Stopped by the provider").wait_for()
    keep_picture(ours, "access-stopped")

    assert cut < 2 and ours.evaluate("() => window.notLoadedAgain")
    assert 0 == ours.get_by_role("link", name="Resume").count()  # what the other side stopped
    _, said = running.wait()
    outcome = json.loads(said.strip().splitlines()[-1])
    assert (Slow.FIRST + 4, 8 - Slow.FIRST) == (outcome["calls"], sum(outcome["missing"].values())), outcome
    assert Slow.FIRST + 4 == len(model.asked) and 4 == len(model.broken)
    assert model.asked[0].body == opened_with(talk, "evaluator", take_sealed(talk, outcome["run"]))
    assert [] == talk.complaints


def take_sealed(talk: Talk, run: str) -> bytes:
    """The first call's request as a file, from the run's page in the authority's browser."""
    page = talk.windows["authority"]
    page.goto(talk.page("authority", f"access/{talk.arrangement}/runs/{run}/"))
    page.get_by_role("link", name="The calls, sealed").click()
    heading(page, "Calls, sealed")
    page.locator("th a.ref").first.click()
    with page.expect_download() as taken:
        page.get_by_role("link", name="the sealed item, as a file").first.click()
    content: bytes = Path(taken.value.path()).read_bytes()
    return content


def opened_with(talk: Talk, who: str, sealed: bytes) -> bytes:
    """What it holds, by the key of somebody's home."""
    key = parse_recipient_key(open_home(talk.homes.home(who)).key_path("recipient").read_text())
    return open_item(parse_sealed(sealed), key).content
