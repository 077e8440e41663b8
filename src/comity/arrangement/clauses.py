"""Clauses: every term under its stable name, with how it is kept and what it says.

A clause is marked

    enforced    a machine refuses what breaks it
    evidenced   a record shows whether it was kept
    attested    a signed promise, and nothing more

A mark may hang on the value: `models.serves` is enforced where another model's
answer is withheld and evidenced where it is only flagged.  Nothing attested is
ever shown as more.

`CLAUSES` maps each name to its possible marks and its meaning; `clauses(terms)`
yields what these terms say, in the order of the contract.  Names are paths in the
terms without positions (`models.prices.input`), and `features.<name>` for each
feature allowed.  A clause of a list yields one sentence for each item.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal, assert_never

from comity.arrangement.features import BOUNDED, FEATURES
from comity.arrangement.promises import ACCESS_ITEMS, CHANNELS, MEANS
from comity.arrangement.terms import Model, Terms
from comity.ledger import QuorumMissing

__all__ = ["CLAUSES", "SECTIONS", "Clause", "ClauseKind", "Mark", "clauses", "money"]

Mark = Literal["enforced", "evidenced", "attested"]
E: Final[Mark] = "enforced"
V: Final[Mark] = "evidenced"
A: Final[Mark] = "attested"

SECTIONS: Final = (
    "This text",
    "The parties",
    "Basis and purpose",
    "The models",
    "What a request may use",
    "Access beside calls",
    "The people",
    "Time",
    "Budget and rate",
    "The gateway and its operator",
    "The record",
    "What was asked and answered",
    "Newer versions",
    "Stopping and leaving",
    "Incidents",
    "Good faith",
    "Publication",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClauseKind:
    """What a clause of this name is about, whatever its value."""

    section: str
    marks: tuple[Mark, ...]
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One sentence of a contract."""

    name: str
    section: str
    mark: Mark
    sentence: str


