"""The commands: from a first meeting to a grant, in four homes that share nothing but files."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from comity.arrangement import Grant, Revocation, open_act, verify_offer
from comity.cli.home import open_home
from comity.cli.main import main
from comity.ledger import generate_key

ID = "0123456789abcdef0123456789abcdef"
ORIGIN = f"operator.example/a/{ID}"

OFFER: dict[str, Any] = {
    "terms": "arrangement/1",
    "title": "Evaluation of factual recall",
    "basis": "Voluntary access.",
    "purpose": ["Estimate how often short questions are answered rightly."],
    "operator": {"placement": "a machine of the operator", "upstream_key_held_by": "operator"},
    "models": [
        {
            "name": "gemma-3-270m",
            "variant": "standard",
            "serves": ["gemma-3-270m"],
            "on_mismatch": "refuse",
            "unstated": "flag",
            "protocols": ["openai", "anthropic"],
            "context_window": 4096,
            "max_output": 256,
            "overhead": {"request": 64, "message": 16, "tool": 64},
            "prices": {"input": "0.10", "cached_read": "0.10", "cache_write": "0.10", "output": "0.40"},
        }
    ],
    "features": ["streaming", "sampling"],
    "limits": {},
    "window": {
        "from": "2020-01-01T00:00:00Z",
        "until": "2029-01-01T00:00:00Z",
        "hours": {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "00:00", "until": "24:00"},
    },
    "budget": {
        "calls": 400,
        "input_tokens": 400000,
        "output_tokens": 60000,
        "cost": "1.00",
        "currency": "EUR",
        "output_unstated": "reserve",
        "per_day": {"calls": 200, "input_tokens": 200000, "output_tokens": 30000, "cost": "0.50"},
        "rerun_reserve": 0,
    },
    "rate": {"calls_per_minute": 3000, "tokens_per_minute": 300000, "concurrency": 16},
    "costs": {"borne_by": "provider"},
    "calendar": "eu-institutions",
    "access_days": 0,
    "channel": "api",
    "basis_kind": "voluntary",
    "access": [],
    "successor": {"notice_days": 14, "access_days": 30, "text": "Access follows on the same terms."},
    "exit": {"by": ["authority", "provider"], "notice_days": 0, "statement": "recorded"},
    "incident_contacts": {"authority": "the duty desk", "provider": "the duty desk"},
    "content": {"blindness": "sealed-record", "retention": "none", "training": "none"},
    "record": {"provider_sees": "checkpoints"},
    "stop": {"by": ["authority", "provider"]},
    "suspension": {"by": ["authority", "provider"], "clock_stops": ["legal-order", "operational"]},
    "safe_harbour": {"tag": "office-for-ai/2026-17", "text": "Tests in good faith lead to no measure."},
    "guard": {"by": "none"},
    "publication": {"by": "authority", "review_days": 30, "text": "Published after the review."},
}


class Houses:
    """Four homes and a mail folder, driven through public commands alone."""

    def __init__(self, root: Path) -> None:
        self.root, self.mail = root, root / "mail"
        self.mail.mkdir()
        for role, name in (
            ("authority", "Office for AI"),
            ("provider", "Northwind Models"),
            ("evaluator", "Jane Doe"),
        ):
            self.ok(role, "init", str(root / role), "--role", role, "--name", name, "--host", f"{role}.example")
            url = ["--witness-url", f"https://witness.{role}.example"] if role != "evaluator" else []
            self.ok(role, "key", "show", *url, "--out", self.at(f"{role}.card.json"))
        log = generate_key("ed25519", ORIGIN, lambda count: b"\x04" * count)
        permit = generate_key("ed25519", "operator.example/permit", lambda count: b"\x05" * count)
        card = {"format": "comity card/1", "role": "operator", "name": "Operator", "host": "operator.example"}
        self.write(
            "operator.card.json", json.dumps({**card, "origin": ORIGIN, "log": [log.vkey], "permit": permit.vkey})
        )
        self.write("offer.yaml", yaml.safe_dump(OFFER, sort_keys=False))

    def at(self, name: str) -> str:
        return str(self.mail / name)

    def write(self, name: str, text: str) -> None:
        (self.mail / name).write_text(text)

    def run(self, who: str, *words: str) -> Result:
        return CliRunner().invoke(main, ["--home", str(self.root / who), *words])

    def ok(self, who: str, *words: str) -> Result:
        result = self.run(who, *words)
        assert 0 == result.exit_code, result.output
        return result

    def json(self, who: str, *words: str) -> Any:
        return json.loads(self.ok(who, *words, "--json").stdout)

    def refused(self, who: str, *words: str) -> str:
        result = self.run(who, *words)
        assert 1 == result.exit_code, result.output
        return result.stderr

    def open(self, provider: str, initiated_by: str = "authority") -> str:
        words = ("--provider", provider, "--initiated-by", initiated_by, "--summary", "Access to the newest model")
        return str(self.json("authority", "engagement", "open", *words)["engagement"])

    def cards(self) -> list[str]:
        names = ("authority", "provider", "operator", "evaluator")
        return [word for name in names for word in ("--card", self.at(f"{name}.card.json"))]

    def offered(self) -> None:
        card = self.at("provider.card.json")
        self.ok(
            "provider", "engagement", "offer", self.at("offer.yaml"), "--card", card, "--out", self.at("access.json")
        )

    def drafted(self, case: str) -> None:
        self.offered()
        self.ok("authority", "engagement", "receive", case, self.at("access.json"))
        words = ("--offer", self.at("access.json"), *self.cards(), "--out", self.at("v1.json"))
        self.ok("provider", "arrangement", "draft", *words)
        self.ok("authority", "engagement", "receive", case, self.at("v1.json"))

    def agreed(self, case: str) -> None:
        self.drafted(case)
        words = ("--set", "budget.calls=300", "--engagement", case, "--out", self.at("v2.json"))
        self.ok("authority", "arrangement", "counter", self.at("v1.json"), *words)
        self.ok("provider", "arrangement", "accept", self.at("v2.json"), "--out", self.at("agreed.json"))
        self.ok("authority", "engagement", "receive", case, self.at("agreed.json"))


@pytest.fixture
def houses(tmp_path: Path) -> Houses:
    return Houses(tmp_path)


def test_the_list_says_where_we_stand_with_each_provider(houses: Houses) -> None:
    """One provider came forward and offered access; with the other there were two meetings and no offer."""
    first, second = houses.open("Northwind Models", "provider"), houses.open("Aurelia AI")
    houses.offered()
    houses.ok("authority", "engagement", "receive", first, houses.at("access.json"))
    for on in ("2026-04", "2026-05-04"):
        words = ("--on", on, "--topic", "safety", "--open", "which model?", "--next", "a third meeting in June")
        houses.ok("authority", "engagement", "meeting", second, *words)

    aurelia, northwind = houses.json("authority", "engagement", "list")

    assert ("Aurelia AI", "dialogue", "authority", 2, ["which model?"], "a third meeting in June") == tuple(
        aurelia[name] for name in ("provider", "stage", "initiated_by", "meetings", "open", "next")
    )
    assert ("Northwind Models", "negotiation", "provider", 0) == tuple(
        northwind[name] for name in ("provider", "stage", "initiated_by", "meetings")
    )
    assert northwind["since"].endswith("Z")
    table = houses.ok("authority", "engagement", "list").stdout
    assert "Aurelia AI" in table and "negotiation" in table
    assert max(len(line) for line in table.splitlines()) <= 100


def test_a_grant_without_an_arrangement_is_refused_and_the_refusal_is_an_entry(houses: Houses) -> None:
    """Access before signed terms is refused in one line, with the stage, and the case shows it."""
    case = houses.open("Aurelia AI")

    said = houses.refused("authority", "grant", "issue", case, "--person", "evaluator-1", "--access", "ab" * 32)

    since = houses.json("authority", "engagement", "list")[0]["since"]
    assert f"no arrangement in force; stage dialogue since {since}" in said
    entries = houses.json("authority", "engagement", "show", case)["entries"]
    assert "grant.refused" == entries[-1]["kind"]
    assert f"no arrangement in force; stage dialogue since {since}" == entries[-1]["because"]
    assert "refused" == houses.json("authority", "grant", "list", case)[0]["state"]


def test_from_an_offer_to_a_grant(houses: Houses) -> None:
    """Offer, draft, one counter, both signatures, a grant: each step through files, each an entry of the case."""
    case = houses.open("Northwind Models", "provider")
    houses.agreed(case)

    words = ("--person", "evaluator-1", "--card", houses.at("evaluator.card.json"), "--out", houses.at("grant.note"))
    given = houses.json("authority", "grant", "issue", case, *words)

    shown = houses.json("authority", "engagement", "show", "northwind models")
    assert [
        "case.opened",
        "access.offered",
        "terms.offered",
        "terms.offered",
        "arrangement.in_force",
        "grant.given",
    ] == [entry["kind"] for entry in shown["entries"]]
    assert "access" == shown["stage"]
    offer = verify_offer((houses.mail / "agreed.json").read_bytes())
    assert (2, 300, ("authority", "provider")) == (offer.terms.version, offer.terms.budget.calls, offer.signed_by)
    authority = open_home(houses.root / "authority").signer("party")
    act = open_act((houses.mail / "grant.note").read_bytes(), authority.verifier)
    assert isinstance(act, Grant)
    card = json.loads((houses.mail / "evaluator.card.json").read_text())
    assert (ORIGIN, offer.terms.digest, card["access"]) == (act.ledger, act.arrangement, act.access)
    assert given["grant"] == act.nonce
    assert offer.terms.window.until == act.expires


def test_a_person_outside_the_terms_gets_no_grant(houses: Houses) -> None:
    """Only people whom the terms name are granted access, and the refusal quotes the clause."""
    case = houses.open("Northwind Models")
    houses.agreed(case)

    said = houses.refused("authority", "grant", "issue", case, "--person", "evaluator-9", "--access", "ab" * 32)

    assert "people.id: evaluator-9 is not among the people of the terms" in said
    assert "grant.refused" == houses.json("authority", "engagement", "show", case)["entries"][-1]["kind"]


def test_an_expired_arrangement_gives_no_grant(houses: Houses) -> None:
    """After the window the case is in review, and a grant is refused with that."""
    past = {**OFFER, "window": {**OFFER["window"], "until": "2020-02-01T00:00:00Z"}}
    houses.write("offer.yaml", yaml.safe_dump(past, sort_keys=False))
    case = houses.open("Northwind Models")
    houses.agreed(case)

    said = houses.refused("authority", "grant", "issue", case, "--person", "evaluator-1", "--access", "ab" * 32)

    assert "no arrangement in force; stage review since 2020-02-01" in said


def test_an_arrangement_of_the_future_gives_no_grant_yet(houses: Houses) -> None:
    """Before the window begins the refusal says when it does."""
    future = {**OFFER, "window": {**OFFER["window"], "from": "2190-01-01T00:00:00Z", "until": "2190-02-01T00:00:00Z"}}
    houses.write("offer.yaml", yaml.safe_dump(future, sort_keys=False))
    case = houses.open("Northwind Models")
    houses.agreed(case)

    said = houses.refused("authority", "grant", "issue", case, "--person", "evaluator-1", "--access", "ab" * 32)

    assert "window.from: access begins at 2190-01-01" in said


def test_a_half_signed_offer_gives_no_grant(houses: Houses) -> None:
    """One signature is an offer: the case is in negotiation, and access is refused."""
    case = houses.open("Northwind Models")
    houses.drafted(case)

    said = houses.refused("authority", "grant", "issue", case, "--person", "evaluator-1", "--access", "ab" * 32)

    assert "no arrangement in force; stage negotiation" in said


def test_a_grant_is_revoked_with_a_cause(houses: Houses) -> None:
    """A revocation is a signed note over the same access key, and the grant no longer lives."""
    case = houses.open("Northwind Models")
    houses.agreed(case)
    given = houses.json("authority", "grant", "issue", case, "--person", "evaluator-1", "--access", "ab" * 32)

    words = ("--grant", given["grant"][:8], "--cause", "person-eligibility", "--out", houses.at("revoke.note"))
    houses.ok("authority", "grant", "revoke", case, *words)

    signer = open_home(houses.root / "authority").signer("party")
    act = open_act((houses.mail / "revoke.note").read_bytes(), signer.verifier)
    assert isinstance(act, Revocation)
    assert ("ab" * 32, "person-eligibility") == (act.access, act.cause)
    assert "revoked" == houses.json("authority", "grant", "list", case)[0]["state"]


@pytest.fixture
def door() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """A gateway's door that takes notes and remembers them; refuses revocations."""
    taken: list[tuple[str, bytes]] = []

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            taken_here = self.path.endswith("grants")
            self.send_response(201 if taken_here else 403)
            self.end_headers()
            self.wfile.write(b'{"index":7}' if taken_here else b'{"error":{"message":"seen"}}')

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", taken
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_grant_reaches_the_operator_over_http(houses: Houses, door: tuple[str, list[tuple[str, bytes]]]) -> None:
    """With --to the same signed note goes to the gateway's door; a refusal there is told, with what to do."""
    url, taken = door
    case = houses.open("Northwind Models")
    houses.agreed(case)
    words = ("--person", "evaluator-1", "--access", "ab" * 32, "--out", houses.at("grant.note"), "--to", url)

    given = houses.json("authority", "grant", "issue", case, *words)

    assert [(f"/a/{ID}/grants", (houses.mail / "grant.note").read_bytes())] == taken
    assert 7 == given["sent"]
    words = ("--grant", given["grant"], "--cause", "operational", "--to", url)
    assert "(403): seen. The signed note is kept" in houses.refused("authority", "grant", "revoke", case, *words)


