"""Citations: what is evidence, what is a word, and which entries of other ledgers are looked up."""

from collections.abc import Iterator
from typing import Any

import pytest
from dossier import ACCESS, Dossier, at_hand, signed

from comity.engagement.citations import NOTHING, cited_by, follow, shelve, wanted
from comity.records import InformationAnswered, InformationRequested, ItemWithdrawn, MessageExchanged

OTHER = f"operator.example/a/{'c' * 32}"


def state(story: Dossier, name: str) -> str:
    return follow(story.case(), name, NOTHING).state


def test_an_item_is_as_good_as_its_documents() -> None:
    """A message alone is a word; with a file that stands it can be looked at."""
    story = Dossier()
    bare = story.tell(MessageExchanged, by="provider", to=("authority",), subject="s", summary="s")
    assert "word" == state(story, bare)
    story.document(to=bare)

    assert "evidence" == state(story, bare)
    assert 2 == len(follow(story.case(), bare, NOTHING).entries)


def test_what_was_entered_as_unconfirmed_is_a_word_with_all_that_belongs_to_it() -> None:
    """An unconfirmed message makes its file no better, and an unconfirmed file its message."""
    story = Dossier()
    members = {"by": "provider", "to": ("authority",), "subject": "s", "summary": "s"}
    message = story.tell(MessageExchanged, confidence="unconfirmed", source="a paper", **members)
    paper = story.document(to=message)
    plain = story.tell(MessageExchanged, **members)
    story.document(to=plain, confidence="unconfirmed", source="a paper")

    assert {"word"} == {state(story, name) for name in (message, paper, plain)}


def test_an_answer_that_names_documents_shows_them() -> None:
    """The answer to an information request, item by item, with the files that it names."""
    story = Dossier()
    words = {"legal_basis": "Art. 91", "purpose": "p", "fines_notice": "f", "until": "2026-12-01"}
    request = story.tell(InformationRequested, addressee="provider", asked=("compute", "energy"), **words)
    paper = story.document()
    answer: dict[str, Any] = {"request": request, "by": "provider", "summary": "s"}
    shown = story.tell(InformationAnswered, answers=(("1", "supplied", "see there", paper),), **answer)
    bare = story.tell(InformationAnswered, answers=(("2", "supplied", paper),), **answer)
    rumour = {"confidence": "unconfirmed", "source": "a paper", "answers": (("2", "supplied", "there", paper),)}
    unsure = story.tell(InformationAnswered, **answer | rumour)

    assert ["evidence", "word", "word"] == [state(story, name) for name in (shown, bare, unsure)]
    assert follow(story.case(), shown, NOTHING).from_provider


def test_a_withdrawn_item_is_gone_with_its_documents() -> None:
    """What belongs to a withdrawn item shows nothing; neither does an id that leads nowhere."""
    story = Dossier()
    claim = story.claim()
    paper = story.document(to=claim)
    story.tell(ItemWithdrawn, withdraws=claim, because="b")

    assert {"gone"} == {state(story, name) for name in (claim, paper)}
    assert "gone" == state(story, "9" * 32)


def test_who_supplied_a_document_is_whose_item_it_belongs_to() -> None:
    """The provider's, the authority's, or nobody's where the item does not say."""
    story = Dossier()
    theirs, ours = story.document(), story.document(by="authority")
    nobodys = story.document(to=story.case().opened.id)
    case = story.case()

    assert [True, False, False] == [follow(case, name, NOTHING).from_provider for name in (theirs, ours, nobodys)]


def test_only_cited_entries_of_cited_ledgers_are_read() -> None:
    """The last cited one is among them; nothing after it and no other ledger is touched."""
    story = Dossier()
    claim = story.claim()
    story.support(claim, f"{ACCESS}#1", f"{ACCESS}#3")

    def few() -> Iterator[bytes]:
        for _ in range(4):
            yield signed()
        pytest.fail("read beyond the last entry that is cited")

    def none() -> Iterator[bytes]:
        pytest.fail("read a ledger that nothing cites")
        yield b""

    shelf = shelve(story.case(), [(ACCESS, few()), (OTHER, none())])
    assert {ACCESS: {1, 3}} == wanted(story.case())
    assert {ACCESS: [1, 3]} == {origin: sorted(held) for origin, held in shelf.items()}


def test_an_item_cites_what_it_names_and_what_belongs_to_it_once() -> None:
    """A document that is attached and cited counts once."""
    story = Dossier()
    claim = story.claim()
    paper = story.document()
    support = story.support(claim, paper)
    own = story.document(to=support)
    story.check(claim, "upheld", own)
    case = story.case()

    assert [paper, own] == [one.name for one in cited_by(case, case.items[support], at_hand())]
