"""Negotiating by command: comments on clauses, and a second person before a side signs."""

import json
from pathlib import Path

import pytest
from test_commands import Houses

from comity.arrangement import verify_offer


@pytest.fixture
def houses(tmp_path: Path) -> Houses:
    return Houses(tmp_path)


@pytest.fixture
def careful(houses: Houses) -> Houses:
    """An authority that signs with a second person's approval."""
    home = houses.root / "authority" / "comity.json"
    home.write_text(json.dumps({**json.loads(home.read_text()), "approvals": 1}))
    for person in ("counsel-1", "head-1"):
        houses.ok("authority", "key", "new", "person", person)
    return houses


def kinds(houses: Houses, case: str, who: str = "authority") -> list[str]:
    return [entry["kind"] for entry in houses.json(who, "engagement", "show", case)["entries"]]


def test_init_states_how_many_approve(tmp_path: Path) -> None:
    """The policy stands in the home from the first day, and a home without one has none."""
    words = ("--role", "authority", "--name", "X", "--host", "x.example", "--approvals", "1")
    Houses(tmp_path).ok("x", "init", str(tmp_path / "x"), *words)

    assert 1 == json.loads((tmp_path / "x" / "comity.json").read_text())["approvals"]
    assert "approvals" not in json.loads((tmp_path / "provider" / "comity.json").read_text())


def test_a_comment_goes_from_one_side_to_the_other(houses: Houses) -> None:
    """Signed by one, entered by both, and shown beside the clause."""
    case = houses.open("Northwind Models")
    houses.drafted(case)
    words = ("arrangement", "comment", houses.at("v1.json"), "--clause", "budget.calls")
    text = ("--text", "Is this enough for two runs?")
    houses.ok("authority", *words, *text, "--engagement", case, "--out", houses.at("comment.note"))
    own = (
        "engagement", "open", "--authority", "Office for AI", "--initiated-by", "authority", "--summary", "Access",
    )  # fmt: skip
    there = houses.json("provider", *own)["engagement"]
    received = ("arrangement", "receive-comment", houses.at("v1.json"), houses.at("comment.note"))
    said = houses.json("provider", *received, "--engagement", there)

    assert ("authority", "budget.calls") == (said["by"], said["clause"])
    assert "terms.commented" in kinds(houses, case)
    assert "terms.commented" in kinds(houses, there, "provider")
    assert "entered already" in houses.refused("provider", *received, "--engagement", there)
    for who, where in (("authority", case), ("provider", there)):
        shown = houses.ok(who, "arrangement", "show", houses.at("v1.json"), "--engagement", where).stdout
        assert "» Office for AI on budget.calls of version 1, " in shown
        assert shown.index("8.1 ") < shown.index("» Office for AI") < shown.index("8.2 ")
    assert "»" not in houses.ok("authority", "arrangement", "show", houses.at("v1.json")).stdout


def test_a_comment_stands_beside_the_difference(houses: Houses) -> None:
    """Whoever compares two versions reads what was said of the clause that changed."""
    case = houses.open("Northwind Models")
    houses.agreed(case)
    words = ("arrangement", "comment", houses.at("v1.json"), "--text", "A hundred fewer will do.", "--engagement", case)
    houses.ok("authority", *words, "--clause", "budget.calls")
    compared = ("arrangement", "diff", houses.at("v1.json"), houses.at("v2.json"), "--engagement", case)
    text = houses.ok("authority", *compared).stdout

    assert "100 fewer.\n    » Office for AI on budget.calls of version 1, " in text
    assert ["budget.calls"] == [remark["clause"] for remark in houses.json("authority", *compared)["remarks"]]


def test_an_own_remark_stays_at_home(houses: Houses) -> None:
    """It is in no entry of the case and in no file to hand over, and this side alone sees it beside the clause."""
    case = houses.open("Northwind Models")
    houses.drafted(case)
    before = kinds(houses, case)
    words = ("arrangement", "comment", houses.at("v1.json"), "--clause", "budget.calls", "--text", "We would take 200.")
    houses.ok("authority", *words, "--own", "--engagement", case)
    houses.ok("authority", *words, "--own", "--engagement", case)

    assert before == kinds(houses, case)
    ledgers = list((houses.root / "authority" / "engagements").rglob("*"))
    assert not any(b"We would take 200." in path.read_bytes() for path in ledgers if path.is_file())
    shown = houses.ok("authority", "arrangement", "show", houses.at("v1.json"), "--engagement", case).stdout
    assert 2 == shown.count("» own note on budget.calls of version 1, ")
    assert 2 == houses.run("authority", *words, "--own", "--out", houses.at("x.note"), "--engagement", case).exit_code
    assert 2 == houses.run("authority", *words).exit_code


