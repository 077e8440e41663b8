"""`comity guard` and `comity reconcile`: from the signed terms to a comparison that both sides can repeat."""

import json
import signal
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest
from certificates import Authority
from click.testing import CliRunner, Result
from guarding import LiveGuard, guard_process, guarded_offer, make_provider, permit, reason

from comity.arrangement import Offer
from comity.cli.main import main
from comity.gateway import begin_ledger, open_arrangement
from comity.records import Amount, CallPermitted, CallSettled, Digest, Hex32, Index, Instant, instant_text, to_bytes
from support import ARRANGEMENT, Keys, RecordingProvider, now, signed_offer, terms_value, wait_until

LEDGER = f"operator.example/a/{ARRANGEMENT}"
NOTHING = Amount(input_tokens=0, output_tokens=0, cost_nano=0)


def comity(*args: str | Path) -> Result:
    return CliRunner().invoke(main, [str(arg) for arg in args], catch_exceptions=False)


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Keys, Offer]:
    """A provider's home with the signed terms, and the operator's ledger."""
    keys = Keys()
    offer = guarded_offer(keys)
    make_provider(tmp_path, keys, offer)
    begin_ledger(tmp_path / "ledger.sqlite", offer, now=now()).close()
    return tmp_path, keys, offer


def called(folder: Path, *, place: Path | str | None = None, outcome: str = "answered", status: int = 200) -> int:
    """What a gateway leaves in the ledger for one call; the permit's index."""
    digest, some, at = Digest("5a" * 32), Hex32("a5" * 16), Instant(instant_text(now()))
    permitted = CallPermitted(
        at=at, grant=some, person="p", incarnation=some, protocol="openai", route="/r", model="m", features=(),
        request=digest, request_bytes=1, irid="", run="", reserved=NOTHING,
    )  # fmt: skip
    with open_arrangement(place or folder / "ledger.sqlite", origin=LEDGER) as book:
        [index] = book.append([to_bytes(permitted)])
        settled = CallSettled(
            at=at, permit=Index(index), outcome=outcome, status=status, served="", served_check="none", answer="",
            answer_bytes=0, usage="stated", charged=NOTHING, upstream_id="", millis=1,
        )  # fmt: skip
        book.append([to_bytes(settled)])
    return index


def counters(folder: Path) -> dict[str, Any]:
    """Sign today's counters into `counters` and return what was printed."""
    today = now().date().isoformat()
    command: list[str | Path] = [
        "--home",
        folder / "provider",
        "guard",
        "counters",
        folder / "terms.json",
        "--day",
        today,
    ]
    done = comity(*command, "--out", folder / "counters", "--json")
    assert 0 == done.exit_code, done.output
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


def reconciled(folder: Path, *more: str | Path) -> Result:
    command: list[str | Path] = ["reconcile", folder / "counters", "--arrangement", folder / "terms.json"]
    return comity(*command, "--ledger", folder / "ledger.sqlite", *more)


def ask_all(guard: LiveGuard, *indexes: int) -> None:
    for index in indexes:
        assert 200 == guard.ask(guard.permit(index)).status_code


@pytest.mark.slow
def test_a_day_with_a_guard_reconciles_and_a_call_around_the_ledger_shows(sides: tuple[Path, Keys, Offer]) -> None:
    """Equal counters exit 0; a call signed with the permit key beside the ledger is named, and exits 1."""
    folder, keys, offer = sides
    with RecordingProvider().running() as provider, guard_process(folder, provider.url, keys, offer) as guard:
        ask_all(guard, called(folder), called(folder))
        assert "missing" == reason(guard.ask(None))
        wait_until(lambda: counters(folder)["refused"])
        assert {"missing": 1} == counters(folder)["refused"]
        same = reconciled(folder)
        assert 0 == same.exit_code and "saw the same calls" in same.output, same.output

        ask_all(guard, 90)
        assert 3 == counters(folder)["passed"]
        more = reconciled(folder, "--json")
        found = json.loads(more.stdout)
        assert (1, "more", [90]) == (more.exit_code, found["outcome"], found["beyond"])

        (folder / "counters.indexes").unlink()
        assert "more" == json.loads(reconciled(folder, "--json").stdout)["outcome"]


def test_counters_of_a_guard_that_saw_less_than_the_ledger_exit_1(sides: tuple[Path, Keys, Offer]) -> None:
    """An answered call that did not pass the guard reached the model in another way, and is named."""
    folder, _, _ = sides
    index = called(folder)
    assert 0 == counters(folder)["passed"]
    found = reconciled(folder)

    assert 1 == found.exit_code
    assert f"beside the guard   {index}" in found.output


def test_a_ledger_in_a_database_is_named_by_the_file_with_its_address(tmp_path: Path, database: str) -> None:
    """The comparison reads an operator's `ledger.url` as it reads a `ledger.sqlite`."""
    keys = Keys()
    offer = guarded_offer(keys)
    make_provider(tmp_path, keys, offer)
    begin_ledger(database, offer, now=now()).close()
    index = called(tmp_path, place=database)
    counters(tmp_path)
    (tmp_path / "ledger.url").write_text(f"{database}\n")
    command: list[str | Path] = ["reconcile", tmp_path / "counters", "--arrangement", tmp_path / "terms.json"]
    found = comity(*command, "--ledger", tmp_path / "ledger.url")

    assert 1 == found.exit_code
    assert f"beside the guard   {index}" in found.output


