"""Comments: one side's words on a clause of one version, signed and handed over."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from specimen import AUTHORITY, PROVIDER, STRANGER, terms

from comity.arrangement import CommentRefused
from comity.arrangement.comments import MAX_COMMENT, check_clause, open_comment, sign_comment

ITEM = "ab" * 16


def note(text: str = "Too many for the first week.", clause: str = "budget.calls", signer: object = PROVIDER) -> bytes:
    return sign_comment(terms(), clause=clause, item=ITEM, text=text, signer=signer)  # type: ignore[arg-type]


def test_a_comment_says_who_said_what_of_which_clause() -> None:
    """The version, the clause, the words and the side come out as they went in."""
    said = open_comment(note(), terms())

    assert ("provider", "budget.calls", ITEM, "Too many for the first week.") == (
        said.by, said.clause, said.item, said.text,
    )  # fmt: skip
    assert (terms().id, 1, terms().digest) == (said.arrangement, said.version, said.digest)
    assert "authority" == open_comment(note(signer=AUTHORITY), terms()).by


def test_a_comment_on_one_version_is_none_on_another() -> None:
    """Whoever reads it needs the version that it is about."""
    with pytest.raises(CommentRefused, match=f"on terms with digest {terms().digest}"):
        open_comment(note(), terms("budget.calls", 399))


def test_a_comment_is_a_partys() -> None:
    """Nobody else signs one, and a stranger's is not read."""
    with pytest.raises(CommentRefused, match="not a party key"):
        note(signer=STRANGER)
    with pytest.raises(CommentRefused, match="signed by a party"):
        open_comment(note(), terms("parties.provider.key", STRANGER.vkey))


@pytest.mark.parametrize("clause", ["budget.calls", "models[gemma-3-270m].max_output", "features.logprobs", "title"])
def test_a_clause_is_called_as_everywhere(clause: str) -> None:
    """Its name, an item's in brackets."""
    assert clause == check_clause(clause)
    assert clause == open_comment(note(clause=clause), terms()).clause


@pytest.mark.parametrize("clause", ["", "budget", "budget.joy", "models[x", "budget.calls\n", "[x]"])
def test_a_clause_that_is_none_is_refused(clause: str) -> None:
    """A comment hangs on something that terms can say."""
    with pytest.raises(CommentRefused, match="expected a clause"):
        note(clause=clause)


@pytest.mark.parametrize("text", ["", "  ", "two\nlines", "bell\x07", "x" * (MAX_COMMENT + 1)])
def test_a_comment_is_one_line_that_can_be_printed(text: str) -> None:
    """What would not show, or would not fit, is not said."""
    with pytest.raises(CommentRefused, match="printable characters in one line"):
        note(text)


def test_a_comment_has_an_id_of_its_own() -> None:
    """Without it the same comment could be entered twice."""
    with pytest.raises(CommentRefused, match="id of 32 hex digits"):
        sign_comment(terms(), clause="budget.calls", item="x", text="y", signer=PROVIDER)


@given(st.binary(max_size=300) | st.binary(max_size=20).map(lambda extra: note() + extra))
def test_reading_a_comment_is_total(raw: bytes) -> None:
    """Any bytes are a comment of a party or are refused."""
    try:
        said = open_comment(raw, terms())
    except CommentRefused:
        return

    assert "provider" == said.by
