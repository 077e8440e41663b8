"""Parsing terms: from YAML or canonical JSON to `Terms`, or every problem at once.

    parse_terms_yaml(text, file)   what an author wrote
    parse_terms_json(raw)          what a party signed
    check_part(node, file)         an access offer: some of the clauses, same rules

All three use the same walk (`_walk`), clause by clause in the order of
docs/reference/terms.md.  Total: each returns or raises `TermsRefused`.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final, cast

from comity.arrangement import terms as t
from comity.arrangement.acts import CAUSES
from comity.arrangement.errors import Problem
from comity.arrangement.features import BOUNDED, FEATURES, NEVER
from comity.arrangement.parse_promises import (
    read_access,
    read_access_days,
    read_calendar,
    read_contacts,
    read_exit,
    read_successor,
)
from comity.arrangement.promises import CHANNELS
from comity.arrangement.reading import EPOCH, MAX_LONG_TEXT, Reading
from comity.arrangement.source import MAX_SOURCE, Node, json_node, plain, yaml_node
from comity.ledger import LedgerError, Policy, QuorumMet, parse_policy, parse_vkey
from comity.records import canonical_bytes

__all__ = ["MEMBERS", "check_part", "parse_terms_json", "parse_terms_yaml"]

MEMBERS: Final = (
    "terms", "id", "version", "previous", "title", "ledger", "operator", "parties", "basis_kind", "basis", "purpose",
    "channel", "models", "features", "limits", "access", "people", "window", "calendar", "access_days", "budget",
    "rate", "costs", "content", "record", "successor", "stop", "suspension", "exit", "incident_contacts",
    "safe_harbour", "guard", "publication",
)  # fmt: skip
"""The top-level clauses, in the order of the contract."""

_MODEL_MEMBERS: Final = (
    "name", "variant", "serves", "on_mismatch", "unstated", "protocols", "context_window", "max_output", "overhead",
    "prices",
)  # fmt: skip
_BUDGET_MEMBERS: Final = (
    "calls", "input_tokens", "output_tokens", "cost", "currency", "output_unstated", "per_day", "rerun_reserve",
)  # fmt: skip

_NO_POLICY: Final = cast(Policy, None)
"""Stands in for a policy that was refused; `Reading.finish` raises before it can be read."""

_NO_TIME: Final = -1
"""Stands in for a time of day that is absent or was refused: before midnight."""

_HEX32: Final = "[0-9a-f]{32}"
_ORIGIN: Final = r"[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?(?::[0-9]{1,5})?/a/([0-9a-f]{32})"
_MODEL_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}"
_WORD: Final = r"[a-z0-9][a-z0-9-]{0,63}"
_ENDPOINT: Final = r"https?://[a-z0-9.:\[\]-]{1,200}(/[A-Za-z0-9._/-]{0,100})?/a/[0-9a-f]{32}"
_RECIPIENT: Final = r"[a-z0-9][a-z0-9.-]{0,63}"


def parse_terms_yaml(text: str | bytes, file: str) -> t.Terms:
    """Read terms as an author writes them; raises `TermsRefused` with file and line of every problem."""
    node, problems = yaml_node(text, file)
    reading = Reading(file=file, problems=list(problems))
    return _terms(reading, node)


def parse_terms_json(raw: bytes, file: str = "terms.json") -> t.Terms:
    """Read terms from the bytes that were signed; raises `TermsRefused`."""
    return _terms(Reading(file=file), json_node(raw, file))


def check_part(node: Node, file: str, problems: Sequence[Problem] = ()) -> None:
    """Hold a part of terms to the terms' own rules; raises `TermsRefused`."""
    reading = Reading(file=file, partial=True, problems=list(problems))
    _walk(reading, node, b"")
    reading.finish()


def _terms(reading: Reading, node: Node) -> t.Terms:
    _walk(reading, node, b"")  # every problem first: a refused scalar has no canonical bytes
    reading.finish()
    raw = canonical_bytes(plain(node))
    if len(raw) > MAX_SOURCE:
        reading.refuse(node, "", f"at most {MAX_SOURCE} bytes in canonical form", f"{len(raw)}")
        reading.finish()
    return _walk(reading, node, raw)