def test_a_side_that_wants_two_persons_signs_only_what_the_second_approved(careful: Houses) -> None:
    """A counter-offer is written unsigned, approved by digest, and then signed by another person."""
    case = careful.open("Northwind Models")
    careful.drafted(case)
    words = ("arrangement", "counter", careful.at("v1.json"), "--set", "budget.calls=300")
    out = ("--out", careful.at("v2.json"))

    assert "say who signs with --as PERSON" in careful.refused("authority", *words, *out)
    assert "needs the approval of 1 other than counsel-1" in careful.refused(
        "authority", *words, *out, "--as", "counsel-1"
    )
    assert not (careful.mail / "v2.json").exists()
    unsigned = careful.json("authority", *words, "--unsigned", "--out", careful.at("v2.terms"))
    approval = ("arrangement", "approve", careful.at("v2.terms"), "--engagement", case, "--as")
    careful.ok("authority", *approval, "counsel-1")
    assert "counsel-1 signs, and so cannot approve" in careful.refused("authority", *words, *out, "--as", "counsel-1")
    careful.ok("authority", *approval, "head-1")
    careful.ok("authority", *words, *out, "--as", "counsel-1")

    signed = verify_offer((careful.mail / "v2.json").read_bytes())
    assert (("authority",), unsigned["digest"]) == (signed.signed_by, signed.terms.digest)
    approved = [
        entry
        for entry in careful.json("authority", "engagement", "show", case)["entries"]
        if entry["kind"] == "version.approved"
    ]
    assert [("counsel-1", signed.terms.digest), ("head-1", signed.terms.digest)] == [
        (entry["person"], entry["digest"]) for entry in approved
    ]


def test_an_approval_of_other_words_does_not_help(careful: Houses) -> None:
    """What was approved is a digest: another number is another version."""
    careful.drafted(careful.open("Northwind Models"))
    words = ("arrangement", "counter", careful.at("v1.json"), "--set")
    careful.ok("authority", *words, "budget.calls=300", "--unsigned", "--out", careful.at("v2.terms"))
    careful.ok("authority", "arrangement", "approve", careful.at("v2.terms"), "--as", "head-1")
    said = careful.refused(
        "authority", *words, "budget.calls=299", "--as", "counsel-1", "--out", careful.at("v2.json")
    )

    assert "head-1 approved digest" in said


def test_accepting_asks_for_the_second_person_too(careful: Houses) -> None:
    """An offer of the other side is signed only after it was approved."""
    careful.drafted(careful.open("Northwind Models"))
    words = ("arrangement", "accept", careful.at("v1.json"), "--as", "counsel-1", "--out", careful.at("agreed.json"))

    assert "needs the approval" in careful.refused("authority", *words)
    careful.ok("authority", "arrangement", "approve", careful.at("v1.json"), "--as", "head-1")
    careful.ok("authority", *words)
    assert ("authority", "provider") == verify_offer((careful.mail / "agreed.json").read_bytes()).signed_by


def test_a_revoked_person_neither_approves_nor_signs(careful: Houses) -> None:
    """An approval given before counts no longer either."""
    careful.drafted(careful.open("Northwind Models"))
    approval = ("arrangement", "approve", careful.at("v1.json"), "--as", "head-1")
    careful.ok("authority", *approval)
    careful.ok("authority", "key", "revoke", "person", "head-1", "--because", "left the office")
    words = ("arrangement", "accept", careful.at("v1.json"), "--out", careful.at("agreed.json"), "--as")

    assert "may approve no longer: left the office" in careful.refused("authority", *words, "counsel-1")
    assert "may sign and approve no longer" in careful.refused("authority", *approval)
    assert "may sign and approve no longer" in careful.refused("authority", *words, "head-1")


def test_a_person_may_keep_the_key_elsewhere(careful: Houses) -> None:
    """A key that is not in the home approves and signs from where it lies."""
    careful.drafted(careful.open("Northwind Models"))
    careful.ok("authority", "key", "new", "person", "counsel-2", "--out", careful.at("counsel-2.key"))
    careful.ok("authority", "arrangement", "approve", careful.at("v1.json"), "--as", "head-1")
    words = ("arrangement", "accept", careful.at("v1.json"), "--as", "counsel-2", "--out", careful.at("agreed.json"))

    assert "name its file" in careful.refused("authority", *words)
    careful.ok("authority", *words, "--person-key", careful.at("counsel-2.key"))
    assert not (careful.root / "authority" / "keys" / "persons" / "counsel-2").exists()


def test_who_is_not_listed_does_not_approve(careful: Houses) -> None:
    """A name needs a key, a key needs its name, and no name is taken twice."""
    careful.drafted(careful.open("Northwind Models"))
    approval = ("arrangement", "approve", careful.at("v1.json"), "--as")

    assert "no listed person" in careful.refused("authority", *approval, "nobody")
    key = str(careful.root / "authority" / "keys" / "persons" / "counsel-1")
    assert "is not the listed key of head-1" in careful.refused("authority", *approval, "head-1", "--key", key)
    assert "listed already" in careful.refused("authority", "key", "new", "person", "head-1")
    assert 2 == careful.run("authority", "key", "new", "person", "Jane Doe").exit_code
    assert 0o600 == (careful.root / "authority" / "keys" / "persons" / "head-1").stat().st_mode & 0o777