def _table() -> Iterator[tuple[str, int, tuple[Mark, ...], str]]:
    yield "terms", 0, (E,), "the format; a reader refuses any other"
    yield "title", 0, (A,), "what the parties call the arrangement"
    yield "id", 0, (E,), "128 random bits, the same in every version"
    yield "version", 0, (E,), "offers count up; signatures are over one version"
    yield "previous", 0, (V,), "digest of the version before, empty for the first"
    yield "parties.authority.name", 1, (A,), "who the authority is"
    yield "parties.authority.key", 1, (E,), "the key that signs for the authority"
    yield "parties.provider.name", 1, (A,), "who the provider is"
    yield "parties.provider.key", 1, (E,), "the key that signs for the provider"
    yield "basis_kind", 2, (A,), "why access is given: voluntary, under a code, or compulsory by law"
    yield "basis", 2, (A,), "the legal or voluntary basis"
    yield "purpose", 2, (A,), "what the access is for"
    yield "channel", 3, (A,), "how the models are reached: api, on-premises, …"
    yield "models.name", 3, (E,), "a model that may be asked for"
    yield "models.variant", 3, (A,), "which version of the model it is: standard, fewest-mitigations, …"
    yield "models.serves", 3, (E, V), "the names under which the answer may come"
    yield "models.on_mismatch", 3, (E, V), "what happens to an answer of another model: refuse or flag"
    yield "models.unstated", 3, (E, V), "what happens to an answer that names no model: flag or refuse"
    yield "models.protocols", 3, (E,), "the protocols in which it may be asked"
    yield "models.context_window", 3, (E,), "tokens that a request may fill at most"
    yield "models.max_output", 3, (E,), "tokens of one answer at most"
    yield "models.overhead.request", 3, (E,), "input tokens reserved beside the body, per request"
    yield "models.overhead.message", 3, (E,), "input tokens reserved beside the body, per message"
    yield "models.overhead.tool", 3, (E,), "input tokens reserved beside the body, per tool"
    yield "models.prices.input", 3, (E,), "price of a million input tokens, charged to the budget"
    yield "models.prices.cached_read", 3, (E,), "price of a million input tokens that the provider's cache holds"
    yield "models.prices.cache_write", 3, (E,), "price of a million input tokens that are written to that cache"
    yield "models.prices.output", 3, (E,), "price of a million output tokens, charged to the budget"
    yield "features", 4, (E,), "what a request may use; all else is refused"
    for name, meaning in FEATURES.items():
        yield f"features.{name}", 4, (E,), meaning
    for name, counted in BOUNDED.items():
        yield f"limits.{name}", 4, (E,), f"the most {counted}"
    yield "access", 5, (A,), "what is promised beside calls, and that nothing else is"
    yield "access.item", 5, (V, A), "a thing promised beside calls, by its name in the law pack"
    yield "access.means", 5, (V, A), "by which act it is delivered: call, session, document or term"
    yield "access.promise", 5, (V, A), "what exactly is promised"
    yield "people.id", 6, (E,), "a person, by pseudonym; others get no grant"
    yield "people.role", 6, (A,), "what the person does: evaluator or expert"
    yield "people.eligible", 6, (E,), "whether the person may be granted access now"
    yield "window.from", 7, (E,), "no call before this time"
    yield "window.until", 7, (E,), "no call from this time on"
    yield "window.hours.days", 7, (E,), "days of the week on which calls pass, in UTC"
    yield "window.hours.from", 7, (E,), "time of such a day from which calls pass, in UTC"
    yield "window.hours.until", 7, (E,), "time of such a day from which calls no longer pass, in UTC"
    yield "calendar", 7, (V,), "by which holiday calendar business days count"
    yield "access_days", 7, (V,), "business days of access promised; 0 where no number is"
    yield "budget.calls", 8, (E,), "calls in all"
    yield "budget.input_tokens", 8, (E,), "input tokens in all"
    yield "budget.output_tokens", 8, (E,), "output tokens in all"
    yield "budget.cost", 8, (E,), "money in all, at the prices above"
    yield "budget.currency", 8, (A,), "the currency of prices and budget"
    yield "budget.output_unstated", 8, (E,), "a request without an output limit: reserve the maximum, or refuse"
    yield "budget.per_day.calls", 8, (E,), "calls on one day, counted in UTC"
    yield "budget.per_day.input_tokens", 8, (E,), "input tokens on one day"
    yield "budget.per_day.output_tokens", 8, (E,), "output tokens on one day"
    yield "budget.per_day.cost", 8, (E,), "money on one day"
    yield "budget.rerun_reserve", 8, (E,), "percent of each figure in all that only repeated runs may take"
    yield "rate.calls_per_minute", 8, (E,), "calls in any minute"
    yield "rate.tokens_per_minute", 8, (E,), "input and output tokens in any minute"
    yield "rate.concurrency", 8, (E,), "calls at one time"
    yield "costs.borne_by", 8, (A,), "who pays for the access: authority, provider or each-own"
    yield "operator.by", 9, (A,), "whose organisation runs the gateway"
    yield "operator.name", 9, (A,), "who runs the gateway"
    yield "operator.placement", 9, (A,), "where the gateway runs"
    yield "operator.upstream_key_held_by", 9, (A,), "who holds the key to the model"
    yield "guard.by", 9, (E, A), "whether the provider lets only permitted calls reach the model"
    yield "guard.permit_key", 9, (V,), "the key that signs the permit of each request sent on"
    yield "guard.key", 9, (V,), "the key that signs the guard's counters"
    yield "ledger.origin", 10, (E,), "the name of the ledger that records every call"
    yield "ledger.policy", 10, (V,), "whose keys the record is under, as tlog-policy text"
    yield "record.provider_sees", 10, (E,), "what the provider may fetch of the record: entries, counters, checkpoints"
    yield "content.recipients.name", 11, (A,), "whose key opens sealed content"
    yield "content.recipients.key", 11, (E,), "a public key to which content is sealed"
    yield "content.recipients.model", 11, (V,), "a judge model that is given answers"
    yield "content.recipients.endpoint", 11, (E,), "where a judge model is called, under an arrangement of its own"
    yield "content.recipients.people", 11, (A,), "people who are given answers, to rate them"
    yield "content.recipients.tool", 11, (A,), "a tool that is given answers"
    yield "content.blindness", 11, (E, A), "who is kept from seeing the questions"
    yield "content.retention", 11, (A,), "what the provider stores of questions and answers"
    yield "content.training", 11, (A,), "whether the provider may train on questions and answers"
    yield "successor.notice_days", 12, (V,), "days from a newer version's release to notice of it; 0 for none"
    yield "successor.access_days", 12, (V,), "days from a newer version's release to access to it; 0 for none"
    yield "successor.text", 12, (A,), "what is agreed about newer versions"
    yield "stop.by", 13, (E,), "who may stop all access at once"
    yield "suspension.by", 13, (E,), "who may suspend access for a while"
    yield "suspension.clock_stops", 13, (E,), "causes of a suspension during which the window's clock stands still"
    yield "exit.by", 13, (E,), "who may leave the arrangement"
    yield "exit.notice_days", 13, (E,), "days of notice before access ends by an exit"
    yield "exit.statement", 13, (V, A), "what is said of an exit: public, recorded or none"
    yield "incident_contacts.authority", 14, (A,), "whom the authority is told through: a function, never a person"
    yield "incident_contacts.provider", 14, (A,), "whom the provider is told through: a function, never a person"
    yield "safe_harbour.tag", 15, (V,), "by which the provider knows these calls: sent with each request"
    yield "safe_harbour.text", 15, (A,), "what the provider promises of tests in good faith"
    yield "publication.by", 16, (A,), "who publishes results"
    yield "publication.review_days", 16, (A,), "days in which the other side reviews before publication"
    yield "publication.text", 16, (A,), "what the sides agree about publication"


