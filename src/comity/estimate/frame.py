"""The frame of a sample: the units of a bank under blinded names, and what is known of each before anything is asked.

A plan whose sample is not a simple random one freezes the digest of its frame, one object of canonical JSON:

    {"format":"comity frame/1","history":[PAST,…],"items":["<64 hex>",…],"predictor":{…},
     "strata":["geography",…],"stratum":[0,2,…],"weights":[1,1,…]}
    PAST = {"date":"2026-05-01","family":"llama","model":"…","organisation":"meta","sha256":"<64 hex>"}

`items` are sorted, and are the names under which the items stand in the score table, so the sample can be drawn again
by somebody who does not know what the items are.  `stratum` gives each item's place among `strata`; `weights` are what
the allocation multiplies each stratum's size by.  `predictor` is a `Foresight` in billionths, an empty object where
there is none:

    {"base":[500000000,…],"centre":500000000,"columns":[[…],…],"levels":2,"variances":[…]}

`history` lists the earlier runs of which strata, weights or predictor were made, with the digest of each one's file.

The stratified sample.  Within each stratum, items are ordered by

    SHA-256("comity selection/1\\n" + seed + "\\n" + item)

and the first are taken, as many as `allocate` gives the stratum; all that are taken are asked in that order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from comity.estimate.foreseen import Foresight
from comity.estimate.functions import EstimateError
from comity.estimate.strata import allocate

__all__ = [
    "FRAME", "Frame", "Past", "Placed", "frame_of", "history_digest", "leak_in", "selection_key", "stratified_sample",
]  # fmt: skip

FRAME: Final = "comity frame/1"
BILLION: Final = 10**9
MAX_COLUMNS: Final = 64
MAX_STRATA: Final = 100
MAX_ITEMS: Final = 100_000
MAX_WEIGHT: Final = 10**6


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One earlier run that a frame was made of."""

    model: str
    organisation: str
    family: str
    date: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A bank's units, as far as the sample depends on them."""

    items: tuple[str, ...]
    strata: tuple[str, ...]
    stratum: tuple[int, ...]
    weights: tuple[int, ...]
    foresight: Foresight | None
    history: tuple[Past, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many items each stratum has."""
        found = [0] * len(self.strata)
        for place in self.stratum:
            found[place] += 1
        return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One item of a sample, and the chance with which it was drawn when it was."""

    item: str
    place: int
    """In the order in which the sample is asked, from 0."""
    probability: float
    stratum: int | None = None

    @property
    def stated(self) -> str:
        """The chance as a row of the score table states it."""
        return f"{self.probability:.12f}"


def selection_key(seed: str, item: str) -> bytes:
    """What orders the items of a sample."""
    return sha256(f"comity selection/1\n{seed}\n{item}".encode()).digest()


def stratified_sample(frame: Frame, seed: str, n: int) -> tuple[Placed, ...]:
    """The stratified sample of n items, in the order in which it is asked."""
    sizes = frame.sizes
    counts = allocate(n, sizes, frame.weights)
    by_key = sorted((selection_key(seed, item), place) for place, item in enumerate(frame.items))
    taken = [0] * len(counts)
    found = []
    for _, at in by_key:
        h = frame.stratum[at]
        if taken[h] < counts[h]:
            taken[h] += 1
            found.append((frame.items[at], h))
    return tuple(
        Placed(item=item, place=place, probability=counts[h] / sizes[h], stratum=h)
        for place, (item, h) in enumerate(found)
    )


def frame_of(members: Mapping[str, Any]) -> Frame:
    """Read a frame's members, or raise `EstimateError` and nothing else."""
    try:
        return _frame(members)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EstimateError(f"no frame of a sample ({FRAME}): {error!r:.160}") from None


def leak_in(frame: Frame, *, model: str, cutoff: str, organisations: tuple[str, ...], families: tuple[str, ...]) -> str:
    """Why the frame's history is not what the plan says it is: a sentence, or nothing.

    The model itself is no history, nor is what is not before the cutoff, nor what the plan leaves out.
    """
    left_out, bases = ({name.casefold() for name in names} for names in (organisations, families))
    for past in frame.history:
        if past.model.casefold() == model.casefold():
            return f"its history holds the model itself, {past.model}"
        if not past.date < cutoff:
            return f"its history holds {past.model} of {past.date or 'no date'}, which is not before {cutoff}"
        if past.organisation.casefold() in left_out:
            return f"its history holds {past.model} of {past.organisation}, which the plan leaves out"
        if past.family.casefold() in bases:
            return f"its history holds {past.model} of the base {past.family}, which the plan leaves out"
    return ""


def history_digest(frame: Frame) -> str:
    """What a plan states as `history.digest`: SHA-256 of the digests of the files, sorted, a line each."""
    return sha256("".join(f"{one}\n" for one in sorted(past.sha256 for past in frame.history)).encode()).hexdigest()


def _frame(members: Mapping[str, Any]) -> Frame:
    if set(members) != {"format", "history", "items", "predictor", "strata", "stratum", "weights"}:
        raise ValueError("other members than format, history, items, predictor, strata, stratum and weights")
    if members["format"] != FRAME:
        raise ValueError("another format")
    items = tuple(_text(item) for item in members["items"])
    if not 0 < len(items) <= MAX_ITEMS or list(items) != sorted(set(items)):
        raise ValueError("items are not sorted, each once")
    strata = tuple(_text(name) for name in members["strata"])
    stratum = tuple(_whole(place, 0, len(strata) - 1) for place in members["stratum"])
    if len(set(strata)) != len(strata) or len(strata) > MAX_STRATA or len(stratum) != (len(items) if strata else 0):
        raise ValueError("each item belongs to one stratum, or there are none")
    if set(stratum) != set(range(len(strata))):
        raise ValueError("a stratum has no item")
    weights = tuple(_whole(weight, 1, MAX_WEIGHT) for weight in members["weights"])
    if len(weights) != len(strata):
        raise ValueError("each stratum has one weight")
    past = tuple(
        Past(**{name: _text(one[name]) for name in ("model", "organisation", "family", "date", "sha256")})
        for one in members["history"]
    )
    foresight = _foresight(members["predictor"], len(items)) if members["predictor"] else None
    return Frame(items=items, strata=strata, stratum=stratum, weights=weights, foresight=foresight, history=past)


def _foresight(members: Mapping[str, Any], items: int) -> Foresight:
    if set(members) != {"base", "centre", "columns", "levels", "variances"}:
        raise ValueError("a predictor has other members than base, centre, columns, levels and variances")
    base = tuple(_share(value, 0) for value in members["base"])
    columns = tuple(tuple(_share(value, -(10**6) * BILLION) for value in column) for column in members["columns"])
    variances = tuple(_whole(value, 1, 10**6 * BILLION) / BILLION for value in members["variances"])
    if len(base) != items or any(len(column) != items for column in columns) or len(columns) > MAX_COLUMNS:
        raise ValueError("a predictor has one value for each item")
    if len(variances) != len(columns):
        raise ValueError("a predictor has a variance for each column")
    return Foresight(
        centre=_share(members["centre"], 0),
        base=base,
        columns=columns,
        variances=variances,
        levels=_whole(members["levels"], min(1, len(columns)), len(columns)),
    )


def _share(value: object, least: int) -> float:
    return _whole(value, least, BILLION if least == 0 else -least) / BILLION


def _whole(value: object, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{value!r:.40} is no integer from {least} to {most}")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    return value
