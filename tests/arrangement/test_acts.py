"""Acts: one party's decision, for one ledger, once."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from specimen import AUTHORITY, ORIGIN, PROVIDER, STRANGER, terms

from comity.arrangement import (
    CAUSES,
    Act,
    ActRefused,
    Exit,
    Grant,
    Resumption,
    Revocation,
    Stop,
    Suspension,
    exit_text,
    grant_text,
    open_act,
    resume_text,
    revoke_text,
    sign_act,
    stop_text,
    suspend_text,
)
from comity.ledger import Note, format_note

NONCE = "00112233445566778899aabbccddeeff"
ACCESS = "ab" * 32
UNTIL = datetime(2026, 12, 1, tzinfo=UTC)


def grant(person: str = "evaluator-1", access: str = ACCESS, nonce: str = NONCE) -> str:
    return grant_text(
        ledger=ORIGIN, arrangement=terms().digest, person=person, access=access, expires=UNTIL, nonce=nonce
    )


def test_each_act_is_read_back_as_it_was_signed() -> None:
    """What a party signs is what the other side's machine executes."""
    digest, key = terms().digest, AUTHORITY.vkey
    acts: dict[str, Act] = {
        grant(): Grant(
            ledger=ORIGIN, arrangement=digest, person="evaluator-1", access=ACCESS, expires=UNTIL, nonce=NONCE, by=key
        ),
        revoke_text(ledger=ORIGIN, access=ACCESS, cause="operational", nonce=NONCE): Revocation(
            ledger=ORIGIN, access=ACCESS, cause="operational", nonce=NONCE, by=key
        ),
        stop_text(ledger=ORIGIN, cause="containment", nonce=NONCE): Stop(
            ledger=ORIGIN, cause="containment", nonce=NONCE, by=key
        ),
        suspend_text(ledger=ORIGIN, cause="person-eligibility", nonce=NONCE): Suspension(
            ledger=ORIGIN, cause="person-eligibility", nonce=NONCE, by=key
        ),
        resume_text(ledger=ORIGIN, cause="containment", nonce=NONCE): Resumption(
            ledger=ORIGIN, cause="containment", nonce=NONCE, by=key
        ),
    }
    acts[exit_text(ledger=ORIGIN, cause="unstated", effective=UNTIL, nonce=NONCE)] = Exit(
        ledger=ORIGIN, cause="unstated", effective=UNTIL, nonce=NONCE, by=key
    )
    for text, act in acts.items():
        assert act == open_act(sign_act(text, AUTHORITY), AUTHORITY.verifier)


@pytest.mark.parametrize(("kind", "text"), [("stop", stop_text), ("suspend", suspend_text), ("resume", resume_text)])
def test_the_text_of_a_stop_is_four_lines(kind: str, text: Callable[..., str]) -> None:
    """The bytes of an act are fixed: another implementation writes the same."""
    assert f"comity {kind}/1\n{ORIGIN}\nlegal-order\n{NONCE}\n" == text(ledger=ORIGIN, cause="legal-order", nonce=NONCE)


def test_of_several_parties_the_act_says_whose_it_is() -> None:
    """Where either side may stop, the act names the key of the one that did."""
    note = sign_act(stop_text(ledger=ORIGIN, cause="operational", nonce=NONCE), PROVIDER)

    assert PROVIDER.vkey == open_act(note, AUTHORITY.verifier, PROVIDER.verifier).by


def test_an_act_by_another_key_is_refused() -> None:
    """A stranger's act is none, even under a party's name."""
    note = sign_act(stop_text(ledger=ORIGIN, cause="operational", nonce=NONCE), STRANGER)

    with pytest.raises(ActRefused, match=r"expected a note signed by authority\.example"):
        open_act(note, AUTHORITY.verifier)


def test_an_act_has_one_signature() -> None:
    """Two signatures leave open whose act it is, so there is none."""
    text = stop_text(ledger=ORIGIN, cause="operational", nonce=NONCE)
    both = format_note(Note(text=text, signatures=(AUTHORITY.sign_note(text), PROVIDER.sign_note(text))))

    with pytest.raises(ActRefused, match="expected one signature; got 2"):
        open_act(both, AUTHORITY.verifier, PROVIDER.verifier)
    with pytest.raises(ActRefused, match="expected one signature; got 2"):
        open_act(both, AUTHORITY.verifier)


@pytest.mark.parametrize(
    "text",
    [
        "comity stop/2\nx\n",
        "comity arrangement/1\nx\n",
        f"comity stop/1\n{ORIGIN}\noperational\n",
        f"comity stop/1\n{ORIGIN}\nboredom\n{NONCE}\n",
        f"comity stop/1\n{ORIGIN}\noperational\n{NONCE}\nmore\n",
        f"comity stop/1\n\n{ORIGIN}\noperational\n{NONCE}\n",
        f"comity stop/1\nelsewhere\noperational\n{NONCE}\n",
        f"comity stop/1\n{ORIGIN}\noperational\n{NONCE.upper()}\n",
        f"comity stop/1\n{ORIGIN}\nunstated\n{NONCE}\n",
        f"comity exit/1\n{ORIGIN}\noperational\n2026-12-01T00:00:00.001Z\n{NONCE}\n",
        f"comity exit/1\n{ORIGIN}\noperational\n2026-12-01\n{NONCE}\n",
        f"comity exit/1\n{ORIGIN}\nboredom\n2026-12-01T00:00:00.000Z\n{NONCE}\n",
        grant().replace("2026-12-01T00:00:00.000Z", "tomorrow"),
        grant().replace("2026-12-01T00:00:00.000Z", "2026-12-01T00:00:00Z"),
    ],
)
def test_an_act_in_another_form_is_refused(text: str) -> None:
    """A good signature does not make good a line that is missing, added or misspelt."""
    with pytest.raises(ActRefused):
        open_act(sign_act(text, AUTHORITY), AUTHORITY.verifier)


@pytest.mark.parametrize(("person", "access", "nonce"), [("a b", ACCESS, NONCE), ("a", "12", NONCE), ("a", ACCESS, "")])
def test_an_act_that_could_not_be_read_is_not_written(person: str, access: str, nonce: str) -> None:
    """A field outside its form, such as one that would add a line, is refused before signing."""
    with pytest.raises(ActRefused):
        grant(person=person, access=access, nonce=nonce)
    with pytest.raises(ActRefused):
        grant(person="a\nb")


def test_every_cause_has_its_meaning() -> None:
    """Both sides count stops by the same few causes."""
    assert {
        "containment",
        "security-incident",
        "legal-order",
        "terms-breach",
        "operational",
        "person-eligibility",
        "third-party-suspension",
        "cause-ended",
        "purpose-met",
        "model-withdrawn",
        "no-agreement",
    } == set(CAUSES)


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: f"comity stop/1\n{text}\n".encode()))
@settings(max_examples=200, deadline=None)
def test_the_reader_of_acts_is_total(note: bytes) -> None:
    """Whatever the bytes, an act is read or refused, nothing else."""
    with pytest.raises(ActRefused):
        open_act(note, AUTHORITY.verifier)


@given(st.lists(st.text(alphabet=st.characters(min_codepoint=32, exclude_categories=["Cs"]), max_size=40), max_size=8))
@settings(max_examples=100, deadline=None)
def test_signed_lines_of_any_content_are_read_or_refused(lines: list[str]) -> None:
    """Even a text that the party itself signed escapes with no other error."""
    text = "".join(f"{line}\n" for line in ["comity grant/1", *lines])
    try:
        open_act(sign_act(text, AUTHORITY), AUTHORITY.verifier)
    except ActRefused:
        pass
