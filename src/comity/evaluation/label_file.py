"""The file in which labels travel to a rater and back: YAML, one block an answer, with `label:` to fill in.

    comity: labels/1
    rater: anna
    run: 0f…
    answers:
    - number: 1
      key: 3f2a90c1d5e4
      question: …
      answer: …
      expected: […]
      label:            # right, wrong or unsure

`key` is the beginning of the blinded item; with `number` it ties the block to the draw, whatever else is edited.  Only
number, key and label are read back.  The file holds answers in the clear.

YAML and not a spreadsheet: an answer that begins with "=" would be a formula there, and the model writes the answers.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml

from comity.evaluation.labels import LabelError
from comity.evaluation.shown import Shown

__all__ = ["WORDS", "format_answers", "parse_answers"]

FORMAT: Final = "labels/1"
KEY: Final = 12
MAX_FILE: Final = 1 << 26
OTHER_BREAKS: Final = frozenset("\r\x85\u2028\u2029")
"""Ends of lines beside the usual one, which YAML would fold into blanks."""
WORDS: Final[Mapping[str, int | None]] = {"right": 1, "wrong": 0, "unsure": None}


class _Dumper(yaml.SafeDumper):
    """Texts of several lines stand as they are."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = '"' if OTHER_BREAKS & set(value) else "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _open(dumper: yaml.SafeDumper, _: None) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:null", "")


_Dumper.add_representer(str, _text)
_Dumper.add_representer(type(None), _open)


def format_answers(
    drawn: Sequence[str], shown: Mapping[str, Shown], labels: Mapping[str, int | None], *, rater: str, run: str
) -> str:
    """The file for a rater; what is labelled already keeps its word."""
    names = {value: word for word, value in WORDS.items()}
    blocks = []
    for number, item in enumerate(drawn, 1):
        one = shown[item]
        blocks.append(
            {
                "number": number,
                "key": item[:KEY],
                "question": one.question,
                "answer": one.answer,
                **({"expected": list(one.expected)} if one.expected else {}),
                "label": names[labels[item]] if item in labels else None,
            }
        )
    head = "# Fill in each label: right, wrong or unsure. This file holds answers in the clear: delete it when done.\n"
    members = {"comity": FORMAT, "rater": rater, "run": run, "answers": blocks}
    text: str = yaml.dump(members, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return head + text


def parse_answers(text: str, drawn: Sequence[str], *, rater: str, run: str) -> dict[str, int | None]:
    """The labels in a filled-in file; blocks without one are left out.  Raises `LabelError`, nothing else."""
    if len(text) > MAX_FILE:
        raise LabelError(f"the file has {len(text)} characters, at most {MAX_FILE} are read")
    try:
        members: Any = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise LabelError(f"the file is no YAML any more: {str(error)[:200]}") from None
    if not isinstance(members, dict) or members.get("comity") != FORMAT or not isinstance(members.get("answers"), list):
        raise LabelError(f"expected a file of 'comity: {FORMAT}' with answers")
    if members.get("rater") != rater or members.get("run") != run:
        raise LabelError(f"the file is of another rater or run; expected {rater} and {run}")
    found: dict[str, int | None] = {}
    for place, block in enumerate(members["answers"], 1):
        if not isinstance(block, dict):
            raise LabelError(f"answer {place}: expected number, key and label")
        number, word = block.get("number"), block.get("label")
        if type(number) is not int or not 1 <= number <= len(drawn) or block.get("key") != drawn[number - 1][:KEY]:
            raise LabelError(f"answer {place}: its number and key are of no answer that was drawn for {rater}")
        item = drawn[number - 1]
        if item in found:
            raise LabelError(f"answer {place}: number {number} stands here twice")
        if word is None:
            continue
        if not isinstance(word, str) or word.strip().casefold() not in WORDS:
            raise LabelError(f"answer {place}: label {str(word)[:20]!r}, expected right, wrong or unsure")
        found[item] = WORDS[word.strip().casefold()]
    return found