CLAUSES: Final[Mapping[str, ClauseKind]] = MappingProxyType(
    {
        name: ClauseKind(section=SECTIONS[section], marks=marks, meaning=meaning)
        for name, section, marks, meaning in _table()
    }
)
"""Every clause of the format, in the order of the contract."""


def money(nano: int) -> str:
    """Nano-units as a decimal with at least two places: 1_000_000_000 is 1.00."""
    whole, fraction = divmod(nano, 1_000_000_000)
    return f"{whole:,}.{f'{fraction:09}'.rstrip('0').ljust(2, '0')}"


def clauses(terms: Terms) -> Iterator[Clause]:
    """What these terms say, clause by clause, in the order of the contract."""
    order = {section: number for number, section in enumerate(SECTIONS)}
    found = [
        Clause(name=name, section=CLAUSES[name].section, mark=mark, sentence=sentence)
        for part in PARTS
        for name, mark, sentence in part(terms)
    ]
    yield from sorted(found, key=lambda clause: order[clause.section])


Said = Iterator[tuple[str, Mark, str]]


def _identity(terms: Terms) -> Said:
    before = f"It replaces the version with digest {terms.previous}." if terms.previous else "It replaces none."
    yield "terms", E, "These terms are in the format arrangement/1."
    yield "title", A, f"The arrangement is called “{terms.title}”."
    yield "id", E, f"Its id is {terms.id}."
    yield "version", E, f"This is version {terms.version}."
    yield "previous", V, before
    for role, party in (("authority", terms.parties.authority), ("provider", terms.parties.provider)):
        yield f"parties.{role}.name", A, f"The {role} is {party.name}."
        yield f"parties.{role}.key", E, f"It signs with the key {_short(party.key)} and no other."


def _agreement(terms: Terms) -> Said:
    kind = {
        "voluntary": "Access is given voluntarily.",
        "code": "Access is given under a code of practice.",
        "compulsory": "Access is given because the law compels it.",
    }[terms.basis_kind]
    yield "basis_kind", A, kind
    yield "basis", A, terms.basis.strip()
    for purpose in terms.purpose:
        yield "purpose", A, purpose.strip()


