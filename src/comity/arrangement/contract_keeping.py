"""Articles on how access is kept: who runs it, what is recorded, who sees it, how it ends, what is published.

Each function yields the provisions of one article, in the order of the contract.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, assert_never

from comity.arrangement.clauses import A, E, Mark, V
from comity.arrangement.contract_words import Provision, counted, joined, party, sentence
from comity.arrangement.terms import Terms
from comity.ledger import QuorumMissing

__all__ = ["content", "gateway", "harbour", "incidents", "publication", "record", "stopping", "successor"]

Said = Iterator[Provision]

REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "containment": "containment of a model",
        "security-incident": "a security incident",
        "legal-order": "a legal order",
        "terms-breach": "a breach of these terms",
        "operational": "maintenance or failure",
        "person-eligibility": "a person's eligibility",
        "third-party-suspension": "an act of a third party",
        "cause-ended": "the end of what had closed access",
        "purpose-met": "the purpose being met",
        "model-withdrawn": "the withdrawal of a model",
        "no-agreement": "want of agreement",
    }
)
"""Each cause of a stop or suspension as a noun; its code stands beside it."""


def gateway(terms: Terms) -> Said:
    """Who runs the gateway, and what keeps calls from passing it by."""
    operator, guard = terms.operator, terms.guard
    whose = {
        "third-party": "which belongs to neither party",
        "authority": "which belongs to the Authority",
        "provider": "which belongs to the Provider",
    }[operator.by]
    holder = party(operator.upstream_key_held_by)
    yield Provision(
        text=f"The Gateway is run by {operator.name} as its Operator, {whose}. It runs at this place: "
        f"{sentence(operator.placement)} The key by which the models are reached is held by {holder}.",
        mark=A,
        clauses=("operator.by", "operator.name", "operator.placement", "operator.upstream_key_held_by"),
    )
    kept: tuple[Mark, str] = {
        "provider": (
            E,
            "The Provider keeps a guard before its models: a request reaches a model only with the Gateway's permit "
            "for it.",
        ),
        "none": (
            A,
            "The Provider keeps no guard before its models. Nobody but the Operator sees to it that calls pass the "
            "Gateway, and a call that passes it by is not excluded.",
        ),
    }[guard.by]
    yield Provision(text=kept[1], mark=kept[0], clauses=("guard.by",))
    counts = (
        "The guard signs its counters with its own key in Schedule 3."
        if guard.key
        else "No counters are signed on the Provider's side."
    )
    yield Provision(
        text=f"Each request that the Gateway sends on carries a permit, signed with the permit key in Schedule 3. "
        f"{counts}",
        mark=V,
        clauses=("guard.permit_key", "guard.key"),
    )


def record(terms: Terms) -> Said:
    """What is recorded, who must have seen it, and who may read it."""
    ledger = terms.ledger
    outcome = ledger.policy.outcome(())
    witnesses = outcome.missing if isinstance(outcome, QuorumMissing) else ()
    yield Provision(
        text=f"Every call, permitted or refused, is entered in the ledger {ledger.origin}, the Record. "
        "No call passes without its entry.",
        mark=E,
        clauses=("ledger.origin",),
    )
    yield Provision(
        text=f"An entry counts as held by both sides once the witnesses that the policy asks for have cosigned it: "
        f"{joined(witnesses)}. Schedule 3 states the policy and its keys.",
        mark=V,
        clauses=("ledger.policy",),
    )
    sees = {
        "entries": "every entry",
        "counters": "counters of calls and spend, and checkpoints, and no entry",
        "checkpoints": "checkpoints alone, which state a size and a root, and no entry",
    }[terms.record_provider_sees]
    yield Provision(text=f"Of the Record, the Provider sees {sees}.", mark=E, clauses=("record.provider_sees",))


def content(terms: Terms) -> Said:
    """Who may read what was asked and answered."""
    held = terms.content
    names = joined(recipient.name for recipient in held.recipients)
    yield Provision(
        text="Entries hold no questions and no answers. These are sealed before they are stored, to the keys of "
        "Schedule 3 and to no other.",
        mark=E,
        clauses=("content.recipients.key",),
    )
    yield Provision(
        text=f"The holders of these keys, and nobody else, may open what is sealed: {names}.",
        mark=A,
        clauses=("content.recipients.name",),
    )
    for one in held.receivers:
        match one.kind:
            case "model":
                yield Provision(
                    text=f"Answers are given, to be graded, to the model {one.what} ({one.name}), and each such call "
                    f"is an entry of the record of the arrangement under which it is made.",
                    mark=V,
                    clauses=("content.recipients.model",),
                )
                yield Provision(
                    text=f"The model {one.what} is called at {one.endpoint} and nowhere else.",
                    mark=E,
                    clauses=("content.recipients.endpoint",),
                )
            case "people":
                yield Provision(
                    text=f"Answers are given, to be rated, to {one.what} ({one.name}).",
                    mark=A,
                    clauses=("content.recipients.people",),
                )
            case "tool":
                yield Provision(
                    text=f"Answers are given to the tool {one.what} ({one.name}).",
                    mark=A,
                    clauses=("content.recipients.tool",),
                )
            case _:
                assert_never(one.kind)
    blindness: tuple[Mark, str] = {
        "open": (E, "The questions are not hidden from anyone who holds the keys of the record."),
        "sealed-record": (
            E,
            "The record of questions and answers is sealed; the Provider's model receives them, and what its systems "
            "could see of them in passing is not hidden from it.",
        ),
        "provider-room": (A, "The questions are run in a room of the Provider, out of the sight of its staff."),
        "enclave": (A, "The questions are run in an enclave into which neither party can look."),
    }[held.blindness]
    yield Provision(text=blindness[1], mark=blindness[0], clauses=("content.blindness",))
    stores = {
        "none": "stores nothing of questions and answers",
        "until-closure": "stores questions and answers until closure at the latest",
        "provider-policy": "stores questions and answers under its own published policy",
    }[held.retention]
    trains = {"none": "does not train a model on them", "permitted": "may train models on them"}[held.training]
    yield Provision(
        text=f"The Provider {stores}, and {trains}.", mark=A, clauses=("content.retention", "content.training")
    )


def successor(terms: Terms) -> Said:
    """What is owed when a newer version comes."""
    newer = terms.successor
    owed = []
    if newer.notice_days:
        owed.append(f"tells the Authority of it within {counted(newer.notice_days, 'day')}")
    if newer.access_days:
        owed.append(f"gives access to it within {counted(newer.access_days, 'day')}")
    said = (
        f"When a newer version of a model is released, the Provider {joined(owed)} of that release."
        if owed
        else "Neither notice of a newer version of a model nor access to it is promised."
    )
    yield Provision(text=said, mark=V, clauses=("successor.notice_days", "successor.access_days"))
    yield Provision(text=sentence(newer.text), mark=A, clauses=("successor.text",))


def stopping(terms: Terms) -> Said:
    """Who may stop access, who may let it rest, and who may leave."""
    suspension = terms.suspension
    yield Provision(
        text=f"A stop signed by {joined(map(party, terms.stop_by), 'or')} ends all access at once, and cuts what is "
        "under way. It erases nothing.",
        mark=E,
        clauses=("stop.by",),
    )
    yield Provision(
        text=f"A suspension signed by {joined(map(party, suspension.by), 'or')} lets no new call pass until the same "
        "party resumes access.",
        mark=E,
        clauses=("suspension.by",),
    )
    stops = (
        f"the Window stands still while access is suspended for {joined(map(_reason, suspension.clock_stops), 'or')}, "
        "and runs on for every other cause"
        if suspension.clock_stops
        else "the Window runs on while access is suspended, whatever the cause"
    )
    yield Provision(text=f"{stops[0].upper()}{stops[1:]}.", mark=E, clauses=("suspension.clock_stops",))
    yield from _leaving(terms)


def _leaving(terms: Terms) -> Said:
    leaving = terms.exit
    notice = (
        f"Access ends at the beginning of the day that the exit names, in UTC, which is at least "
        f"{counted(leaving.notice_days, 'day')} after the day on which it is recorded"
        if leaving.notice_days
        else "Access ends at once, or at the beginning of the day that the exit names, in UTC"
    )
    yield Provision(
        text=f"An exit signed by {joined(map(party, leaving.by), 'or')} ends this arrangement's access for good. "
        f"{notice}.",
        mark=E,
        clauses=("exit.by", "exit.notice_days"),
    )
    statement: tuple[Mark, str] = {
        "public": (A, "Whoever leaves says so in public, and says why."),
        "recorded": (V, "Whoever leaves states the cause in the Record."),
        "none": (A, "Whoever leaves need not say why, to the other party or in public."),
    }[leaving.statement]
    yield Provision(text=statement[1], mark=statement[0], clauses=("exit.statement",))


def incidents(terms: Terms) -> Said:
    """Whom each side tells."""
    desks = terms.incident_contacts
    yield Provision(
        text=f"Of an incident, the Authority is told through {desks.authority.strip().rstrip('.')}, and the Provider "
        f"through {desks.provider.strip().rstrip('.')}.",
        mark=A,
        clauses=("incident_contacts.authority", "incident_contacts.provider"),
    )


def _reason(cause: str) -> str:
    return f"{REASONS.get(cause, 'this cause')} ({cause})"


def harbour(terms: Terms) -> Said:
    """By which the Provider knows these calls, and what it promises of them."""
    yield Provision(
        text=f"Each request that the Gateway sends on bears the tag {terms.safe_harbour.tag}.",
        mark=V,
        clauses=("safe_harbour.tag",),
    )
    yield Provision(text=sentence(terms.safe_harbour.text), mark=A, clauses=("safe_harbour.text",))


def publication(terms: Terms) -> Said:
    """Who publishes what was found, and after which review."""
    agreed = terms.publication
    review = (
        f"Before that, the other party has {counted(agreed.review_days, 'day')} to review them."
        if agreed.review_days
        else "No review by the other party comes before that."
    )
    yield Provision(
        text=f"Results are published by {party(agreed.by)}. {review}",
        mark=A,
        clauses=("publication.by", "publication.review_days"),
    )
    yield Provision(text=sentence(agreed.text), mark=A, clauses=("publication.text",))
