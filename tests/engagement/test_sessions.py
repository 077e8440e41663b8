"""Access that is not a call: its status follows from what both sides entered and signed."""

from dataclasses import replace
from typing import Any

import pytest
from stories import ARRANGEMENT, Story

from comity.engagement import NotACase, SessionRefused
from comity.engagement.sessions import (
    Session,
    check_answer,
    hand_session,
    open_answer,
    open_session,
    read_sessions,
    sign_answer,
)
from comity.ledger import Signer, generate_key
from comity.records import (
    ItemCorrected,
    ItemWithdrawn,
    MeetingRecorded,
    SessionAnswered,
    SessionHeld,
    canonical_bytes,
    parse_canonical,
    to_bytes,
)

AUTHORITY: Signer = generate_key("ed25519", "authority.example", lambda count: b"\1" * count)
PROVIDER: Signer = generate_key("ed25519", "provider.example", lambda count: b"\2" * count)
KEYS = {ARRANGEMENT: {"authority": AUTHORITY.vkey, "provider": PROVIDER.vkey}}


class Reading(Story):
    """A case with an arrangement in force and one session of the authority's people."""

    def __init__(self) -> None:
        super().__init__()
        self.force()
        self.session = self.tell(
            SessionHeld, arrangement=ARRANGEMENT, by="authority", form="source-code", subject="nova-5",
            participants=("evaluator-1",), shown=("the sampler",), begin="2026-09-03T09:00:00.000Z",
            end="2026-09-03T11:30:00.000Z",
        )  # fmt: skip

    def answer(self, answer: str = "countersigned", *, because: str = "", signer: Signer | None = PROVIDER) -> str:
        """The provider answers the session as it reads now."""
        item = self.case().items[self.session]
        signature = sign_answer(item, answer, because, signer) if signer is not None else ""
        return self.tell(
            SessionAnswered, session=self.session, by="provider", answer=answer, digest=item.latest.digest,
            because=because, signature=signature,
        )  # fmt: skip

    def correct(self) -> str:
        """The authority corrects what was shown."""
        changes = (("shown", "the sampler", "the router"),)
        return self.tell(ItemCorrected, corrects=self.session, changes=changes, because="one file more")

    def read(self, **how: Any) -> Session:
        """The session as it stands."""
        return read_sessions(self.case(**how), KEYS)[0]


def test_a_session_waits_until_the_other_side_answers() -> None:
    """One side's word alone is entered, and no more."""
    story = Reading()
    assert ("entered", "", None) == (story.read().status, story.read().signed, story.read().answer)


@pytest.mark.parametrize(("answer", "because"), [("countersigned", ""), ("contested", "we showed two files")])
def test_the_other_side_countersigns_or_contests(answer: str, because: str) -> None:
    """The status is the answer, and without the answer's entry it is gone."""
    story = Reading()
    story.answer(answer, because=because)

    assert (answer, "signed") == (story.read().status, story.read().signed)
    assert [2, 3] == [entry.index for entry in story.read().entries]
    assert "entered" == story.read(leaving_out={3}).status


def test_a_correction_needs_another_answer() -> None:
    """What was countersigned is not what is read now; a second answer settles it."""
    story = Reading()
    story.answer()
    story.correct()
    assert "corrected" == story.read().status
    assert ("the sampler", "the router") == story.read().record.shown

    story.answer()
    assert ("countersigned", "signed") == (story.read().status, story.read().signed)


def test_the_newest_answer_counts() -> None:
    """A side that contested first may countersign later."""
    story = Reading()
    story.answer("contested", because="a mistake of ours")
    story.answer(signer=None)
    seen = story.read()
    assert ("countersigned", "on paper") == (seen.status, seen.signed)
    assert seen.answer is not None and "" == seen.answer.because


def test_an_answer_by_another_key_counts_for_nothing() -> None:
    """The authority cannot countersign its own session in the provider's name."""
    story = Reading()
    story.answer(signer=AUTHORITY)
    assert ("entered", "wrong") == (story.read().status, story.read().signed)


def test_an_answer_is_bound_to_what_it_says() -> None:
    """A countersignature does not become a contest, nor cover another reason or another session."""
    story = Reading()
    story.answer(because="as stated")
    record = story.records[-1]
    assert isinstance(record, SessionAnswered)
    session = story.read().record

    assert "signed" == check_answer(record, session, KEYS)
    others: list[dict[str, Any]] = [
        {"answer": "contested"}, {"because": "otherwise"}, {"digest": "0" * 64}, {"session": "0" * 32},
    ]  # fmt: skip
    for other in others:
        changed = SessionAnswered.from_members(record.members() | other)
        assert "wrong" == check_answer(changed, session, KEYS), other
    assert "wrong" == check_answer(record, SessionHeld.from_members(session.members() | {"arrangement": "b" * 32}),
                                   {"b" * 32: KEYS[ARRANGEMENT]})  # fmt: skip