def test_terms_of_others_do_not_enter_the_case(houses: Houses) -> None:
    """Terms between other sides, and another provider's offer, are refused and leave no entry."""
    case = houses.open("Aurelia AI")
    houses.offered()

    said = houses.refused("authority", "engagement", "receive", case, houses.at("access.json"))

    assert "the offer is by Northwind Models; the engagement is with Aurelia AI" in said
    assert 1 == len(houses.json("authority", "engagement", "show", case)["entries"])


def test_a_version_with_other_words_is_refused(houses: Houses) -> None:
    """Who has seen version 2 is not shown another version 2, however well signed."""
    case = houses.open("Northwind Models")
    houses.drafted(case)
    for name, calls in (("a", "250"), ("b", "300")):
        words = ("--set", f"budget.calls={calls}", "--out", houses.at(f"{name}.json"))
        result = houses.run("provider", "arrangement", "counter", houses.at("v1.json"), *words)

    assert 1 == result.exit_code
    assert "version 2 with other words is held already" in result.stderr


def test_ones_own_offer_is_not_ones_own_to_accept(houses: Houses) -> None:
    """An offer needs the other side."""
    houses.drafted(houses.open("Northwind Models"))

    said = houses.refused("provider", "arrangement", "accept", houses.at("v1.json"), "--out", houses.at("x.json"))

    assert "it is the other side's to accept" in said
    assert not (houses.mail / "x.json").exists()