def _walk(r: Reading, root: Node, raw: bytes) -> t.Terms:
    top = r.members(root, "", MEMBERS)
    r.choice(top["terms"], "terms", (t.FORMAT,))
    identity = r.matching(top["id"], "id", _HEX32, "128 random bits as 32 lower-case hex digits, in quotes")
    version = r.number(top["version"], "version", least=1, most=t.MAX_VERSION)
    budget = _budget(r, top["budget"])
    features = r.words(top["features"], "features", tuple(FEATURES), least=0, never=NEVER)
    parties = _parties(r, top["parties"])
    basis_kind = r.choice(top["basis_kind"], "basis_kind", ("voluntary", "code", "compulsory"))
    window, calendar = _window(r, top["window"]), read_calendar(r, top["calendar"])
    costs = r.members(top["costs"], "costs", ("borne_by",))
    payers = ("authority", "provider", "each-own")
    record = r.members(top["record"], "record", ("provider_sees",))
    seen = r.choice(record["provider_sees"], "record.provider_sees", ("checkpoints", "counters", "entries"))
    return t.Terms(
        id=identity,
        version=version,
        previous=_previous(r, top["previous"], version),
        title=r.text(top["title"], "title"),
        ledger=_ledger(r, top["ledger"], identity),
        operator=_operator(r, top["operator"]),
        parties=parties,
        basis_kind=cast(Any, basis_kind),
        basis=r.text(top["basis"], "basis", most=MAX_LONG_TEXT, lines=True),
        purpose=_purpose(r, top["purpose"]),
        channel=cast(Any, r.choice(top["channel"], "channel", tuple(CHANNELS))),
        models=_models(r, top["models"]),
        features=features,
        limits=_limits(r, top["limits"], features if top["features"].value is not None else None),
        access=read_access(r, top["access"]),
        people=_people(r, top["people"]),
        window=window,
        calendar=calendar,
        access_days=read_access_days(r, top["access_days"], window, calendar),
        budget=budget,
        rate=_rate(r, top["rate"]),
        costs=t.Costs(borne_by=cast(Any, r.choice(costs["borne_by"], "costs.borne_by", payers))),
        content=_content(r, top["content"]),
        record_provider_sees=cast(Any, seen),
        stop_by=_stop(r, top["stop"]),
        suspension=_suspension(r, top["suspension"]),
        exit=read_exit(r, top["exit"], basis_kind == "compulsory"),
        successor=read_successor(r, top["successor"]),
        incident_contacts=read_contacts(r, top["incident_contacts"]),
        safe_harbour=_safe_harbour(r, top["safe_harbour"]),
        guard=_guard(r, top["guard"], parties),
        publication=_publication(r, top["publication"]),
        raw=raw,
        digest=sha256(raw).hexdigest(),
    )


def _previous(r: Reading, node: Node, version: int) -> str:
    if node.value is None or (node.value == "" and version == 1):
        return ""
    if version == 1:
        r.refuse(node, "previous", 'an empty text "" for version 1')
    return r.matching(node, "previous", "[0-9a-f]{64}", "the digest of the version before in 64 hex digits")


def _ledger(r: Reading, node: Node, identity: str) -> t.LedgerClause:
    members = r.members(node, "ledger", ("origin", "policy"))
    origin = r.matching(members["origin"], "ledger.origin", _ORIGIN, "<host>/a/<id>")
    if origin and identity and not origin.endswith(f"/a/{identity}"):
        r.refuse(members["origin"], "ledger.origin", f"/a/{identity} at its end, the id of these terms")
        origin = ""
    text, policy = "", _NO_POLICY
    at = members["policy"]
    stated = r.text(at, "ledger.policy", most=t.MAX_POLICY, lines=True)
    if stated:
        try:
            text, policy = stated, parse_policy(stated)
        except LedgerError as error:
            r.refuse(at, "ledger.policy", "tlog-policy text", str(error)[:200])
        else:
            _policy_fits(r, at, policy, origin)
    return t.LedgerClause(origin=origin, policy=policy, policy_text=text)


