"""Showing terms: a contract in plain words for a terminal of 80 to 100 columns.

Numbered sections and sentences, each with its mark and its clause's name, so that a
refusal that quotes a clause leads back to the sentence.

Not promised: that this rendering is what was signed. The signatures are over the
canonical bytes, whose digest stands at the top.
"""

import textwrap
from collections.abc import Sequence
from itertools import groupby

from comity.arrangement.change import Change
from comity.arrangement.clauses import clauses
from comity.arrangement.terms import Role, Terms

__all__ = ["show", "show_changes"]

WIDTH = 96


def show(terms: Terms, signed_by: Sequence[Role] = (), width: int = WIDTH) -> str:
    """The contract as text."""
    rule = "─" * width
    signed = {"authority": terms.parties.authority.name, "provider": terms.parties.provider.name}
    hands = " and ".join(signed[role] for role in signed_by) or "nobody yet"
    state = {0: "unsigned", 1: "an offer: one side has signed", 2: "agreed: both sides have signed"}[len(signed_by)]
    lines = [
        rule,
        *textwrap.wrap(terms.title.upper(), width),
        f"Access terms, version {terms.version}: {state}",
        f"between {terms.parties.authority.name} and {terms.parties.provider.name}",
        "",
        f"id      {terms.id}",
        f"digest  {terms.digest}",
        f"signed  by {hands}",
        "",
        "● enforced: a machine refuses what breaks it",
        "◐ evidenced: a record shows whether it was kept",
        "○ attested: a signed promise, and nothing more",
        rule,
    ]
    marks = {"enforced": "●", "evidenced": "◐", "attested": "○"}
    by_section = groupby(clauses(terms), key=lambda clause: clause.section)
    for number, (section, sentences) in enumerate(by_section, 1):
        lines += ["", f"{number}. {section}", ""]
        for count, clause in enumerate(sentences, 1):
            head = f"{f'{number}.{count}':>6} {marks[clause.mark]} "
            body = f"{' '.join(clause.sentence.split())}  ({clause.name})"
            lines += textwrap.wrap(
                body, width, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False
            )
    return "\n".join([*lines, rule]) + "\n"


def show_changes(changes: Sequence[Change], width: int = WIDTH) -> str:
    """What differs, one clause after the other."""
    if not changes:
        return "no clause differs\n"
    lines: list[str] = []
    for change in changes:
        lines.append(change.clause)
        for sign, text in (("-", change.before), ("+", change.after)):
            if text:
                lines += textwrap.wrap(
                    text, width, initial_indent=f"  {sign} ", subsequent_indent="    ", break_on_hyphens=False
                )
    return "\n".join(lines) + "\n"