def test_a_stranger_cannot_accept(houses: Houses) -> None:
    """A home whose key the terms do not name signs nothing."""
    houses.drafted(houses.open("Northwind Models"))
    stranger = ("--role", "authority", "--name", "Office for AI", "--host", "authority.example")
    houses.ok("stranger", "init", str(houses.root / "stranger"), *stranger)

    said = houses.refused("stranger", "arrangement", "accept", houses.at("v1.json"), "--out", houses.at("x.json"))

    assert "as the authority's key" in said


def test_terms_are_shown_and_compared(houses: Houses) -> None:
    """A contract is read in plain words or as JSON, and two versions are compared clause by clause."""
    houses.agreed(houses.open("Northwind Models"))

    contract = " ".join(houses.ok("authority", "arrangement", "show", houses.at("v2.json")).stdout.split())
    assert "In all, the Authority may make at most 300 calls, " in contract
    shown = houses.json("authority", "arrangement", "show", houses.at("agreed.json"))
    assert ["authority", "provider"] == shown["signed_by"]
    assert {"clause", "mark", "section", "sentence"} == set(shown["clauses"][0])
    compared = houses.json("authority", "arrangement", "diff", houses.at("v1.json"), houses.at("v2.json"))
    assert {"budget.calls", "version", "previous"} == {change["clause"] for change in compared["changes"]}
    text = houses.ok("authority", "arrangement", "diff", houses.at("v1.json"), houses.at("v2.json")).stdout
    assert "The Authority may make at most 300 calls in all, instead of 400: 100 fewer.\n" in text
    assert [["budget.calls"]] == [one["clauses"] for one in compared["explained"]]
    assert "7.1" in {one["number"] for one in shown["contract"]["provisions"]}


