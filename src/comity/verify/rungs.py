"""Rungs: how far down the proof of a reported number reaches.

| rung | what follows | rests on |
| --- | --- | --- |
| 1 | the number, from the committed scores | archive, ledger, scores, counts, published, as_of, report, page |
| 2 | that the plan was frozen before any call, and which runs are beside this | plan, planned, rows, sample, covers |
| 3 | the scores, from the answers: those of rows drawn by neither side are given again by the scorer | draw, rescored |
| 4 | the answers, from the calls: what is opened matches its commitment, and all items are there | sealed, disclosed |

Rungs 3 and 4 presuppose 1 and 2.  A rung whose facts hold only in part is not reached, and says what is missing.

A verdict never says "verified": it names the rungs that are reached, and of the others what is missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from comity.verify.facts import Fact, Verdict

RUNGS: Final[Mapping[int, tuple[str, tuple[str, ...]]]] = {
    1: ("the number follows from committed scores", ("scores", "counts", "published", "as_of", "report", "page")),
    2: (
        "the scores were committed under a plan frozen before the first call",
        ("plan", "planned", "rows", "sample", "covers"),
    ),
    3: ("scores follow from answers, on rows that neither side chose", ("draw", "rescored")),
    4: ("answers follow from calls, by digest", ("sealed", "disclosed")),
}
"""What each rung says, and the facts it rests on beside those before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleVerdict:
    """Every fact about a bundle, and the rungs that they reach."""

    verdict: Verdict
    rungs: tuple[Fact, ...]
    """One for each rung: it is reached, it fails, or why it is not established."""

    @property
    def rung(self) -> int:
        """The highest rung reached; 0 where not even the number follows."""
        return max((place for place, rung in enumerate(self.rungs, 1) if rung.holds), default=0)

    @property
    def reached(self) -> tuple[int, ...]:
        """Every rung reached."""
        return tuple(place for place, rung in enumerate(self.rungs, 1) if rung.holds)

    def members(self) -> dict[str, Any]:
        """The verdict in JSON's types."""
        return {
            **self.verdict.members(),
            "rung": self.rung,
            "reached": list(self.reached),
            "rungs": [rung.members() for rung in self.rungs],
        }


def rungs_of(verdict: Verdict) -> tuple[Fact, ...]:
    """Which rungs the facts reach; everything that is no rung's own is the ground of the first."""
    own = {name for _, names in RUNGS.values() for name in names}
    ground = [fact for fact in verdict.facts if fact.name not in own]
    rungs: list[Fact] = []
    for number, (said, names) in RUNGS.items():
        name = f"rung {number}"
        below = [rung for rung in rungs[:2] if not rung.holds]
        facts = [*(ground if number == 1 else []), *(fact for fact in verdict.facts if fact.name in names)]
        broken = [fact for fact in facts if fact.holds is False]
        missing = [fact for fact in facts if fact.holds is None and fact.name in names]
        if broken:
            fails = f"{said}: no, {broken[0].name} fails"
            rungs.append(Fact(name=name, holds=False, detail=fails, where=broken[0].where))
        elif below:
            rungs.append(Fact(name=name, holds=None, detail=f"{said}: {below[0].name} is not reached"))
        elif missing:
            because = "; ".join(dict.fromkeys(fact.detail for fact in missing))
            rungs.append(Fact(name=name, holds=None, detail=f"{said}: not established, {because}"))
        else:
            rungs.append(Fact(name=name, holds=True, detail=said))
    return tuple(rungs)
