"""Scoring again: what a suite's scorer says about one opened call, with nothing of the engine in between.

A verifier has the plan, the id of a drawn item, and the bytes of the request and of the answer, each shown to be those
of the call.  `rescore` finds the question in the request and the words in the answer, and scores them anew:

    rescore(plan, item, request, answer) -> 1 | 0 | a sentence that says why there is no score

The request must ask this item's question, under the plan's instruction, of the plan's model; else a right answer to
another question would do.  Answers are read in the two dialects that plans speak, whole and not streamed.

`SCORERS` is the table that `comity verify` hands on, by the scorer's name and version.  Guests' scorers are not in it:
their code is theirs, and may ask models.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from comity.evaluation.errors import EvaluationError
from comity.evaluation.scoring import SCORER, SCORER_VERSION, score_short_answer
from comity.evaluation.suites import Item, load_suite

__all__ = ["SCORERS", "rescore"]

SYSTEM: Final = ("system", "developer")


class _NotSo(Exception):
    """What was opened is not what the plan asks."""


def rescore(plan: Mapping[str, Any], item: str, request: bytes, answer: bytes) -> int | str:
    """The score of one opened call, or why it has none."""
    try:
        suite = load_suite(plan["claim"]["population"]["suite"])
        if suite.sha256 != plan["claim"]["population"]["sha256"]:
            return f"the plan's suite has digest {plan['claim']['population']['sha256'][:16]}…, this release's another"
        asked = suite.item(item)
        _check_request(plan, asked, _object(request, "request"))
        text = _words(plan["target"]["protocol"], _object(answer, "answer"))
    except (EvaluationError, _NotSo) as error:
        return str(error)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        return f"what was opened is in no form that this release reads: {error!r:.200}"
    return int(score_short_answer(text, asked.answers))


SCORERS: Final[Mapping[str, Callable[[Mapping[str, Any], str, bytes, bytes], int | str]]] = {
    f"{SCORER}/{SCORER_VERSION}": rescore
}


def _object(content: bytes, what: str) -> Mapping[str, Any]:
    try:
        members = json.loads(content)
    except (ValueError, RecursionError):
        members = None
    if not isinstance(members, dict):
        raise _NotSo(f"the {what} is no JSON object; a streamed answer is not read again")
    return members


def _check_request(plan: Mapping[str, Any], item: Item, request: Mapping[str, Any]) -> None:
    if request["model"] != plan["target"]["model"]:
        raise _NotSo(f"the request asks {str(request['model'])[:60]!r}, the plan {plan['target']['model']!r}")
    said = [(message["role"], _text(message["content"])) for message in request["messages"]]
    if "system" in request:
        said.insert(0, ("system", _text(request["system"])))
    expected = [("system", plan["instruction"]), ("user", item.question)]
    if [("system" if role in SYSTEM else role, text) for role, text in said] != expected:
        raise _NotSo(f"the request does not ask {item.id} under the plan's instruction, or asks more than that")


def _words(protocol: str, answer: Mapping[str, Any]) -> str:
    return _text(answer["content"] if protocol == "anthropic" else answer["choices"][0]["message"]["content"])


def _text(content: Any) -> str:
    """The text of a message, whole or in blocks."""
    if isinstance(content, str):
        return content
    return "".join(block["text"] for block in content if block["type"] == "text")
