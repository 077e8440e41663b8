"""Two houses negotiate by files: each takes in what the other sent, reads it, and signs."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import specimen
from houses import RICH, World
from rich_world import TERMS

from comity.arrangement import Offer, countersign, verify_offer
from comity.portal.house import HouseRefused, enter, the_house

PAGE = f"/case/{RICH}/terms/{TERMS.id}/"


@pytest.fixture
def signing(world: World) -> Iterator[list[tuple[str, Offer | bytes]]]:
    """The house with the authority's hand: what was accepted and received."""
    taken: list[tuple[str, Offer | bytes]] = []

    def accept(engagement: str, offer: Offer) -> int:
        taken.append((engagement, countersign(offer, specimen.AUTHORITY)))
        return 3

    def receive(engagement: str, envelope: bytes) -> int:
        if b"comity" not in envelope:
            raise HouseRefused("expected an offer's envelope")
        taken.append((engagement, envelope))
        return 3

    before = the_house()
    enter(world.house(accept=accept, receive=receive))
    yield taken
    enter(before)


def test_the_newest_version_is_signed_once_it_is_read(world: World, visit: Any, signing: list[Any]) -> None:
    """The page says what changes; without the tick, or for another digest, nothing is signed."""
    browser, newest = visit("handler"), world.offers[-1]
    page = browser.get(f"{PAGE}sign/").content.decode()
    assert newest.terms.digest in page and "Access is promised for 25 business days" in page

    assert 422 == browser.post(f"{PAGE}sign/", {"digest": newest.terms.digest}).status_code
    assert 422 == browser.post(f"{PAGE}sign/", {"digest": TERMS.digest, "read": "yes"}).status_code
    assert [] == signing
    answer = browser.post(f"{PAGE}sign/", {"digest": newest.terms.digest, "read": "yes"})

    assert f"/case/{RICH}/entry/3/?at=4&entered=1" == answer["Location"]
    ((engagement, offer),) = signing
    assert (RICH, newest.terms.digest, {"authority", "provider"}) == (
        engagement, offer.terms.digest, set(offer.signed_by),
    )  # fmt: skip


def test_who_does_not_hold_the_key_does_not_sign(world: World, visit: Any, signing: list[Any]) -> None:
    """Evaluators have no button; the provider's team is told that its own house signs."""
    for role in ("evaluator", "access"):
        browser = visit(role)
        assert "/sign/" not in browser.get(PAGE).content.decode()
        assert 403 == browser.post(f"{PAGE}sign/", {"digest": TERMS.digest, "read": "yes"}).status_code
    assert [] == signing


def test_a_version_travels_as_its_signed_file(world: World, visit: Any, signing: list[Any], files: Path) -> None:
    """What is downloaded verifies as the offer, and what is uploaded is handed to the house as it came."""
    browser = visit("handler")
    file = browser.get(f"{PAGE}file/?version=1")
    assert verify_offer(file.content).terms.digest == TERMS.digest
    (files / "terms.json").write_bytes(file.content)

    with (files / "terms.json").open("rb") as sent:
        answer = browser.post(f"/case/{RICH}/terms/receive/", {"file": sent})
    assert 302 == answer.status_code and [(RICH, file.content)] == signing
    (files / "other.json").write_bytes(b"{}")
    with (files / "other.json").open("rb") as sent:
        refused = browser.post(f"/case/{RICH}/terms/receive/", {"file": sent})
    assert 422 == refused.status_code and "expected an offer&#x27;s envelope" in refused.content.decode()


@pytest.mark.slow
def test_two_homes_come_to_terms_by_files(tmp_path: Path) -> None:
    """Provider drafts and offers, the authority's portal takes it in and signs, the provider's takes in the rest."""
    import json
    import subprocess
    import sys

    from comity.cli.home import open_home
    from comity.cli.portal import house_of

    def run(home: str, *arguments: str) -> Any:
        command = [sys.executable, "-m", "comity", "--home", str(tmp_path / home), *arguments, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
        return json.loads(done.stdout.strip().splitlines()[-1])

    for name, said in (("authority", "Office"), ("provider", "Aurora"), ("operator", "Op"), ("evaluator", "Team")):
        run(name, "init", str(tmp_path / name), "--role", name, "--name", said, "--host", f"{name}.example")
        witness = ("--witness-url", "https://w.example") if name in ("authority", "provider") else ()
        run(name, "key", "show", *witness, "--out", f"{name}.json")
    run("operator", "ledger", "reserve", "--out", "operator.json")
    for home, other in (("authority", "--provider=Aurora"), ("provider", "--authority=Office")):
        run(home, "engagement", "open", other, "--initiated-by", "provider", "--summary", "Talks.")
    from comity.cli.demo.offer import Offered, offer_text

    offered = Offered(
        model="m", serves=("m",), protocols=("openai",), context_window=4096, max_output=32, overhead=64,
        price_input="0.10", price_output="0.40", calls=50, input_tokens=9000, output_tokens=900, cost="0.50",
    )  # fmt: skip
    homes = {name: open_home(tmp_path / name) for name in ("authority", "provider")}
    text = offer_text(offered, provider="Aurora", now=homes["provider"].clock())
    (tmp_path / "offer.yaml").write_text(text)
    run("provider", "engagement", "offer", "offer.yaml", "--out", "offer.json")
    cards = [part for name in ("authority", "provider", "operator", "evaluator") for part in ("--card", f"{name}.json")]
    run("provider", "arrangement", "draft", "--offer", "offer.json", *cards, "--out", "terms-1.json")

    ours, theirs = house_of(homes["authority"]), house_of(homes["provider"])
    (case,), (mirror) = list(ours.cases()), next(theirs.cases())
    assert ours.receive is not None and ours.accept is not None and theirs.receive is not None
    assert 1 == ours.receive(case, (tmp_path / "terms-1.json").read_bytes())
    (offer,) = ours.offers_of(verify_offer((tmp_path / "terms-1.json").read_bytes()).terms.id)
    assert ("provider",) == offer.signed_by
    assert 2 == ours.accept(case, offer)
    (signed,) = ours.offers_of(offer.terms.id)
    assert {"authority", "provider"} == set(signed.signed_by)
    assert 1 == theirs.receive(mirror, signed.envelope)
    with pytest.raises(HouseRefused, match="signed these terms already"):
        ours.accept(case, signed)
    for house, engagement in ((ours, case), (theirs, mirror)):
        with house.open_case(engagement) as ledger:
            kinds = [re.findall(rb'"kind":"([^"]+)"', entry)[0] for entry in ledger.read(0, ledger.size())]
        assert b"arrangement.in_force" == kinds[-1]
