"""Frames: what a stratified or an active sample is drawn from, made before the plan and opened for its run.

    make_frame(bank, salt, …) -> Frame's bytes          by `comity plan new`, whose digest the plan states
    open_frame(plan, content, salt) -> Plan             by `comity plan check` and `comity run`

A frame lists the bank's items under the names that they will have in the score table, so its salt is that table's, is
made with the plan, and stays with the evaluator in a file of its own.  The frame itself is published with the report.

History enters as files of earlier runs (`comity.evaluation.history`); those that leak are left out when the frame is
made, and a frame that holds one is refused when it is opened: the model itself, one of the same maker or of the same
base, one that is not before the plan's cutoff.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from math import sqrt
from typing import Any, Final

from comity.estimate import FRAME, Design, EstimateError, Frame, frame_of, history_digest, leak_in
from comity.evaluation import plan as p
from comity.evaluation.errors import EvaluationError
from comity.evaluation.history import History as PastRuns
from comity.evaluation.history import PastRun, Subject, item_rates, leak_of, parse_days, subject_of
from comity.evaluation.plan_parts import History
from comity.evaluation.scores import SALT_BYTES, blind
from comity.evaluation.stopping import rule_of
from comity.records import NotCanonical, canonical_bytes, parse_canonical

__all__ = ["FrameRefused", "Made", "design_of", "make_frame", "names_in", "open_frame"]

BILLION: Final = 10**9
MAX_FRAME: Final = 32 * 1024 * 1024
LEAST_MODELS: Final = 2
"""Of earlier models from which a prediction can be made."""
LEAST_SPREAD: Final = 0.1


class FrameRefused(EvaluationError):
    """The plan's frame is not at hand, is another one, or holds what it must not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A new frame, and what of a plan follows from it."""

    content: bytes
    strata: int
    history: str
    """Digest of the history; empty where none was used."""


def make_frame(
    fields: Mapping[str, str],
    salt: bytes,
    *,
    past: PastRuns | None,
    files: Sequence[str],
    predict: bool,
    strata: int | None,
    neyman: bool,
) -> Made:
    """The frame of a bank whose items have these fields (empty texts where strata and topics follow none).

    `past` are the earlier runs that may be known, and `files` the digest of each one's file.  `strata` is into how many
    groups items are cut by how hard they were for earlier models; None where strata follow the field, or are none.
    """
    runs = () if past is None else past.runs
    known = () if past is None else zip(past.items, item_rates(past), strict=True)
    rates = dict.fromkeys(fields, 0.5) | {item: rate for item, rate in known if rate is not None}
    if (predict or strata is not None or neyman) and len(runs) < (LEAST_MODELS if predict else 1):
        raise FrameRefused(
            f"{len(runs)} earlier runs may be known; expected {LEAST_MODELS} at least to predict by, 1 to divide by. "
            f"'comity history admitted' says which are and why the others are not"
        )
    names = {blind(item, salt): item for item in fields}
    items = sorted(names)
    by = _by_difficulty(items, names, rates, strata) if strata is not None else {i: fields[names[i]] for i in items}
    labels = [] if predict else sorted(set(by.values()), key=lambda text: (len(text), text) if strata else (0, text))
    members = {
        "format": FRAME,
        "history": [_past(run.subject, digest) for run, digest in zip(runs, files, strict=True)],
        "items": items,
        "predictor": _predictor(past, [names[item] for item in items], fields)
        if past is not None and len(runs) >= LEAST_MODELS
        else {},
        "strata": labels,
        "stratum": [labels.index(by[item]) for item in items] if labels else [],
        "weights": _weights(labels, by, {i: rates[names[i]] for i in items}) if neyman else [1] * len(labels),
    }
    content = canonical_bytes(members)
    frame = _read(content)
    return Made(content=content, strata=len(labels), history=history_digest(frame) if runs else "")


def open_frame(plan: p.Plan, content: bytes, salt: bytes) -> p.Plan:
    """The plan with its frame at hand; raises `FrameRefused` unless it is the plan's own, and leaks nothing."""
    sampling, history = plan.parts.sampling, plan.parts.history
    if (found := sha256(content).hexdigest()) != sampling.frame:
        raise FrameRefused(f"design.sampling.frame: the plan states {sampling.frame[:16]}…, the frame is {found[:16]}…")
    if len(salt) != SALT_BYTES:
        raise FrameRefused(f"the frame's salt has {len(salt)} bytes, expected {SALT_BYTES}")
    frame = _read(content)
    if sampling.kind == "active" and frame.foresight is None:
        raise FrameRefused("design.sampling.frame: it holds no predictor, and an active sample is drawn by one")
    if sampling.kind == "stratified" and len(frame.strata) != sampling.strata:
        has = len(frame.strata)
        raise FrameRefused(f"design.sampling.strata: the plan states {sampling.strata}, the frame has {has}")
    if sampling.allocation == "proportional" and len(set(frame.weights)) > 1:
        raise FrameRefused("design.sampling.allocation: the plan states proportional, the frame weights its strata")
    if len(frame.items) != plan.claim.population.size:
        raise FrameRefused(f"the frame has {len(frame.items)} items, the bank {plan.claim.population.size}")
    if history is None:
        if frame.history:
            raise FrameRefused("history: the frame was made of earlier runs, the plan states none")
    elif (of := history_digest(frame)) != history.digest:
        raise FrameRefused(f"history.digest: the plan states {history.digest[:16]}…, the frame's runs make {of[:16]}…")
    elif leak := _leak(frame, plan.target.model, history):
        raise FrameRefused(f"history: {leak}. Make a new plan without it")
    return replace(plan, framed=p.Framed(frame=frame, salt=salt, content=content))