def test_an_authors_problems_come_with_file_and_line(houses: Houses) -> None:
    """`arrangement check` tells every problem at once, and exits with 1."""
    houses.write("bad.yaml", yaml.safe_dump({**OFFER, "surprise": 1, "title": ""}, sort_keys=False))

    said = houses.refused("provider", "arrangement", "check", "--part", houses.at("bad.yaml"))

    assert "bad.yaml:2: title: expected" in said
    assert "surprise: expected" in said
    result = houses.run("provider", "arrangement", "check", "--part", houses.at("bad.yaml"), "--json")
    assert ["title", "surprise"] == [problem["clause"] for problem in json.loads(result.stdout)["problems"]]
    assert "well formed" in houses.ok("provider", "arrangement", "check", "--part", houses.at("offer.yaml")).stdout


@pytest.mark.parametrize(
    "words",
    [
        ("engagement", "open", "--provider", "x"),
        ("engagement", "open", "--provider", "x", "--initiated-by", "chance", "--summary", "x"),
        ("arrangement", "counter", "missing.json", "--out", "x"),
        ("grant", "revoke", "x", "--grant", "y", "--cause", "boredom"),
        ("grant", "issue"),
    ],
)
def test_misuse_exits_with_2(houses: Houses, words: tuple[str, ...]) -> None:
    """A command that is wrongly put is told apart from one that is refused."""
    assert 2 == houses.run("authority", *words).exit_code


