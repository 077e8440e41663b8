"""The sentences in the scripts of `verify.html`: each template's English name, as another language looks it up."""

import re
from collections.abc import Iterator

from comity.report.verify_page import SCRIPTS, script_part

NOT_SAID = ("french.js", "french_forms.js", "say.js")
_NOUN = re.compile(r'counted\((?:[^()"]|\([^()]*\))*, "([^"]+)"(?:, "([^"]+)")?\)')


def sentences(text: str) -> Iterator[str]:
    """Each template that begins with t` in a script, with {} where a part goes; templates do not stand in templates."""
    at = 0
    while (begin := text.find("t`", at)) >= 0:
        if begin and (text[begin - 1].isalnum() or text[begin - 1] in "_$."):
            at = begin + 2
            continue
        place, said = begin + 2, ""
        while text[place] != "`":
            if text.startswith("${", place):
                place = _end_of_part(text, place + 2)
                said += "{}"
            elif text[place] == "\\":
                said += {"n": "\n"}.get(text[place + 1], text[place + 1])
                place += 2
            else:
                said += text[place]
                place += 1
        yield said
        at = begin + 2


def _end_of_part(text: str, place: int) -> int:
    depth = 1
    while depth:
        if text[place] == "`":
            place = text.index("`", place + 1)
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        place += 1
    return place


def all_sentences() -> set[str]:
    """Every sentence that a verdict may hold, of every script but the words of the page itself."""
    return {said for name in SCRIPTS if name not in NOT_SAID for said in sentences(script_part(name))}


def all_nouns() -> set[str]:
    """Every noun that is counted."""
    return {found[1] for name in SCRIPTS for found in _NOUN.finditer(script_part(name))} - {"one"}
