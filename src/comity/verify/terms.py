"""The terms as a verifier reads them: the clauses that entries can be held against, and who signed.

A third party's own reading of the file that the parties exchange (`comity offer/1`), independent of the code
that wrote and executed it:

    {"format": "comity offer/1", "note": "<signed note>", "terms": "<canonical JSON of arrangement/1>"}

The note's text has five lines: `comity arrangement/1`, id, version, sha256 of the terms' canonical bytes in
hex, digest of the version before or `-`.

Of the clauses, those are read that an entry or a report can be held to; what the code that wrote them refuses
beside (an unknown member, a bound that is too large) is not looked at here.

The file is judged by its two signatures under the party keys in the terms.  Whose keys these are, the file
cannot say; an entry 0 that holds the same digest says that the ledger is kept under these terms.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

from comity.ledger import LedgerError, Policy, Verifier, open_note, parse_policy, parse_vkey
from comity.records import NotCanonical, canonical_bytes, parse_canonical
from comity.verify.errors import MalformedOfferFile

FORMAT: Final = "comity offer/1"
SIGNED: Final = "comity arrangement/1"
ROLES: Final = ("authority", "provider")
MAX_OFFER: Final = 600_000
NANO: Final = 10**9
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceClause:
    """Price of a million tokens of each class, in millionths of the currency."""

    input: int
    cached_read: int
    cache_write: int
    output: int

    def most_nano(self, input_tokens: int, output_tokens: int) -> int:
        """What a reservation of these tokens costs: every token of input at the dearest price of input."""
        dearest = max(self.input, self.cached_read, self.cache_write)
        return _rounded_up(dearest * input_tokens + self.output * output_tokens)

    def cost_nano(self, input_tokens: int, output_tokens: int, *, cached_read: int = 0, cache_write: int = 0) -> int:
        """What these tokens cost; those read from and written to a cache are among the input tokens."""
        plain = max(0, input_tokens - cached_read - cache_write)
        cached = self.cached_read * cached_read + self.cache_write * cache_write
        return _rounded_up(self.input * plain + cached + self.output * output_tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelClause:
    """What one model may be asked and may answer as, and what it costs."""

    variant: str
    serves: frozenset[str]
    refuse_mismatch: bool
    refuse_unstated: bool
    protocols: frozenset[str]
    prices: PriceClause


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursClause:
    """Days of the week and minutes after midnight, in UTC, at which calls pass."""

    days: frozenset[int]
    """0 is Monday."""
    begins: int
    until: int

    def open_at(self, at: datetime) -> bool:
        """Whether a call may pass at this time of this day."""
        at = at.astimezone(UTC)
        return at.weekday() in self.days and self.begins <= at.hour * 60 + at.minute < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The four figures of a budget."""

    calls: int
    input_tokens: int
    output_tokens: int
    cost_nano: int

    def less(self, percent: int) -> "Bounds":
        """What is left of each figure when so many percent of it, rounded down, are kept."""
        kept = {name: figure - figure * percent // 100 for name, figure in asdict(self).items()}
        return Bounds(**kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsView:
    """The clauses that entries are held against."""

    id: str
    version: int
    digest: str
    previous: str
    origin: str
    policy: Policy
    keys: Mapping[str, Verifier]
    """Party key by role."""
    note: bytes
    """The note that came with the terms."""
    begins: datetime
    until: datetime
    hours: HoursClause
    people: frozenset[str]
    """Those who are eligible."""
    models: Mapping[str, ModelClause]
    features: frozenset[str]
    budget: Bounds
    currency: str
    per_day: Bounds
    rerun_reserve: int
    """Percent of each figure of the budget that only calls of repeated runs take."""
    concurrency: int
    stop_by: frozenset[str]
    suspension_by: frozenset[str]
    clock_stops: frozenset[str]
    """Causes of a suspension during which the clock stands still."""
    exit_by: frozenset[str]
    exit_notice_days: int
    exit_statement: str
    """`public`, `recorded` or `none`."""
    tag: str
    """`safe_harbour.tag`: by which the provider knows these calls."""
    guard_by: str
    """`none` or `provider`."""
    guard_key: Verifier | None
    """The key that signs the guard's counters; `None` without a guard."""
    blindness: str
    """`content.blindness`: who could see the benchmark."""

    def text(self) -> str:
        """What both parties signed."""
        return f"{SIGNED}\n{self.id}\n{self.version}\n{self.digest}\n{self.previous or '-'}\n"


def read_offer(data: bytes) -> TermsView:
    """Read an offer envelope, or raise `MalformedOfferFile` and nothing else. Signatures are not checked here."""
    try:
        envelope = parse_canonical(data.removesuffix(b"\n"), limit=MAX_OFFER)
    except NotCanonical as error:
        raise MalformedOfferFile(f"the file is no offer ({FORMAT}): {error}") from None
    terms, note = envelope.get("terms"), envelope.get("note")
    if envelope.get("format") != FORMAT or not isinstance(terms, str) or not isinstance(note, str):
        raise MalformedOfferFile(f"the file is no offer: expected the members format ({FORMAT}), terms and note")
    try:
        members = parse_canonical(terms.encode(), limit=MAX_OFFER)
        return _view(members, note.encode())
    except (NotCanonical, LedgerError) as error:
        raise MalformedOfferFile(f"the terms in the file cannot be read: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MalformedOfferFile(f"the terms in the file lack a clause that is needed: {error!r}") from None


def signers(view: TermsView, note: bytes) -> tuple[str, ...]:
    """The roles whose party keys signed `note` over exactly these terms; raises `LedgerError`."""
    opened = open_note(note, view.keys.values())
    if opened.text != view.text():
        lines = opened.text.split("\n")
        raise MalformedOfferFile(f"the note is over {' '.join(lines[1:4])[:120]}, not over these terms")
    signed = {found.verifier.vkey for found in opened.verified}
    return tuple(role for role in ROLES if view.keys[role].vkey in signed)


def _view(terms: Mapping[str, Any], note: bytes) -> TermsView:
    if terms["terms"] != "arrangement/1":
        raise ValueError(f"terms of the format {terms['terms']!r}")
    budget, window = terms["budget"], terms["window"]
    return TermsView(
        id=_text(terms["id"]),
        version=int(terms["version"]),
        digest=hashlib.sha256(canonical_bytes(terms)).hexdigest(),
        previous=_text(terms["previous"] or ""),
        origin=_text(terms["ledger"]["origin"]),
        policy=parse_policy(_text(terms["ledger"]["policy"])),
        keys={role: parse_vkey(_text(terms["parties"][role]["key"])) for role in ROLES},
        note=note,
        begins=_time(window["from"]),
        until=_time(window["until"]),
        hours=_hours(window["hours"]),
        people=frozenset(_text(person["id"]) for person in terms["people"] if person["eligible"] is True),
        models={_text(model["name"]): _model(model) for model in terms["models"]},
        features=frozenset(_text(feature) for feature in terms["features"]),
        budget=_bounds(budget),
        currency=_text(budget["currency"]),
        per_day=_bounds(budget["per_day"]),
        rerun_reserve=_percent(budget["rerun_reserve"]),
        concurrency=int(terms["rate"]["concurrency"]),
        stop_by=_roles(terms["stop"]["by"]),
        suspension_by=_roles(terms["suspension"]["by"]),
        clock_stops=frozenset(_text(cause) for cause in terms["suspension"]["clock_stops"]),
        exit_by=_roles(terms["exit"]["by"]),
        exit_notice_days=int(terms["exit"]["notice_days"]),
        exit_statement=_text(terms["exit"]["statement"]),
        tag=_text(terms["safe_harbour"]["tag"]),
        guard_by=_guard_by(terms["guard"]),
        guard_key=parse_vkey(_text(terms["guard"]["key"])) if terms["guard"]["by"] == "provider" else None,
        blindness=_text(terms["content"]["blindness"]),
    )


def _model(model: Mapping[str, Any]) -> ModelClause:
    prices = model["prices"]
    return ModelClause(
        variant=_text(model["variant"]),
        serves=frozenset(_text(name) for name in model["serves"]),
        refuse_mismatch=model["on_mismatch"] == "refuse",
        refuse_unstated=model["unstated"] == "refuse",
        protocols=frozenset(_text(name) for name in model["protocols"]),
        prices=PriceClause(
            input=_micros(prices["input"]),
            cached_read=_micros(prices["cached_read"]),
            cache_write=_micros(prices["cache_write"]),
            output=_micros(prices["output"]),
        ),
    )


def _hours(hours: Mapping[str, Any]) -> HoursClause:
    days = frozenset(DAYS.index(_text(day)) for day in hours["days"])
    return HoursClause(days=days, begins=_minutes(hours["from"]), until=_minutes(hours["until"]))


def _minutes(value: object) -> int:
    text = _text(value)
    if not re.fullmatch("([01][0-9]|2[0-3]):[0-5][0-9]|24:00", text):
        raise ValueError(f"{text!r:.40} is no time of day")
    return int(text[:2]) * 60 + int(text[3:])


def _bounds(figures: Mapping[str, Any]) -> Bounds:
    return Bounds(
        calls=int(figures["calls"]),
        input_tokens=int(figures["input_tokens"]),
        output_tokens=int(figures["output_tokens"]),
        cost_nano=_nano(_text(figures["cost"])),
    )


def _percent(value: object) -> int:
    if type(value) is not int or not 0 <= value <= 100:
        raise ValueError(f"{value!r:.40} is no percentage")
    return value


def _roles(names: Iterable[object]) -> frozenset[str]:
    roles = frozenset(_text(name) for name in names)
    if not roles <= set(ROLES):
        raise ValueError(f"expected {' or '.join(ROLES)} in {sorted(roles)}")
    return roles


def _guard_by(guard: Mapping[str, Any]) -> str:
    by = _text(guard["by"])
    if by not in ("none", "provider"):
        raise ValueError(f"a guard by {by!r:.40}; expected none or provider")
    return by


def _micros(value: object) -> int:
    nano = _nano(_text(value))
    if nano % 1_000:
        raise ValueError(f"{value!r:.40} is finer than a millionth")
    return nano // 1_000


def _rounded_up(micros_times_tokens: int) -> int:
    """Nano-units of the currency: millionths per million tokens, times tokens, over a thousand."""
    return -(-micros_times_tokens // 1_000)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text is expected, {value!r:.40} came")
    return value


def _time(value: object) -> datetime:
    at = datetime.fromisoformat(_text(value))
    if at.tzinfo is None:
        raise ValueError(f"a time without a zone: {value!r}")
    return at


def _nano(decimal: str) -> int:
    whole, _, fraction = decimal.partition(".")
    if not (whole + fraction).isascii() or not (whole + fraction).isdigit() or len(fraction) > 9:
        raise ValueError(f"{decimal!r:.40} is no decimal")
    return int(whole) * NANO + int(fraction.ljust(9, "0"))