def names_in(plan: p.Plan, fields: Mapping[str, str]) -> dict[str, str]:
    """The bank's items by their names in the frame; raises `FrameRefused` where the frame is of another bank.

    `fields` are all items with the field that strata follow, or with nothing.
    """
    if plan.framed is None:
        raise FrameRefused("design.sampling.frame: the frame is not at hand, so no sample can be drawn")
    frame, names = plan.framed.frame, {blind(item, plan.framed.salt): item for item in fields}
    if sorted(names) != list(frame.items):
        raise FrameRefused("design.sampling.frame: its items are not those of the bank, under its salt")
    if plan.parts.sampling.kind == "stratified" and plan.parts.sampling.strata_by:
        for at, name in enumerate(frame.items):
            if fields[names[name]] != frame.strata[frame.stratum[at]]:
                said = f"{names[name]} is in {frame.strata[frame.stratum[at]]!r:.40}"
                raise FrameRefused(f"design.sampling.frame: {said}, the bank says {fields[names[name]]!r:.40}")
    return names


def design_of(plan: p.Plan) -> Design:
    """How the plan's sample is drawn from its frame, and when it ends."""
    sampling, stopping, rule = plan.parts.sampling, plan.parts.stopping, rule_of(plan)
    if sampling.kind == "srs":
        raise AssertionError("a simple random sample has no frame")
    return Design(
        kind=sampling.kind,
        items=plan.design.items,
        batch=sampling.batch or plan.design.items,
        mix=float(sampling.uniform_mix or "1"),
        least=stopping.least,
        threshold=None if rule is None else rule.threshold,
        level=plan.level if rule is None else rule.level,
    )


def _read(content: bytes) -> Frame:
    try:
        return frame_of(parse_canonical(content, limit=MAX_FRAME))
    except (NotCanonical, EstimateError) as error:
        raise FrameRefused(str(error)) from None


def _leak(frame: Frame, model: str, history: History) -> str:
    """Why a run in the frame may not be known, by the rules or by what the plan leaves out; or nothing."""
    target = subject_of(model, days=parse_days(history.cutoff))
    for past in frame.history:
        days = parse_days(past.date) if past.date else None
        subject = Subject(model=past.model, organisation=past.organisation, family=past.family, days=days)
        if why := leak_of(subject, target):
            return f"its history holds {past.model}: {why}"
    return leak_in(
        frame, model=model, cutoff=history.cutoff, organisations=history.organisations_excluded,
        families=history.families_excluded,
    )  # fmt: skip


def _past(subject: Subject, digest: str) -> dict[str, str]:
    return {
        "model": subject.model,
        "organisation": subject.organisation,
        "family": subject.family,
        "date": "" if subject.days is None else subject.days.last.isoformat(),
        "sha256": digest,
    }


def _by_difficulty(
    items: Sequence[str], names: Mapping[str, str], rates: Mapping[str, float], strata: int
) -> dict[str, str]:
    """Equal groups from the hardest to the easiest, named by their number."""
    ordered = sorted(items, key=lambda item: (rates[names[item]], item))
    return {item: str(1 + place * strata // len(ordered)) for place, item in enumerate(ordered)}


def _weights(labels: Sequence[str], by: Mapping[str, str], rates: Mapping[str, float]) -> list[int]:
    """In proportion to the spread that earlier models lead to expect within each stratum."""
    found = []
    for label in labels:
        own = [rates[item] for item, stratum in by.items() if stratum == label]
        mean = sum(own) / len(own)
        found.append(round(1000 * max(LEAST_SPREAD, sqrt(mean * (1.0 - mean)))))
    return found


def _predictor(past: PastRuns, ids: Sequence[str], fields: Mapping[str, str]) -> dict[str, Any]:
    """The predictor of the benchmark, in billionths; what a run was not asked counts as its item does elsewhere."""
    import numpy as np

    from comity.evaluation.predictor import Predictor

    places = {item: place for place, item in enumerate(past.items)}
    rates = item_rates(past)

    def outcome(run: PastRun, item: str) -> float:
        place = places.get(item)
        if place is None:
            known = [one for one in run.outcomes if one is not None]
            return sum(known) / len(known) if known else 0.5
        own, rate = run.outcomes[place], rates[place]
        return own if own is not None else rate if rate is not None else 0.5

    made = Predictor(np.array([[outcome(run, item) for item in ids] for run in past.runs]), [fields[i] for i in ids])

    def whole(value: float) -> int:
        return round(float(value) * BILLION)

    return {
        "base": [min(max(whole(value), 0), BILLION) for value in made.base],
        "centre": whole(made.centre),
        "columns": [[whole(value) for value in column] for column in made.columns.T],
        "levels": made.levels,
        "variances": [max(1, whole(value)) for value in made.variances],
    }


