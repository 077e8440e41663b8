"""The contract's commands: the pages, and a signature made elsewhere over them."""

import json
from pathlib import Path

import pytest
from signing import CHECKED, authority, sign, signer
from test_commands import Houses

from comity.arrangement import verify_offer
from comity.records import instant_text

AT = instant_text(CHECKED)


@pytest.fixture
def houses(tmp_path: Path) -> Houses:
    return Houses(tmp_path)


def signed(houses: Houses, *names: str) -> tuple[str, ...]:
    """An agreed arrangement in the mail, its contract with a signature for each name, and the root they lead to."""
    houses.ok("authority", "arrangement", "contract", houses.at("agreed.json"), "--out", houses.at("contract.pdf"))
    pdf = (houses.mail / "contract.pdf").read_bytes()
    for number, name in enumerate(names, 1):
        pdf = sign(pdf, signer(name), f"Signature{number}")
    (houses.mail / "signed.pdf").write_bytes(pdf)
    (houses.mail / "root.pem").write_bytes(authority().pem)
    trust = ("--trust", houses.at("root.pem"), "--at", AT)
    return ("arrangement", "sign", houses.at("agreed.json"), "--with", houses.at("signed.pdf"), *trust)


def test_both_sides_write_the_same_pages(houses: Houses) -> None:
    """The contract is the same file in either home, made from what both hold."""
    houses.agreed(houses.open("Northwind Models"))
    words = ("arrangement", "contract", houses.at("agreed.json"), "--out")
    one = houses.json("authority", *words, houses.at("a.pdf"))
    other = houses.json("provider", *words, houses.at("b.pdf"))

    assert one["pdf"] == other["pdf"]
    assert (houses.mail / "a.pdf").read_bytes() == (houses.mail / "b.pdf").read_bytes()


def test_an_outside_signature_is_kept_beside_the_machine_signatures(houses: Houses) -> None:
    """The facts are shown, the file is kept, the entry names no person, and the envelope stays as it was."""
    case = houses.open("Northwind Models")
    houses.agreed(case)
    envelope = (houses.mail / "agreed.json").read_bytes()
    words = signed(houses, "Ada Officer")
    told = houses.json("authority", *words, "--engagement", case)

    digest = verify_offer(envelope).terms.digest
    assert digest == told["digest"]
    assert ("authority", True, "yes") == tuple(told["signatures"][0][name] for name in ("role", "trusted", "intact"))
    assert (houses.mail / "signed.pdf").read_bytes() == (houses.root / "authority" / told["kept"]).read_bytes()
    assert envelope == (houses.root / "authority" / "arrangements" / told["arrangement"] / "terms-2.json").read_bytes()
    (entry,) = (
        entry
        for entry in houses.json("authority", "engagement", "show", case)["entries"]
        if entry["kind"] == "contract.signed"
    )
    assert (digest, told["file"], "authority", "no") == (
        entry["digest"], entry["file"], entry["role"], entry["stamped"],
    )  # fmt: skip
    assert "advanced; qualified is not established offline" == entry["level"]
    assert "Ada" not in json.dumps(entry)
    shown = houses.ok("authority", "arrangement", "show", houses.at("agreed.json"), "--engagement", case).stdout
    assert "advanced; qualified is not established offline; no information in the file" in " ".join(shown.split())
    assert "entered in the case already" in houses.refused("authority", *words, "--engagement", case)


def test_the_facts_are_told_line_by_line(houses: Houses) -> None:
    """People read what was established, and what was not."""
    houses.agreed(houses.open("Northwind Models"))
    text = houses.ok("authority", *signed(houses, "Ada Officer")).stdout

    for line in ("intact      yes", "covers      the whole file", "revoked     no information in the file"):
        assert f"   {line}\n" in text
    assert "Ada Officer" in text
    assert "it stands beside the machine signatures and replaces none" in text


def test_each_of_two_signatures_is_somebodys(houses: Houses) -> None:
    """Who signed for whom is stated, and not guessed."""
    case = houses.open("Northwind Models")
    houses.agreed(case)
    words = signed(houses, "Ada Officer", "Bo Counsel")

    assert "name with --signer whose each of them is" in houses.refused("authority", *words)
    told = houses.json(
        "authority", *words, "--signer", "authority", "--signer", "provider", "--engagement", case
    )
    assert ["authority", "provider"] == [one["role"] for one in told["signatures"]]
    assert 2 == len(told["entries"])


def test_a_signature_over_another_version_is_not_kept(houses: Houses) -> None:
    """The pages have to be those of the terms that are named; the refusal says what is wrong, and nothing is kept."""
    houses.agreed(houses.open("Northwind Models"))
    words = list(signed(houses, "Ada Officer"))
    words[2] = houses.at("v1.json")
    said = houses.refused("authority", *words)

    assert "does not begin with the contract that these terms render to" in said
    assert not list((houses.root / "authority" / "arrangements").glob("*/*.pdf"))
