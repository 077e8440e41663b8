"""What the tables hold of an assessment: each duty with its status, its facts, and what each of them rests on.

`comity.engagement.assessment` says what the status is and why; nothing here decides one.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from comity.engagement.assessment import Assessment, Cell, Fact
from comity.portal.projections.models import AssessmentRow

__all__ = ["assessment_rows"]

MOST_FACTS: Final = 12
"""Facts of one duty on its page, the newest first; it says how many there are."""
MOST_CITED: Final = 6
ORDER: Final = ("not met", "contested", "met", "evidenced", "asserted", "not assessed")


def assessment_rows(found: Sequence[Assessment], engagement: str) -> Iterator[AssessmentRow]:
    """A row for each model of the case."""
    for place, one in enumerate(found):
        counted = [cell for cell in one.cells if cell.counted]
        aside = [cell for cell in one.cells if not cell.counted]
        number = Counter(cell.status for cell in counted)
        yield AssessmentRow(
            key=f"{engagement}/{place:04}", engagement=engagement, subject=one.subject,
            law=f"{one.pack.name} {one.pack.version}", ceiling=str(one.ceiling), level=one.ceiling.level,
            counts=[[name, number[name]] for name in ORDER if number[name]],
            open=sum(cell.bearing.applies == "not assessed" for cell in aside),
            apart=sum(cell.bearing.applies != "not assessed" for cell in aside),
            chapters=[
                _chapter(one.pack.instruments[name].title, [cell for cell in counted if cell.duty.instrument == name])
                for name in dict.fromkeys(cell.duty.instrument for cell in counted)
            ],
        )  # fmt: skip


def _chapter(title: str, cells: Sequence[Cell]) -> dict[str, Any]:
    """What stands under one instrument: duties about which something was entered, and those that are silent."""
    told = sorted((cell for cell in cells if cell.facts), key=lambda cell: ORDER.index(cell.status))
    silent = [{"id": one.duty.id, "title": one.duty.title, "ref": one.duty.ref} for one in cells if not one.facts]
    return {"title": title, "duties": [_duty(cell) for cell in told], "silent": silent}


def _duty(cell: Cell) -> dict[str, Any]:
    duty, facts = cell.duty, sorted(cell.facts, key=lambda fact: -fact.item.index)
    return {
        "id": duty.id, "title": duty.title, "ref": duty.ref, "confidence": duty.confidence, "status": cell.status,
        "because": cell.because, "applies": cell.bearing.applies, "applies_because": cell.bearing.because,
        "ceiling": str(cell.ceiling), "facts": [_fact(fact) for fact in facts[:MOST_FACTS]],
        "more": max(0, len(facts) - MOST_FACTS),
        "shown_by": [[name, [entry.index for entry in entries]] for name, entries in cell.arrived.items()],
    }  # fmt: skip


def _fact(fact: Fact) -> dict[str, Any]:
    return {
        "what": fact.what, "entry": fact.item.index, "says": fact.says, "reads": fact.reads, "speaks": fact.speaks,
        "leans": fact.leans, "settles": fact.settles,
        "cites": [
            {"state": one.state, "what": one.what, "name": one.name, "entries": [entry.index for entry in one.entries]}
            for one in fact.cited[:MOST_CITED]
        ],
        "more": max(0, len(fact.cited) - MOST_CITED),
    }  # fmt: skip