def test_an_unknown_engagement_is_refused_with_what_to_do(houses: Houses) -> None:
    """A name that fits no case leads to the list."""
    assert "'comity engagement list' shows each" in houses.refused("authority", "engagement", "show", "Nobody")


def test_terms_under_another_key_than_the_offers_are_refused(houses: Houses) -> None:
    """Whoever signed the access offer signs the terms: another key under the same name is not the provider."""
    case = houses.open("Northwind Models")
    houses.offered()
    houses.ok("authority", "engagement", "receive", case, houses.at("access.json"))
    imitator = ("--role", "provider", "--name", "Northwind Models", "--host", "provider.example")
    houses.ok("imitator", "init", str(houses.root / "imitator"), *imitator)
    url = ("--witness-url", "https://witness.provider.example")
    houses.ok("imitator", "key", "show", *url, "--out", houses.at("provider.card.json"))
    words = ("--offer", houses.at("offer.yaml"), *houses.cards(), "--out", houses.at("v1.json"))
    houses.ok("imitator", "arrangement", "draft", *words)

    said = houses.refused("authority", "engagement", "receive", case, houses.at("v1.json"))

    assert "another key for the provider than the one that signed its access offer" in said
    assert not (houses.root / "authority" / "arrangements").exists()


def test_a_closed_case_says_so(houses: Houses) -> None:
    """After the close nothing is added, and the list shows it."""
    case = houses.open("Aurelia AI")
    houses.ok("authority", "engagement", "close", case, "--because", "the talks ended")

    assert "was closed" in houses.refused("authority", "engagement", "meeting", case, "--on", "June", "--topic", "x")
    assert "closed" == houses.json("authority", "engagement", "list")[0]["stage"]