def _models(terms: Terms) -> Said:
    yield "channel", A, f"The models are reached through {CHANNELS[terms.channel]}."
    for model in terms.models:
        yield from _one_model(model, terms.budget.currency)


def _one_model(model: Model, currency: str) -> Said:
    refused, unnamed = model.on_mismatch == "refuse", model.unstated == "refuse"
    yield "models.name", E, f"{model.name} may be called."
    yield "models.variant", A, f"{model.name} is the model's variant “{model.variant}”."
    yield "models.serves", E if refused else V, f"{model.name}: the answer names {_any(model.serves)}."
    fate = "withheld" if refused else "passed on and flagged in the record"
    yield "models.on_mismatch", E if refused else V, f"{model.name}: an answer by another model is {fate}."
    fate = "withheld" if unnamed else "passed on and flagged in the record"
    yield "models.unstated", E if unnamed else V, f"{model.name}: an answer that names no model is {fate}."
    yield "models.protocols", E, f"{model.name} is asked in the protocols {_all(model.protocols)}."
    yield "models.context_window", E, f"{model.name}: a request fills at most {model.context_window:,} tokens."
    yield "models.max_output", E, f"{model.name}: one answer has at most {model.max_output:,} tokens."
    for part in ("request", "message", "tool"):
        tokens = getattr(model.overhead, part)
        yield f"models.overhead.{part}", E, f"{model.name}: {tokens:,} input tokens are reserved for each {part}."
    prices = model.prices
    for part, what, micros in (
        ("input", "input tokens", prices.input_micros),
        ("cached_read", "input tokens from the provider's cache", prices.cached_read_micros),
        ("cache_write", "input tokens written to the provider's cache", prices.cache_write_micros),
        ("output", "output tokens", prices.output_micros),
    ):
        price = f"{money(micros * 1_000)} {currency}"
        yield f"models.prices.{part}", E, f"{model.name}: a million {what} cost {price}."


def _features(terms: Terms) -> Said:
    for name in terms.features:
        yield f"features.{name}", E, f"{FEATURES[name][0].upper()}{FEATURES[name][1:]}."
    for name, most in terms.limits.items():
        yield f"limits.{name}", E, f"At most {most:,} {BOUNDED[name]}."
    refused = [name for name in FEATURES if name not in terms.features]
    rest = f", among them {_all(refused)}" if refused else ""
    yield "features", E, f"Whatever is not allowed here is refused{rest}."


def _access(terms: Terms) -> Said:
    for one in terms.access:
        what = ACCESS_ITEMS[one.item]
        kept = A if one.means == "term" else V
        yield "access.item", kept, f"The provider gives {what} ({one.item})."
        yield "access.means", kept, f"It gives {what} {MEANS[one.means]}."
        yield "access.promise", kept, one.promise.strip()
    yield "access", A, f"Beside calls, nothing {'else ' if terms.access else ''}is promised."


def _people(terms: Terms) -> Said:
    for person in terms.people:
        yield "people.id", E, f"{person.id} may be granted access."
        yield "people.role", A, f"{person.id} takes part as {person.role}."
        may = "is eligible" if person.eligible else "is not eligible, and gets no grant until that changes"
        yield "people.eligible", E, f"{person.id} {may}."