def _policy_fits(r: Reading, at: Node, policy: Policy, origin: str) -> None:
    if not policy.logs:
        r.refuse(at, "ledger.policy", "a log line with the ledger's key", "none")
    for log in policy.logs:
        if origin and log.key.name != origin:
            r.refuse(at, "ledger.policy", f"log keys named {origin}", f"one named {log.key.name[:100]}")
    if isinstance(policy.outcome(()), QuorumMet):
        r.refuse(at, "ledger.policy", "a quorum of at least one witness", "a quorum that nobody need join")


def _operator(r: Reading, node: Node) -> t.Operator:
    members = r.members(node, "operator", ("by", "name", "placement", "upstream_key_held_by"))
    by = r.choice(members["by"], "operator.by", ("third-party", "authority", "provider"))
    holder = r.choice(
        members["upstream_key_held_by"],
        "operator.upstream_key_held_by",
        ("operator", "provider", "authority"),
    )
    return t.Operator(
        by=cast(Any, by),
        name=r.text(members["name"], "operator.name"),
        placement=r.text(members["placement"], "operator.placement"),
        upstream_key_held_by=cast(Any, holder),
    )


def _parties(r: Reading, node: Node) -> t.Parties:
    members = r.members(node, "parties", ("authority", "provider"))
    authority = _party(r, members["authority"], "parties.authority")
    provider = _party(r, members["provider"], "parties.provider")
    if authority.key and authority.key == provider.key:
        r.refuse(members["provider"], "parties.provider.key", "another key than the authority's", "the same")
    return t.Parties(authority=authority, provider=provider)


def _party(r: Reading, node: Node, clause: str) -> t.Party:
    members = r.members(node, clause, ("name", "key"))
    return t.Party(name=r.text(members["name"], f"{clause}.name"), key=_note_key(r, members["key"], f"{clause}.key"))


def _note_key(r: Reading, at: Node, clause: str) -> str:
    key = ""
    if isinstance(at.value, str):
        try:
            noted = parse_vkey(at.value).kind == "ed25519"
        except LedgerError:
            noted = False
        if noted and at.value.isprintable():
            key = at.value
    if not key and at.value is not None:
        r.refuse(at, clause, "the vkey of an Ed25519 note key, <name>+<hash>+<base64>")
    return key


def _purpose(r: Reading, node: Node) -> tuple[str, ...]:
    items = r.items(node, "purpose", most=50)
    return tuple(r.text(item, f"purpose[{n}]", most=2_000, lines=True) for n, item in enumerate(items))


def _models(r: Reading, node: Node) -> tuple[t.Model, ...]:
    items = r.items(node, "models", most=t.MAX_MODELS)
    models = tuple(_model(r, item, f"models[{n}]") for n, item in enumerate(items))
    r.unique(items, [model.name for model in models], "models.name")
    return models


def _model(r: Reading, node: Node, clause: str) -> t.Model:
    members = r.members(node, clause, _MODEL_MEMBERS)
    serves = r.items(members["serves"], f"{clause}.serves", most=32)
    names = tuple(_model_name(r, item, f"{clause}.serves[{n}]") for n, item in enumerate(serves))
    r.unique(serves, names, f"{clause}.serves")
    overhead = r.members(members["overhead"], f"{clause}.overhead", ("request", "message", "tool"))
    prices = r.members(members["prices"], f"{clause}.prices", ("input", "cached_read", "cache_write", "output"))
    window = r.number(members["context_window"], f"{clause}.context_window", least=1, most=t.MAX_CONTEXT)
    longest = r.number(members["max_output"], f"{clause}.max_output", least=1, most=t.MAX_CONTEXT)
    if longest > window and members["context_window"].value is not None:
        r.refuse(members["max_output"], f"{clause}.max_output", f"at most the context window of {window}")
    return t.Model(
        name=_model_name(r, members["name"], f"{clause}.name"),
        variant=r.matching(
            members["variant"], f"{clause}.variant", _WORD, "a word such as standard, of a-z, 0-9 and -"
        ),
        serves=names,
        on_mismatch=cast(Any, r.choice(members["on_mismatch"], f"{clause}.on_mismatch", ("refuse", "flag"))),
        unstated=cast(Any, r.choice(members["unstated"], f"{clause}.unstated", ("flag", "refuse"))),
        protocols=cast(Any, r.words(members["protocols"], f"{clause}.protocols", ("openai", "anthropic", "gemini"))),
        context_window=window,
        max_output=longest,
        overhead=t.Overhead(
            request=_overhead(r, overhead["request"], f"{clause}.overhead.request"),
            message=_overhead(r, overhead["message"], f"{clause}.overhead.message"),
            tool=_overhead(r, overhead["tool"], f"{clause}.overhead.tool"),
        ),
        prices=t.Prices(
            input_micros=r.decimal(prices["input"], f"{clause}.prices.input", most=t.MAX_PRICE),
            cached_read_micros=r.decimal(prices["cached_read"], f"{clause}.prices.cached_read", most=t.MAX_PRICE),
            cache_write_micros=r.decimal(prices["cache_write"], f"{clause}.prices.cache_write", most=t.MAX_PRICE),
            output_micros=r.decimal(prices["output"], f"{clause}.prices.output", most=t.MAX_PRICE),
        ),
    )


