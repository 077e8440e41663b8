"""Exact checks of short answers: right or wrong, with no judge in between.

The scorer `short-answer/1` takes what a model wrote and the accepted answers of one item.  An answer is
right if its first line, normalised, is equal to one of the accepted answers, normalised.  There is no
search inside the answer: a model that writes a sentence where one word was asked for is wrong, and so
is one that lists several candidates.

Normalisation, in this order:
 1. surrounding white space goes, then everything from the first line break on;
 2. Unicode NFKC, then case folding ("H₂O" is "h2o", "STRASSE" is "strasse" and so is "Straße");
 3. a comma between a digit and three digits goes ("1,000" is "1000"); a minus sign becomes "-";
 4. every character that is no letter, digit, mark, nor one of the three below becomes a space: a "."
    or a "/" between digits, a "-" before a digit that no letter or digit precedes;
 5. leading articles go (English, French, German), unless nothing would remain: the answer "A" is a
    letter;
 6. runs of spaces become one.

    >>> normalise("The Danube.\\n\\nQuestion: …")
    'danube'
    >>> score_short_answer("1,440", ("1440",)), score_short_answer("about 1440", ("1440",))
    (True, False)

Limits: the first 1,000 characters count, so that no answer can make the check slow.
Not promised: justice to every correct phrasing.  The accepted answers of an item are what counts as right.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

SCORER: Final = "short-answer"
SCORER_VERSION: Final = 1

MAX_ANSWER: Final = 1_000
"""Characters of an answer that are looked at; the longest accepted answer has fewer than 40."""

ARTICLES: Final = frozenset("a an the le la les l un une der die das ein eine".split())

_MINUS: Final = str.maketrans({"\N{MINUS SIGN}": "-", "\N{EN DASH}": "-", "\N{NON-BREAKING HYPHEN}": "-"})
_THOUSANDS: Final = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_KEPT: Final = re.compile(r"(?<=\d)[./](?=\d)|(?<![^\W_])-(?=\d)")


def normalise(answer: str) -> str:
    """The form in which answers are compared; equal to itself when applied again."""
    lines = answer[:MAX_ANSWER].strip().splitlines()
    text = unicodedata.normalize("NFKC", lines[0] if lines else "").casefold().translate(_MINUS)
    text = _THOUSANDS.sub("", unicodedata.normalize("NFKC", text))
    kept = {match.start() for match in _KEPT.finditer(text)}
    text = "".join(letter if position in kept or _counts(letter) else " " for position, letter in enumerate(text))
    words = text.split()
    while len(words) > 1 and words[0] in ARTICLES:
        del words[0]
    return " ".join(words)


def _counts(letter: str) -> bool:
    return unicodedata.category(letter)[0] in "LNM"


def score_short_answer(answer: str, accepted: Iterable[str]) -> bool:
    """Whether the first line of `answer` is one of the `accepted` answers, after normalisation."""
    given = normalise(answer)
    return bool(given) and any(given == normalise(right) for right in accepted)