def test_counters_that_were_changed_are_refused(sides: tuple[Path, Keys, Offer]) -> None:
    """The comparison begins with the guard's signature: a figure changed on the way is a refusal, exit 1."""
    folder, _, _ = sides
    counters(folder)
    file = folder / "counters"
    file.write_bytes(file.read_bytes().replace(b"passed 0", b"passed 1"))
    found = reconciled(folder)

    assert 1 == found.exit_code
    assert "signed by the guard's key" in found.output


def test_the_counters_of_a_day_that_is_not_over_say_so(sides: tuple[Path, Keys, Offer]) -> None:
    """Who signs today's counters reads that they are counters so far; yesterday's are whole."""
    folder, _, _ = sides
    command: list[str | Path] = ["--home", folder / "provider", "guard", "counters", folder / "terms.json"]
    today = comity(*command, "--day", now().date().isoformat())

    assert "counters so far" in today.stderr
    assert today.stdout.startswith("comity guard-counters/1\n")
    assert 2 == comity(*command, "--day", "20261123").exit_code


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda keys: signed_offer(keys, terms_value(keys)), "agree no guard"),
        (lambda keys: None, "guard.key"),
    ],
    ids=["no guard agreed", "another key"],
)
def test_a_guard_starts_under_its_own_terms_alone(spoil: Any, said: str, sides: tuple[Path, Keys, Offer]) -> None:
    """Terms without a guard, and terms that name another guard's key, are refused in a sentence, exit 1."""
    folder, _, _ = sides
    other = Keys()
    offer = spoil(other) or guarded_offer(other)
    (folder / "terms.json").write_bytes(offer.envelope)
    done = comity("--home", folder / "provider", "guard", "counters", folder / "terms.json")

    assert 1 == done.exit_code
    assert said in done.output


def test_an_endpoint_with_a_path_is_misuse(sides: tuple[Path, Keys, Offer]) -> None:
    """The path is the request's own, under the permit: an upstream that adds one is refused, exit 2."""
    folder, _, _ = sides
    command: list[str | Path] = ["--home", folder / "provider", "guard", "serve", folder / "terms.json", "--upstream"]

    assert 2 == comity(*command, "http://127.0.0.1:1/api").exit_code
    assert 2 == comity(*command, "ftp://127.0.0.1").exit_code


@pytest.mark.slow
def test_a_guard_takes_only_the_gateway_whose_certificate_it_knows(sides: tuple[Path, Keys, Offer]) -> None:
    """With --tls-callers a caller without a certificate is not even heard; the gateway's own gets its answer."""
    folder, keys, offer = sides
    authority = Authority(folder, "ours")
    own, gateways = authority.pair("guard"), authority.pair("gateway", client=True)
    options = ("--tls-certificate", own.certificate, "--tls-key", own.key, "--tls-callers", authority.file)
    with RecordingProvider().running() as provider:
        with guard_process(folder, provider.url, keys, offer, *options) as guard:
            assert guard.url.startswith("https://")
            known = ssl.create_default_context(cafile=str(authority.file))
            with httpx.Client(verify=known) as client, pytest.raises(httpx.TransportError):
                client.get(guard.url)
            known.load_cert_chain(gateways.certificate, gateways.key)
            guard.client = httpx.Client(verify=known)
            ask_all(guard, 3)
        assert 1 == len(provider.asked)


def test_a_key_that_others_can_read_is_refused(sides: tuple[Path, Keys, Offer]) -> None:
    """The guard does not start with a private key that is open to others, and says what to do."""
    folder, _, _ = sides
    pair = Authority(folder, "ours").pair("guard")
    pair.key.chmod(0o644)
    command: list[str | Path] = ["--home", folder / "provider", "guard", "serve", folder / "terms.json"]
    tls = ("--tls-certificate", pair.certificate, "--tls-key", pair.key)
    done = comity(*command, "--upstream", "http://127.0.0.1:1", *tls)

    assert 1 == done.exit_code and "chmod 600" in done.output
    assert 2 == comity(*command, "--upstream", "http://127.0.0.1:1", *tls[:2]).exit_code


@pytest.mark.slow
def test_a_guard_ends_in_order_and_keeps_its_count(sides: tuple[Path, Keys, Offer]) -> None:
    """SIGTERM ends the process with exit 0, and refusals of its last moment are in the counters."""
    folder, keys, offer = sides
    with RecordingProvider().running() as provider, guard_process(folder, provider.url, keys, offer) as guard:
        used = permit(keys, offer, 7)
        ask_all(guard, 3)
        assert [200, 403] == [guard.ask(used).status_code, guard.ask(used).status_code]
        assert 0 == guard.end(signal.SIGTERM)

    assert {"day": now().date().isoformat(), "passed": 2, "refused": {"used": 1}} == {
        name: value for name, value in counters(folder).items() if name != "indexes"
    }