def _model_name(r: Reading, node: Node, clause: str) -> str:
    return r.matching(node, clause, _MODEL_NAME, "a model name of letters, digits and ._:/@+- (128 at most)")


def _overhead(r: Reading, node: Node, clause: str) -> int:
    return r.number(node, clause, least=0, most=t.MAX_OVERHEAD)


def _people(r: Reading, node: Node) -> tuple[t.Person, ...]:
    items = r.items(node, "people", most=t.MAX_PEOPLE)
    people: list[t.Person] = []
    for n, item in enumerate(items):
        members = r.members(item, f"people[{n}]", ("id", "role", "eligible"))
        person = t.Person(
            id=r.matching(members["id"], f"people[{n}].id", _WORD, "a pseudonym of a-z, 0-9 and -, at most 64"),
            role=r.choice(members["role"], f"people[{n}].role", ("evaluator", "expert")),
            eligible=r.flag(members["eligible"], f"people[{n}].eligible"),
        )
        people.append(person)
    r.unique(items, [person.id for person in people], "people.id")
    return tuple(people)


def _window(r: Reading, node: Node) -> t.Window:
    members = r.members(node, "window", ("from", "until", "hours"))
    begins = r.instant(members["from"], "window.from")
    until = r.instant(members["until"], "window.until")
    if EPOCH not in (begins, until):
        if until <= begins:
            r.refuse(members["until"], "window.until", "a time after window.from")
        elif until - begins > t.MAX_WINDOW:
            r.refuse(members["until"], "window.until", f"at most {t.MAX_WINDOW.days} days after window.from")
    return t.Window(begins=begins, until=until, hours=_hours(r, members["hours"]))


def _hours(r: Reading, node: Node) -> t.Hours:
    members = r.members(node, "window.hours", ("days", "from", "until"))
    begins = _minutes(r, members["from"], "window.hours.from")
    until = _minutes(r, members["until"], "window.hours.until")
    if _NO_TIME < until <= begins:
        r.refuse(members["until"], "window.hours.until", "a time after window.hours.from (hours end with their day)")
    return t.Hours(days=r.words(members["days"], "window.hours.days", t.DAYS), begins=begins, until=until)


def _minutes(r: Reading, node: Node, clause: str) -> int:
    meaning = 'a time of day in quotes, "00:00" to "24:00"'
    text = r.matching(node, clause, "([01][0-9]|2[0-3]):[0-5][0-9]|24:00", meaning)
    return int(text[:2]) * 60 + int(text[3:]) if text else _NO_TIME