def test_an_answer_on_paper_and_one_that_nobody_can_check_are_told_apart() -> None:
    """Both count, and neither is shown as signed."""
    paper, unknown = Reading(), Reading()
    paper.answer(signer=None)
    unknown.answer()

    assert ("countersigned", "on paper") == (paper.read().status, paper.read().signed)
    seen = read_sessions(unknown.case(), {})[0]
    assert ("countersigned", "not checked") == (seen.status, seen.signed)


def test_a_withdrawn_session_is_none() -> None:
    """What was entered in error does not count."""
    story = Reading()
    story.tell(ItemWithdrawn, withdraws=story.session, because="entered twice")
    assert () == read_sessions(story.case(), KEYS)


def test_nobody_answers_their_own_session() -> None:
    """The answer is the other side's."""
    story = Reading()
    item = story.case().items[story.session]
    story.tell(
        SessionAnswered, session=story.session, by="authority", answer="countersigned", digest=item.latest.digest
    )
    with pytest.raises(NotACase, match="expected the other side's answer; the authority entered the session"):
        story.case()


def test_a_session_travels_as_a_file() -> None:
    """The other house gets the same entries, corrections too, signed by the side that entered them."""
    story = Reading()
    story.correct()
    records = open_session(hand_session(story.case(), story.session, AUTHORITY), KEYS)

    assert [to_bytes(story.records[2]), to_bytes(story.records[3])] == [to_bytes(record) for record in records]


def test_a_session_of_another_hand_or_with_another_word_is_refused() -> None:
    """A file that somebody else signed, or changed on the way, is not taken in."""
    story = Reading()
    story.correct()
    with pytest.raises(SessionRefused, match="the authority did not sign this session"):
        open_session(hand_session(story.case(), story.session, PROVIDER), KEYS)
    envelope = hand_session(story.case(), story.session, AUTHORITY)
    shorter = parse_canonical(envelope, limit=1_000_000)
    shorter["entries"] = shorter["entries"][:1]
    with pytest.raises(SessionRefused, match="over other entries than the file carries"):
        open_session(canonical_bytes(shorter), KEYS)
    with pytest.raises(SessionRefused, match="expected canonical JSON"):
        open_session(envelope + b" ", KEYS)
    first = parse_canonical(envelope, limit=1_000_000)["entries"][0]
    others = (to_bytes(story.records[2]), to_bytes(_other_correction(story)))
    for other in others:
        text = parse_canonical(envelope, limit=1_000_000)
        text["entries"] = [first, other.decode()]
        with pytest.raises(SessionRefused, match="expected corrections of the session"):
            open_session(canonical_bytes(text), KEYS)
    with pytest.raises(SessionRefused, match="the terms are not held here"):
        open_session(envelope, {})
    with pytest.raises(SessionRefused, match="expected a session to hand over"):
        hand_session(story.case(), story.records[0].members()["item"], AUTHORITY)


def _other_correction(story: Reading) -> ItemCorrected:
    """A correction of something else."""
    correction = story.records[3]
    assert isinstance(correction, ItemCorrected)
    return ItemCorrected.from_members(correction.members() | {"corrects": "0" * 32})


@pytest.mark.parametrize(
    "envelope",
    [
        b"", b"{}", b'{"entries":[],"format":"comity session/1","note":""}',
        b'{"entries":["x"],"format":"comity session/1","note":""}',
        b'{"entries":["x"],"format":"comity session/1","note":1}',
        b'{"entries":1,"format":"comity session/1","note":""}',
    ],
)  # fmt: skip
def test_a_file_that_is_no_session_is_refused(envelope: bytes) -> None:
    """Whatever the bytes are, the answer is one error."""
    with pytest.raises(SessionRefused):
        open_session(envelope, KEYS)


def test_an_answer_is_taken_in_only_with_the_other_sides_signature() -> None:
    """An answer that is unsigned, another key's, or about no session of the case is refused."""
    story = Reading()
    story.answer()
    answer = story.records.pop()
    case = story.case()
    assert isinstance(answer, SessionAnswered)

    assert answer == open_answer(to_bytes(answer), case, KEYS)
    unsigned = SessionAnswered.from_members(answer.members() | {"signature": ""})
    elsewhere = SessionAnswered.from_members(answer.members() | {"session": "0" * 32})
    for entry, keys, said in (
        (to_bytes(unsigned), KEYS, "it bears none"),
        (to_bytes(answer), {}, "the party key of the provider is not at hand"),
        (to_bytes(answer), {ARRANGEMENT: {"provider": AUTHORITY.vkey}}, "another key's"),
        (to_bytes(elsewhere), KEYS, "expected an answer to a session of this case"),
        (to_bytes(story.records[0]), KEYS, "expected a session.answered"),
        (b"{}", KEYS, "expected an entry of a case"),
    ):
        with pytest.raises(SessionRefused, match=said):
            open_answer(entry, case, keys)


def test_only_a_session_can_be_answered() -> None:
    """A signature over something else is not made."""
    story = Reading()
    meeting = story.tell(MeetingRecorded, form="remote", count="1")
    with pytest.raises(SessionRefused, match="expected a session to answer"):
        sign_answer(replace(story.case().items[meeting]), "countersigned", "", PROVIDER)
