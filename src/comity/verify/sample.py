"""Samples drawn from a frame: drawn once more, out of the frame, the seed that was told and the scores.

A bundle about a run under a plan whose `design.sampling` is `stratified` or `active` holds `frame.json`, whose digest
the plan states.  `sample_of` draws the sample again (`comity.estimate.Sampled`), and `check_sample` holds to it

    the frame     its digest, its number of items and strata; that its history is the plan's, and leaks nothing
    the rows      an item a draw, and no other; each at its place, with the chance that it states
    the order     no item of a later batch was asked before one of an earlier batch

Not established: that the frame's strata and predictions are what bank and history give.  Both are fixed before the
first call, and a bad prediction makes an interval wider and never wrong.
"""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

from comity.estimate import KINDS, Design, EstimateError, Frame, Sampled, frame_of, history_digest, leak_in
from comity.records import NotCanonical, parse_canonical
from comity.verify.errors import MalformedPlanFile
from comity.verify.facts import Fact, Faults, counted

__all__ = ["MAX_FRAME", "check_sample", "design_of", "sample_of"]

MAX_FRAME: Final = 32 * 1024 * 1024
WHERE: Final = "frame.json"
CHANCE: Final = re.compile(r"0\.[0-9]{12}|1\.0{12}")
SLACK: Final = 1e-11
"""What the rounding of a chance to twelve places, here and elsewhere, explains."""

Placings = Sequence[tuple[str, int | None, str, int | None]]
"""Of each row of the first epoch: item, place, chance and first call."""


def design_of(plan: Mapping[str, Any], alpha: float) -> Design | None:
    """How the plan's sample is drawn from a frame; None for a simple random sample."""
    design = plan["design"]
    sampling, stopping = design.get("sampling", {}), design.get("stopping", {})
    kind = sampling.get("kind", "srs")
    if kind == "srs":
        return None
    if kind not in KINDS:
        raise ValueError(f"a sample that is {kind!r:.40}; this release draws {', '.join(KINDS)}")
    stops = stopping.get("rule", "fixed") != "fixed"
    if stops and kind == "stratified":
        raise ValueError("a stratified sample is asked whole")
    return Design(
        kind=kind,
        items=design["items"],
        batch=sampling.get("batch", design["items"]),
        mix=float(sampling.get("uniform_mix", "1")),
        least=stopping.get("least", 0),
        threshold=float(plan["claim"]["threshold"]["value"]) if stops else None,
        level=1.0 - alpha,
    )


def sample_of(
    plan: Mapping[str, Any], alpha: float, frame: bytes | None, seed: str, scores: Mapping[str, int | None]
) -> Sampled | None:
    """The plan's sample, drawn again; None for a simple random one.  Raises `MalformedPlanFile` and nothing else."""
    try:
        design = design_of(plan, alpha)
        if design is None:
            return None
        if frame is None:
            raise MalformedPlanFile(f"the sample is drawn from a frame, and {WHERE} is not there")
        if not seed:
            raise MalformedPlanFile("the sample's seed is told by no entry, so it cannot be drawn again")
        found = sha256(frame).hexdigest()
        if found != plan["design"]["sampling"]["frame"]:
            raise MalformedPlanFile(f"the digest of {WHERE} is {found}, which is not what the plan states")
        return Sampled(design, frame_of(parse_canonical(frame, limit=MAX_FRAME)), seed, scores)
    except (NotCanonical, EstimateError, ArithmeticError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise MalformedPlanFile(f"the sample cannot be drawn again: {error}") from None


def check_sample(plan: Mapping[str, Any], sample: Sampled, rows: Placings) -> Fact:
    """The frame is the plan's and leaks nothing; the rows are its draws, in their order."""
    faults = Faults("sample")
    frame, design = sample.frame, sample.design
    _check_frame(plan, frame, faults)
    drawn = {one.item: one for one in sample.placed}
    there = {row[0] for row in rows}
    for one_drawn in sample.placed:
        if one_drawn.item not in there:
            said = f"no row of {one_drawn.item[:16]}…, which is drawn at place {one_drawn.place}"
            faults.add("scores.json", said)
    latest: dict[int, int] = {}
    for item, place, chance, call in rows:
        one = drawn.get(item)
        if one is None:
            faults.add("scores.json", f"a row of {item[:16]}…, which the seed does not draw")
            continue
        stated = float(chance) if CHANCE.fullmatch(chance) else -1.0
        if place != one.place or not abs(stated - one.probability) <= SLACK:
            said = f"the seed gives place {one.place} and chance {one.stated}"
            faults.add("scores.json", f"the row of {item[:16]}… states place {place} and chance {chance!r:.20}; {said}")
        if call is not None and design.kind == "active":
            batch = one.place // design.batch
            latest[batch] = max(call, latest.get(batch, call))
    for item, _, _, call in rows if latest else ():
        before = latest.get(drawn[item].place // design.batch - 1) if item in drawn else None
        if call is not None and before is not None and call < before:
            said = f"call {call} is of a batch that could not be drawn before call {before} was answered"
            faults.add("scores.json", said)
    how = f"in {len(frame.strata)} strata" if design.kind == "stratified" else f"in batches of {design.batch}"
    known = f"{counted(len(frame.history), 'earlier run')} in its history, none of which leaks"
    return faults.fact(
        f"{counted(len(drawn), 'item')} of {len(frame.items)}, {how}, drawn again from frame and seed; {known}"
    )


def _check_frame(plan: Mapping[str, Any], frame: Frame, faults: Faults) -> None:
    sampling, history = plan["design"]["sampling"], plan.get("history")
    size = plan["claim"]["population"]["size"]
    if len(frame.items) != size:
        faults.add(WHERE, f"{len(frame.items)} items; the plan's bank has {size}")
    if sampling["kind"] == "stratified":
        if len(frame.strata) != sampling.get("strata"):
            faults.add(WHERE, f"{len(frame.strata)} strata; the plan states {sampling.get('strata')}")
        if sampling.get("allocation", "proportional") == "proportional" and len(set(frame.weights)) > 1:
            faults.add(WHERE, "its strata have weights; the plan states that the allocation is proportional")
    if history is None:
        if frame.history:
            faults.add(WHERE, f"it was made of {counted(len(frame.history), 'earlier run')}; the plan states none")
        return
    if (found := history_digest(frame)) != history.get("digest"):
        faults.add(WHERE, f"the digest of its history is {found}, which is not what the plan states")
    leak = leak_in(
        frame,
        model=str(plan["target"]["model"]),
        cutoff=str(history.get("cutoff")),
        organisations=tuple(history.get("organisations_excluded", ())),
        families=tuple(history.get("families_excluded", ())),
    )
    if leak:
        faults.add(WHERE, leak)