def _budget(r: Reading, node: Node) -> t.Budget:
    members = r.members(node, "budget", _BUDGET_MEMBERS)
    unstated = r.choice(members["output_unstated"], "budget.output_unstated", ("reserve", "refuse"))
    faults = len(r.problems)
    whole = _amounts(r, members, "budget")
    sound = len(r.problems) == faults
    by_day = r.members(members["per_day"], "budget.per_day", ("calls", "input_tokens", "output_tokens", "cost"))
    per_day = _amounts(r, by_day, "budget.per_day")
    for name, most, day in zip(("calls", "input_tokens", "output_tokens", "cost"), whole, per_day, strict=True):
        if sound and day > most and members[name].value is not None:
            r.refuse(by_day[name], f"budget.per_day.{name}", f"at most budget.{name}")
    reserve = r.number(members["rerun_reserve"], "budget.rerun_reserve", least=0, most=t.MAX_RERUN_RESERVE)
    return t.Budget(
        calls=whole[0],
        input_tokens=whole[1],
        output_tokens=whole[2],
        cost_nano=whole[3],
        currency=r.matching(members["currency"], "budget.currency", "[A-Z]{3}", "a currency code such as EUR"),
        output_unstated=cast(Any, unstated),
        per_day=t.DayBudget(calls=per_day[0], input_tokens=per_day[1], output_tokens=per_day[2], cost_nano=per_day[3]),
        rerun_reserve=reserve,
    )


def _amounts(r: Reading, members: Mapping[str, Node], clause: str) -> tuple[int, int, int, int]:
    return (
        r.number(members["calls"], f"{clause}.calls", least=1, most=t.MAX_CALLS),
        r.number(members["input_tokens"], f"{clause}.input_tokens", least=1, most=t.MAX_TOKENS),
        r.number(members["output_tokens"], f"{clause}.output_tokens", least=1, most=t.MAX_TOKENS),
        r.decimal(members["cost"], f"{clause}.cost", most=t.MAX_COST) * 1_000,
    )


def _rate(r: Reading, node: Node) -> t.Rate:
    members = r.members(node, "rate", ("calls_per_minute", "tokens_per_minute", "concurrency"))
    return t.Rate(
        calls_per_minute=r.number(members["calls_per_minute"], "rate.calls_per_minute", least=1, most=t.MAX_RATE),
        tokens_per_minute=r.number(members["tokens_per_minute"], "rate.tokens_per_minute", least=1, most=t.MAX_TOKENS),
        concurrency=r.number(members["concurrency"], "rate.concurrency", least=1, most=t.MAX_CONCURRENCY),
    )


def _content(r: Reading, node: Node) -> t.Content:
    members = r.members(node, "content", ("recipients", "blindness", "retention", "training"))
    items = r.items(members["recipients"], "content.recipients", most=t.MAX_RECIPIENTS)
    found = [_recipient(r, item, f"content.recipients[{n}]") for n, item in enumerate(items)]
    recipients = [one for one in found if isinstance(one, t.Recipient)]
    r.unique(items, [one.name for one in found], "content.recipients.name")
    r.unique(items, [one.key if isinstance(one, t.Recipient) else "" for one in found], "content.recipients.key")
    if items and not recipients:
        r.refuse(members["recipients"], "content.recipients", "at least one with a key, who can open what is sealed")
    kept_from = ("sealed-record", "open", "provider-room", "enclave")
    return t.Content(
        recipients=tuple(recipients),
        receivers=tuple(one for one in found if isinstance(one, t.Receiver)),
        blindness=cast(Any, r.choice(members["blindness"], "content.blindness", kept_from)),
        retention=cast(
            Any,
            r.choice(members["retention"], "content.retention", ("none", "until-closure", "provider-policy")),
        ),
        training=cast(Any, r.choice(members["training"], "content.training", ("none", "permitted"))),
    )


def _recipient(r: Reading, item: Node, clause: str) -> t.Recipient | t.Receiver:
    """Somebody with a key, or somebody who is given answers: a model at its endpoint, people, a tool."""
    stated = item.value if isinstance(item.value, dict) else {}
    kind = next((kind for kind in ("model", "people", "tool") if kind in stated), "key")
    own = {"model": ("name", "model", "endpoint")}.get(kind, ("name", kind))
    parts = r.members(item, clause, own)
    name = r.matching(parts["name"], f"{clause}.name", _RECIPIENT, "a name of a-z, 0-9, . and - (64 at most)")
    if kind == "key":
        return t.Recipient(name=name, key=r.base64_key(parts["key"], f"{clause}.key", most=t.MAX_RECIPIENT_KEY))
    if kind == "model":
        what = r.matching(parts["model"], f"{clause}.model", _MODEL_NAME, "a model's name")
        meaning = "the address of an arrangement at its gateway, such as https://operator.example/a/<its id>"
        endpoint = r.matching(parts["endpoint"], f"{clause}.endpoint", _ENDPOINT, meaning)
        return t.Receiver(name=name, kind="model", what=what, endpoint=endpoint)
    what = r.text(parts[kind], f"{clause}.{kind}")
    return t.Receiver(name=name, kind=cast(Any, kind), what=what, endpoint="")