def _limits(terms: Terms) -> Said:
    budget, rate, window, day = terms.budget, terms.rate, terms.window, terms.budget.per_day
    yield "window.from", E, f"Calls pass from {_time(window.begins)}."
    yield "window.until", E, f"Calls pass until {_time(window.until)}."
    hours = window.hours
    yield "window.hours.days", E, f"Calls pass on {_all(hours.days)}, in UTC."
    yield "window.hours.from", E, f"On such a day calls pass from {_clock(hours.begins)} UTC."
    yield "window.hours.until", E, f"On such a day calls pass until {_clock(hours.until)} UTC."
    yield "calendar", V, f"Business days are counted by the calendar {terms.calendar}."
    promised = f"{terms.access_days:,} business days" if terms.access_days else "no number of business days"
    yield "access_days", V, f"Access is promised for {promised}."
    yield "budget.calls", E, f"At most {budget.calls:,} calls are made in all."
    yield "budget.input_tokens", E, f"At most {budget.input_tokens:,} input tokens are used in all."
    yield "budget.output_tokens", E, f"At most {budget.output_tokens:,} output tokens are used in all."
    yield "budget.cost", E, f"At most {money(budget.cost_nano)} {budget.currency} are spent in all."
    yield "budget.currency", A, f"Prices and budget are in {budget.currency}."
    reserved = "reserves the model's longest answer" if budget.output_unstated == "reserve" else "is refused"
    yield "budget.output_unstated", E, f"A request that states no output limit {reserved}."
    yield "budget.per_day.calls", E, f"At most {day.calls:,} calls are made on one day."
    yield "budget.per_day.input_tokens", E, f"At most {day.input_tokens:,} input tokens are used on one day."
    yield "budget.per_day.output_tokens", E, f"At most {day.output_tokens:,} output tokens are used on one day."
    yield "budget.per_day.cost", E, f"At most {money(day.cost_nano)} {budget.currency} are spent on one day."
    kept = f"{budget.rerun_reserve} percent of each figure in all is kept for repeated runs"
    yield "budget.rerun_reserve", E, f"{kept if budget.rerun_reserve else 'Nothing is kept for repeated runs'}."
    yield "rate.tokens_per_minute", E, f"At most {rate.tokens_per_minute:,} tokens are used in any minute."
    yield "rate.calls_per_minute", E, f"At most {rate.calls_per_minute:,} calls are made in any minute."
    yield "rate.concurrency", E, f"At most {rate.concurrency:,} calls run at one time."
    payer = {
        "authority": "The authority bears what the access costs.",
        "provider": "The provider bears what the access costs.",
        "each-own": "Each side bears its own costs.",
    }
    yield "costs.borne_by", A, payer[terms.costs.borne_by]


def _operation(terms: Terms) -> Said:
    operator, ledger = terms.operator, terms.ledger
    whose = {"third-party": "a third party", "authority": "the authority", "provider": "the provider"}[operator.by]
    yield "operator.by", A, f"The gateway is run by {whose}."
    yield "operator.name", A, f"Its operator is {operator.name}."
    yield "operator.placement", A, f"It runs at: {operator.placement.strip().rstrip('.')}."
    yield "operator.upstream_key_held_by", A, f"The key to the model is held by the {operator.upstream_key_held_by}."
    guard = terms.guard
    guarded: tuple[Mark, str] = {
        "provider": (E, "The provider lets a request reach the model only with this gateway's permit for it."),
        "none": (A, "Nobody but the operator sees to it that calls pass this gateway: a bypass is not excluded."),
    }[guard.by]
    yield "guard.by", *guarded
    yield "guard.permit_key", V, f"Each request sent on carries a permit signed with {_short(guard.permit_key)}."
    counts = f"The guard signs its counters with {_short(guard.key)}." if guard.key else "No guard counts the calls."
    yield "guard.key", V, counts
    yield "ledger.origin", E, f"Every call is recorded in the ledger {ledger.origin}."
    missing = ledger.policy.outcome(())
    witnesses = missing.missing if isinstance(missing, QuorumMissing) else ()
    yield "ledger.policy", V, f"An entry is held once witnesses have cosigned it: {_all(witnesses)}."
    sees = {
        "entries": "every entry",
        "counters": "counters of calls and spend, and checkpoints",
        "checkpoints": "checkpoints alone: size and root, no entry",
    }[terms.record_provider_sees]
    yield "record.provider_sees", E, f"Of the record, the provider sees {sees}."


