"""Approvals: a side that wants two persons signs nothing that one person alone has seen."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from specimen import seeded, terms

from comity.arrangement import ApprovalMissing, ApprovalRefused
from comity.arrangement.approvals import (
    Approver,
    approve,
    approved_by,
    check_approvals,
    parse_persons,
    persons_bytes,
)
from comity.ledger import generate_key

KEYS = {
    name: generate_key("ed25519", f"authority.example/person/{name}", seeded(number))
    for number, name in enumerate(("counsel-1", "counsel-2", "head-1", "stranger"), 20)
}
PERSONS = tuple(Approver(person=name, key=KEYS[name].vkey) for name in ("counsel-1", "counsel-2", "head-1"))


def by(*names: str) -> list[bytes]:
    return [approve(terms(), KEYS[name]) for name in names]


def test_a_second_persons_approval_lets_the_first_sign() -> None:
    """Counsel signs what the head has approved."""
    assert ("head-1",) == check_approvals(terms(), by("head-1"), PERSONS, signer="counsel-1", needed=1)
    assert ("counsel-2", "head-1") == check_approvals(
        terms(), by("counsel-2", "head-1"), PERSONS, signer="counsel-1", needed=2
    )


def test_without_an_approval_nothing_is_signed() -> None:
    """The refusal names the version, the digest, and how an approval is given."""
    with pytest.raises(ApprovalMissing) as caught:
        check_approvals(terms(), (), PERSONS, signer="counsel-1", needed=1)

    assert f"version 1 with digest {terms().digest} needs the approval of 1 other than counsel-1; got 0" in str(
        caught.value
    )
    assert "comity arrangement approve" in str(caught.value)


def test_the_same_person_twice_is_one_person() -> None:
    """Who signs cannot approve as the second, and two approvals by one person are one."""
    with pytest.raises(ApprovalMissing, match="counsel-1 signs, and so cannot approve as the second person"):
        check_approvals(terms(), by("counsel-1"), PERSONS, signer="counsel-1", needed=1)
    with pytest.raises(ApprovalMissing, match="got 1"):
        check_approvals(terms(), by("head-1", "head-1"), PERSONS, signer="counsel-1", needed=2)


def test_an_approval_of_another_digest_does_not_count() -> None:
    """One changed number asks for a new approval."""
    other = terms("budget.calls", 399)

    with pytest.raises(ApprovalMissing, match=f"head-1 approved digest {other.digest}, and not version 1"):
        check_approvals(terms(), [approve(other, KEYS["head-1"])], PERSONS, signer="counsel-1", needed=1)


def test_a_revoked_persons_approval_does_not_count() -> None:
    """Neither a new one nor one that was given before."""
    left = (*PERSONS[:2], Approver(person="head-1", key=KEYS["head-1"].vkey, revoked="left the office"))

    with pytest.raises(ApprovalMissing, match="head-1 may approve no longer: left the office"):
        check_approvals(terms(), by("head-1"), left, signer="counsel-1", needed=1)
    assert ("counsel-2",) == check_approvals(
        terms(), by("head-1", "counsel-2"), left, signer="counsel-1", needed=1
    )


def test_a_strangers_approval_does_not_count() -> None:
    """Only listed keys approve."""
    with pytest.raises(ApprovalMissing, match="signed by a listed person"):
        check_approvals(terms(), by("stranger"), PERSONS, signer="counsel-1", needed=1)


def test_the_list_of_persons_is_kept_as_it_was_read() -> None:
    """What is written is read back; a person or a key that stands twice is refused."""
    assert PERSONS == parse_persons(persons_bytes(PERSONS))
    for double in (
        Approver(person="head-1", key=KEYS["stranger"].vkey),
        Approver(person="other", key=KEYS["head-1"].vkey),
    ):
        with pytest.raises(ApprovalRefused, match="once"):
            parse_persons(persons_bytes((*PERSONS, double)))


@pytest.mark.parametrize(
    "source",
    [
        b"", b"[]", b"{}", b'{"format":"comity persons/1"}', b'{"format":"comity persons/1","persons":[{}]}',
        b'{"format":"comity persons/1","persons":[{"person":1,"key":"x","revoked":""}]}',
        b'{"format":"comity persons/1","persons":[{"person":"a","key":"x","revoked":""}]}',
        b'{"format":"other","persons":[]}', b"x" * 200_000, b"[" * 60_000,
    ],
)  # fmt: skip
def test_what_is_no_list_of_persons_is_refused(source: bytes) -> None:
    """A list that cannot be read lets nobody approve."""
    with pytest.raises(ApprovalRefused):
        parse_persons(source)


@given(st.binary(max_size=200) | st.binary(max_size=8).map(lambda extra: by("head-1")[0] + extra))
def test_reading_an_approval_is_total(note: bytes) -> None:
    """Any bytes are a listed person's approval of these terms or are refused."""
    try:
        person = approved_by(note, terms(), PERSONS)
    except ApprovalRefused:
        return

    assert "head-1" == person.person


def test_the_list_is_plain_json() -> None:
    """Another program can read who may approve."""
    assert {"format", "persons"} == set(json.loads(persons_bytes(PERSONS)))
