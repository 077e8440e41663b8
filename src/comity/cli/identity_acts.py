"""What `comity identity` and `comity run` share: keeping, recording and telling comparisons."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from comity.cli.home import Home
from comity.evaluation.edge import Door
from comity.evaluation.identity.canaries import MOST_SHARE, Asked, Canaries, canary_count, positions
from comity.evaluation.identity.edge import Asker
from comity.evaluation.identity.enrolment import Enrolment, IdentityError, Result, Session, result_members
from comity.evaluation.identity.keeping import Keeper
from comity.evaluation.identity.testing import CHANGED, choose, judge
from comity.evaluation.plan import Plan
from comity.vault import parse_recipient_key

__all__ = [
    "Beside", "asker_of", "canaries_beside", "keeper_of", "record_session", "sentence", "settle_untested", "wanted",
]  # fmt: skip


def keeper_of(home: Home) -> Keeper:
    """The identity folder of this home."""
    key = parse_recipient_key(home.key_path("recipient").read_text())
    return Keeper(Path(home.path).resolve() / "identity", key, home.random)


def asker_of(home: Home, taken: Enrolment, gateway: str, *, at_once: int = 4) -> Asker:
    """Asks the enrolled model, at its gateway."""
    url = Door(gateway, taken.ledger.rpartition("/")[2], home.secret()).model_url(taken.protocol)
    return Asker(url, home.secret(), protocol=taken.protocol, model=taken.model, at_once=at_once)


def record_session(
    keeper: Keeper, taken: Enrolment, earlier: Sequence[Session], session: Session, door: Door
) -> tuple[Session, int]:
    """Judge a session, seal it, and put its commitment into the ledger."""
    judged = session.judged(judge(taken, earlier, session))
    commitment = keeper.keep_session(judged, taken.ledger)
    return judged, _append(keeper, judged, commitment, door)


def settle_untested(keeper: Keeper, taken: Enrolment, door: Door) -> list[Session]:
    """Judge and record what was answered and not compared, because a run or a test broke off."""
    settled, earlier = list[Session](), list[Session]()
    for session, kept in keeper.sessions(taken.id):
        if kept.index:
            earlier.append(session)
            continue
        if session.results is None:
            session, _ = record_session(keeper, taken, earlier, session, door)
        else:
            _append(keeper, session, kept.commitment, door)
        settled.append(session)
        earlier.append(session)
    return settled


def _append(keeper: Keeper, session: Session, commitment: str, door: Door) -> int:
    _, index = door.append(
        "identity.tested",
        enrolment=session.enrolment,
        number=session.number,
        run=session.run,
        calls=session.calls,
        commitment=commitment,
    )
    keeper.note_tested(session, index)
    return index


def sentence(result: Result, *, benign: bool) -> str:
    """What one part of a session says, on one line."""
    numbers = f"distance {result.distance}, p {result.p}, {result.answers} answers"
    if benign:
        return f"{numbers}: a harmless change looks like this; the margin is {result.upper} or what it was before"
    found = f"{result.verdict} ({numbers}, capital {result.capital})"
    if result.kind == "first-token" and result.verdict == CHANGED:
        return f"{found}: a tripwire, which harmless changes set off too; ask what was changed"
    return found


class Beside:
    """Canaries beside one run, and what became of them."""

    def __init__(self, canaries: Canaries, count: int) -> None:
        self.canaries, self.count = canaries, count
        self.judged: Session | None = None
        self.entry = 0

    def as_json(self) -> dict[str, Any]:
        """What `comity run --json` says of them."""
        return {
            "asked": self.count,
            "answered": len(self.canaries.answers),
            "ended_early": self.canaries.because,
            "entry": self.entry,
            "results": [result_members(each) for each in (self.judged.results or () if self.judged else ())],
        }


@contextmanager
def canaries_beside(
    home: Home, named: str | None, share: float, plan: Plan, run: str, gateway: str
) -> Iterator[Beside]:
    """Canaries of an enrolment beside a run of a plan; compared and recorded when the run has ended.

    Where the run broke off they are kept, and compared by the next `comity identity test`.
    """
    keeper = keeper_of(home)
    taken, count = wanted(keeper, named, share, plan)
    if (taken.ledger.rpartition("/")[2], taken.model) != (plan.arrangement, plan.target.model):
        raise IdentityError(f"enrolment {taken.id} is of {taken.model} at {taken.ledger}, not of the plan's target")
    with (
        Door(gateway, plan.arrangement, home.secret()) as door,
        asker_of(home, taken, gateway, at_once=1) as asker,
    ):
        settle_untested(keeper, taken, door)
        earlier = [session for session, _ in keeper.sessions(taken.id)]
        session = Session(
            enrolment=taken.id, number=len(earlier) + 1, purpose="canaries", note="", run=run, calls=0, answers=()
        )

        def so_far(answers: Sequence[Asked]) -> Session:
            return replace(session, calls=asker.calls, answers=tuple(answers))

        rows = plan.design.items * plan.design.epochs
        canaries = Canaries(
            choose(taken, count, home.random),
            positions(count, rows, home.random),
            asker.ask,
            lambda answers: _keep(keeper, so_far(answers), taken.ledger),
        )
        beside = Beside(canaries, count)
        with canaries:
            yield beside
        if canaries.answers:
            beside.judged, beside.entry = record_session(keeper, taken, earlier, so_far(canaries.answers), door)


def _keep(keeper: Keeper, session: Session, ledger: str) -> None:
    keeper.keep_session(session, ledger)


def wanted(keeper: Keeper, named: str | None, share: float, plan: Plan) -> tuple[Enrolment, int]:
    """The enrolment and the number of canaries: as the plan states them, else as they are asked for."""
    most = canary_count(plan.access.calls, MOST_SHARE)
    if (stated := plan.parts.identity) is None:
        return keeper.enrolment(named or "")[0], canary_count(plan.access.calls, share)
    held = next((each for each in map(keeper.enrolment, keeper.enrolments())
                 if each[1].commitment == stated.prompts_commitment), None)  # fmt: skip
    if held is None or (named and not held[0].id.startswith(named)):
        raise IdentityError(
            f"the plan names the enrolment with the commitment {stated.prompts_commitment[:16]}…, which this home does "
            f"not hold, or which is another than the one asked for"
        )
    if stated.canaries > most:
        raise IdentityError(f"{stated.canaries} canaries beside {plan.access.calls} calls, at most {most} may be")
    part = held[0].parts[0]
    said = (float(held[0].alpha), float(part.margin))
    if float(stated.alpha) != said[0] or (stated.margin is not None and float(stated.margin) != said[1]):
        raise IdentityError(f"the enrolment has the level {said[0]} and the margin {said[1]}, the plan states others")
    return held[0], stated.canaries
