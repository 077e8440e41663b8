"""Amending by command, in a case: access goes on under the version in force until both sides agree the next."""

import json
from pathlib import Path

import pytest
from test_commands import Houses

from comity.arrangement import verify_offer


@pytest.fixture
def houses(tmp_path: Path) -> Houses:
    return Houses(tmp_path)


def stage(houses: Houses) -> str:
    return str(houses.json("authority", "engagement", "list")[0]["stage"])


def test_an_amendment_is_offered_and_agreed_while_access_goes_on(houses: Houses) -> None:
    """The case stays in access, its version in force changes with the second signature, and the chain is kept."""
    case = houses.open("Northwind Models", "provider")
    houses.agreed(case)
    assert "access" == stage(houses)
    words = ("--set", "budget.calls=350", "--set", "people[evaluator-2]=expert", "--engagement", case)
    made = houses.json(
        "authority", "arrangement", "amend", houses.at("agreed.json"), *words, "--out", houses.at("v3.json")
    )

    agreed = verify_offer(Path(houses.at("agreed.json")).read_bytes()).terms
    assert (3, agreed.digest, ["authority"]) == (made["version"], made["previous"], made["signed_by"])
    assert "access" == stage(houses)
    grant = ("grant", "issue", case, "--person", "evaluator-2", "--access", "ab" * 32)
    assert "not among the people" in houses.refused("authority", *grant)

    houses.ok("provider", "arrangement", "accept", houses.at("v3.json"), "--out", houses.at("v3.json"))
    houses.ok("authority", "engagement", "receive", case, houses.at("v3.json"))
    assert "access" == stage(houses)
    houses.ok("authority", *grant)
    kinds = [entry["kind"] for entry in houses.json("authority", "engagement", "show", case)["entries"]]
    assert 2 == kinds.count("arrangement.in_force")


def test_an_offer_is_not_amended(houses: Houses) -> None:
    """What one side signed is answered with a counter-offer; an amendment needs both signatures before it."""
    case = houses.open("Northwind Models", "provider")
    houses.drafted(case)
    words = ("arrangement", "amend", houses.at("v1.json"), "--set", "budget.calls=350", "--out", houses.at("x.json"))

    assert "answer an offer with 'arrangement counter'" in houses.refused("authority", *words)
    assert 2 == houses.run("authority", *words[:3], "--out", houses.at("x.json")).exit_code
    assert not Path(houses.at("x.json")).exists()


def test_a_side_that_asks_for_approvals_asks_for_them_here_too(houses: Houses) -> None:
    """An amendment binds as the first version did, so a second person looks at it as well."""
    case = houses.open("Northwind Models", "provider")
    houses.agreed(case)
    home = houses.root / "authority" / "comity.json"
    home.write_text(json.dumps({**json.loads(home.read_text()), "approvals": 1}))
    houses.ok("authority", "key", "new", "person", "counsel-1")
    words = ("--set", "title=Other", "--as", "counsel-1", "--out", houses.at("v3.json"))

    said = houses.refused("authority", "arrangement", "amend", houses.at("agreed.json"), *words)
    assert "approv" in said
    assert not Path(houses.at("v3.json")).exists()

    houses.ok("authority", "key", "new", "person", "head-1")
    draft = ("--set", "title=Other", "--unsigned", "--out", houses.at("draft.json"))
    houses.ok("authority", "arrangement", "amend", houses.at("agreed.json"), *draft)
    houses.ok("authority", "arrangement", "approve", houses.at("draft.json"), "--as", "head-1")
    houses.ok("authority", "arrangement", "amend", houses.at("agreed.json"), *words)
    assert ("authority",) == verify_offer(Path(houses.at("v3.json")).read_bytes()).signed_by