def _content(terms: Terms) -> Said:
    content = terms.content
    for recipient in content.recipients:
        yield "content.recipients.name", A, f"{recipient.name} may open sealed content."
        yield "content.recipients.key", E, f"Content is sealed to {recipient.name}'s key {recipient.key[:16]}…"
    for one in content.receivers:
        match one.kind:
            case "model":
                yield "content.recipients.model", V, f"{one.name} is given answers: {one.what}; its calls are entries."
                yield "content.recipients.endpoint", E, f"{one.name} is called at {one.endpoint} alone."
            case "people":
                yield "content.recipients.people", A, f"{one.name} is given answers to rate: {one.what}."
            case "tool":
                yield "content.recipients.tool", A, f"{one.name} is given answers: {one.what}."
            case _:
                assert_never(one.kind)
    blindness: tuple[Mark, str] = {
        "open": (E, "Questions are not hidden from anyone who holds the record's keys."),
        "sealed-record": (E, "The record of questions and answers is sealed; the provider's model receives them."),
        "provider-room": (A, "Questions are run in a room of the provider, out of its staff's sight."),
        "enclave": (A, "Questions are run in an enclave that neither side can look into."),
    }[content.blindness]
    yield "content.blindness", *blindness
    retention = {
        "none": "The provider stores nothing of questions and answers.",
        "until-closure": "The provider stores questions and answers until closure at the latest.",
        "provider-policy": "The provider stores questions and answers under its own published policy.",
    }[content.retention]
    yield "content.retention", A, retention
    trains = {"none": "does not train", "permitted": "may train"}[content.training]
    yield "content.training", A, f"The provider {trains} on questions and answers."
    yield "stop.by", E, f"A signed stop of the {_any(terms.stop_by)} ends all access at once."
    suspension = terms.suspension
    yield "suspension.by", E, f"A signed suspension of the {_any(suspension.by)} lets no new call pass until resumed."
    stops = f"stands still for {_any(suspension.clock_stops)}" if suspension.clock_stops else "goes on for every cause"
    yield "suspension.clock_stops", E, f"While access is suspended, the window's clock {stops}."


def _ending(terms: Terms) -> Said:
    newer, leaving, harbour = terms.successor, terms.exit, terms.safe_harbour
    for name, what, within in (("notice", "Notice of", newer.notice_days), ("access", "Access to", newer.access_days)):
        said = f"given within {within} days of its release" if within else "not promised"
        yield f"successor.{name}_days", V, f"{what} a newer version is {said}."
    yield "successor.text", A, newer.text.strip()
    yield "exit.by", E, f"The {_any(leaving.by)} may leave the arrangement."
    notice = f"{leaving.notice_days} days after" if leaving.notice_days else "as soon as"
    yield "exit.notice_days", E, f"Access ends by an exit {notice} it is recorded, or later."
    statement: tuple[Mark, str] = {
        "public": (A, "Whoever leaves says so in public, with the cause."),
        "recorded": (V, "The cause of an exit stands in the record."),
        "none": (A, "Whoever leaves need not say why."),
    }[leaving.statement]
    yield "exit.statement", *statement
    for role in ("authority", "provider"):
        desk = getattr(terms.incident_contacts, role)
        yield f"incident_contacts.{role}", A, f"The {role} is told of incidents through: {desk.strip().rstrip('.')}."
    yield "safe_harbour.tag", V, f"Each request sent on bears the tag {harbour.tag}."
    yield "safe_harbour.text", A, harbour.text.strip()
    publication = terms.publication
    who = {"both": "both sides together", "nobody": "nobody"}.get(publication.by, f"the {publication.by}")
    yield "publication.by", A, f"Results are published by {who}."
    yield (
        "publication.review_days",
        A,
        f"Before that, the other side has {publication.review_days} days to review them.",
    )
    yield "publication.text", A, publication.text.strip()


PARTS: Final = (
    _identity, _agreement, _models, _features, _access, _people, _limits, _operation, _content, _ending,
)  # fmt: skip
"""Who says which clauses; `clauses` puts them in the order of the contract."""


def _any(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _all(names: tuple[str, ...] | list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _short(vkey: str) -> str:
    return "+".join(vkey.split("+")[:2])


def _time(at: datetime) -> str:
    return f"{at:%-d %B %Y, %H:%M:%S} UTC"