def _stop(r: Reading, node: Node) -> tuple[t.Role, ...]:
    members = r.members(node, "stop", ("by",))
    return cast(tuple[t.Role, ...], r.words(members["by"], "stop.by", ("authority", "provider")))


def _limits(r: Reading, node: Node, features: tuple[str, ...] | None) -> Mapping[str, int]:
    """The bounds of the features that need one; `features` None where a part does not state them."""
    if node.value is None:
        return MappingProxyType({})
    if not isinstance(node.value, dict):
        r.refuse(node, "limits", "an object with a bound for each feature that needs one; {} where none does")
        return MappingProxyType({})
    wanted = tuple(name for name in BOUNDED if features is None or name in features)
    for name, member in node.value.items():
        if name not in BOUNDED:
            r.refuse(member, f"limits.{name}", f"one of {', '.join(BOUNDED)}", "an unknown clause")
        elif name not in wanted:
            r.refuse(member, f"limits.{name}", f"no bound, because features does not allow {name}")
    for name in wanted if features is not None else ():
        if name not in node.value:
            r.refuse(node, f"limits.{name}", f"how many {BOUNDED[name]}, because features allows {name}", "nothing")
    least = {"logprobs": 0}
    return MappingProxyType(
        {
            name: r.number(node.value[name], f"limits.{name}", least=least.get(name, 1), most=t.MAX_LIMIT)
            for name in wanted
            if name in node.value
        }
    )


def _suspension(r: Reading, node: Node) -> t.SuspensionClause:
    members = r.members(node, "suspension", ("by", "clock_stops"))
    by = r.words(members["by"], "suspension.by", ("authority", "provider"))
    stops = r.words(members["clock_stops"], "suspension.clock_stops", tuple(CAUSES), least=0)
    return t.SuspensionClause(by=cast(tuple[t.Role, ...], by), clock_stops=stops)


def _safe_harbour(r: Reading, node: Node) -> t.SafeHarbour:
    members = r.members(node, "safe_harbour", ("tag", "text"))
    meaning = "a tag of letters, digits and ._:/- (128 at most)"
    return t.SafeHarbour(
        tag=r.matching(members["tag"], "safe_harbour.tag", "[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}", meaning),
        text=r.text(members["text"], "safe_harbour.text", most=MAX_LONG_TEXT, lines=True),
    )


def _guard(r: Reading, node: Node, parties: t.Parties) -> t.Guard:
    members = r.members(node, "guard", ("by", "permit_key", "key"))
    by = r.choice(members["by"], "guard.by", ("none", "provider"))
    key = ""
    if by == "provider":
        key = _note_key(r, members["key"], "guard.key")
    elif members["by"].value == by and members["key"].value not in ("", None):
        r.refuse(members["key"], "guard.key", 'an empty text "", because guard.by is none')
    permit_key = _note_key(r, members["permit_key"], "guard.permit_key")
    taken = {*parties.keys().values()}
    for name, found in (("permit_key", permit_key), ("key", key)):
        if found and found in taken:
            r.refuse(members[name], f"guard.{name}", "a key that signs nothing else", "a key that stands elsewhere too")
        taken.add(found)
    return t.Guard(by=cast(Any, by), permit_key=permit_key, key=key)


def _publication(r: Reading, node: Node) -> t.Publication:
    members = r.members(node, "publication", ("by", "review_days", "text"))
    by = r.choice(members["by"], "publication.by", ("authority", "provider", "both", "nobody"))
    return t.Publication(
        by=cast(Any, by),
        review_days=r.number(members["review_days"], "publication.review_days", least=0, most=t.MAX_REVIEW_DAYS),
        text=r.text(members["text"], "publication.text", most=MAX_LONG_TEXT, lines=True),
    )
