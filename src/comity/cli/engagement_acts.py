"""Commands that enter an item in a case, one for each kind: made from the kinds themselves.

A command's options are the members of its kind; a list's option may be given again, and a list of pairs is written
`NAME=VALUE`.  Every command also takes what each item states: `--on`, `--source`, `--confidence`, `--ref`.  A text
that begins with `@` is read from that file.  Items are named by their id, its beginning, or their entry's index.

What is left out is empty; what may not be empty, the engagement room refuses, with the article that asks for it.
So a request that the law does not know as complete is not written, and nothing here knows the law.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, get_type_hints

import click

from comity.cli.cases import open_case, read_file, refuse, refusing, say
from comity.cli.home import Home
from comity.engagement import Case, add, open_book, view
from comity.engagement.rules import REQUIRED, VOCABULARY
from comity.records import (
    AccessRequested,
    AlertReceived,
    AssertionChecked,
    AssertionMade,
    AssertionSupported,
    CaseItem,
    CommitmentDecided,
    CommitmentOffered,
    ComplaintReceived,
    ConflictDeclared,
    ContextNoted,
    DialogueClosed,
    DialogueOpened,
    Digest,
    DocumentationReceived,
    DocumentAttached,
    EventStated,
    ExpertAppointed,
    ExpertProposed,
    FindingReplied,
    FindingStated,
    HearingHeld,
    HearingInvited,
    Hex32,
    IncidentOpened,
    IncidentReported,
    IncidentResolved,
    InformationAnswered,
    InformationRequested,
    ItemAnswered,
    ItemCorrected,
    ItemWithdrawn,
    MalformedRecord,
    MeasureRequested,
    MeetingRecorded,
    OfferStated,
    PartyNamed,
    PeriodExtended,
    PublicationCleared,
    Record,
    ScopeStated,
    SubmissionReceived,
    SuspensionEased,
    SuspensionImposed,
    SuspensionLifted,
    TopicClosed,
    TopicOpened,
    instant_text,
)
from comity.records.described import described

__all__ = ["COMMANDS", "attach"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One command: the kind that it enters and what its help says."""

    kind: type[CaseItem]
    help: str


def _acts() -> Mapping[str, Act]:
    table: dict[str, tuple[type[CaseItem], str]] = {
        "party": (PartyNamed, "Name an organisation or a function that has a part in the case."),
        "topic": (TopicOpened, "Open a topic that the sides deal with over more than one meeting."),
        "end-topic": (TopicClosed, "Close a topic: settled or dropped."),
        "meeting": (MeetingRecorded, "Enter a meeting that was held."),
        "state-offer": (OfferStated, "Enter that a side says it is willing to give access; no terms yet."),
        "answer": (ItemAnswered, "Answer an offer, a request, a measure, an alert or a complaint."),
        "request-information": (InformationRequested, "Request information or documentation (Art. 91)."),
        "answer-information": (InformationAnswered, "Enter the answer to an information request, item by item."),
        "request-access": (AccessRequested, "Request access to a model in order to evaluate it (Art. 92)."),
        "extend": (PeriodExtended, "Let a request's or an act's period end later, with the reason."),
        "dialogue": (DialogueOpened, "Begin a structured dialogue (Arts 91(2), 92(7), 93(2)); it is optional."),
        "end-dialogue": (DialogueClosed, "End a structured dialogue."),
        "commitment": (CommitmentOffered, "Enter a commitment that a provider offers (Art. 93(3))."),
        "decide-commitment": (CommitmentDecided, "Say what becomes of a commitment."),
        "measure": (MeasureRequested, "Request a measure (Art. 93(1)), after a hearing or under urgency."),
        "hearing": (HearingInvited, "Invite the provider to be heard on the grounds of an intended act (Art. 94)."),
        "hear": (HearingHeld, "Enter that the provider was heard, or let the period pass."),
        "alert": (AlertReceived, "Enter a qualified alert of the scientific panel (Art. 90)."),
        "complaint": (ComplaintReceived, "Enter a complaint of a downstream provider (Art. 89(2))."),
        "incident": (IncidentOpened, "Enter a serious incident; its clocks count from --aware."),
        "report-incident": (IncidentReported, "Enter a report on an incident: initial, intermediate or final."),
        "resolve-incident": (IncidentResolved, "Enter that an incident is resolved."),
        "suspension": (SuspensionImposed, "Enter that a third party's act suspends access; clocks stand still."),
        "ease-suspension": (SuspensionEased, "Enter that a suspension holds no longer for some; clocks stay still."),
        "lift-suspension": (SuspensionLifted, "Enter that a suspension ends; its clocks go on."),
        "event": (EventStated, "Enter an event from which the law counts, by the law pack's name for it."),
        "context": (ContextNoted, "Enter what bears on the case from outside; it moves no stage and no clock."),
        "submission": (SubmissionReceived, "Enter that something arrived which duties ask for."),
        "documentation": (DocumentationReceived, "Enter which fields of a form a provider's documentation holds."),
        "scope": (ScopeStated, "State whether duties of one scope, role or chapter of the law bear on the provider."),
        "assert": (AssertionMade, "Enter what a side claims to be so."),
        "support": (AssertionSupported, "Put forward what shows an assertion to be so."),
        "check": (AssertionChecked, "Enter that somebody other than who asserted it looked for themselves."),
        "propose-expert": (ExpertProposed, "Propose an expert, with qualifications (Art. 68(2))."),
        "declare": (ConflictDeclared, "Enter an expert's declared relation with a provider, or that there is none."),
        "appoint": (ExpertAppointed, "Appoint an expert (Art. 92(2))."),
        "finding": (FindingStated, "State a finding about a duty, or its next version."),
        "reply": (FindingReplied, "Enter the provider's reply to one version of a finding."),
        "correct": (ItemCorrected, "Let members of an item be read otherwise from now on."),
        "withdraw": (ItemWithdrawn, "Let an item count no longer."),
        "clear": (PublicationCleared, "Clear items for publication as they stand now."),
    }
    return {name: Act(kind=kind, help=text) for name, (kind, text) in table.items()}


COMMANDS: Final = _acts()

SINGULAR: Final = {
    "changes": "change", "components": "component", "conditions": "condition",
    "duties": "duty", "entries": "entry", "experts": "expert", "items": "item", "kinds": "kind",
    "participants": "participant", "provisions": "provision", "qualifications": "qualification", "subjects": "subject",
    "topics": "topic",
}  # fmt: skip
"""How the option of a list is called where it is not called as the member."""

SHARED: Final = ("at", "item", "on", "source", "confidence", "refs")
"""Members that every item has, or that the command sets."""

DEFAULTS: Final = {"count": "1", "form": "unstated", "assurance": "none", "addressee": "provider"}


def attach(group: click.Group) -> None:
    """Put every command of `COMMANDS` into a group."""
    for name, act in COMMANDS.items():
        group.add_command(_command(name, act))


def _command(name: str, act: Act) -> click.Command:
    params: list[click.Parameter] = [click.Argument(["case"], metavar="ENGAGEMENT")]
    meanings = {name: meaning for name, _, meaning in described(act.kind)}
    params += [
        option
        for member, hint in _own(act.kind)
        if (option := _option(act.kind, member, hint, meanings[member])) is not None
    ]
    params += [
        click.Option(["--on"], default="", help="When it was so, as exactly as is known; today where left out."),
        click.Option(["--source"], default="", help="Where it is known from; empty where it is known first-hand."),
        click.Option(
            ["--confidence"], default="stated", type=click.Choice(["stated", "reported", "unconfirmed"]),
            help="Stated by whoever enters it, reported by the source, or unconfirmed.",
        ),
        click.Option(["--ref", "refs"], multiple=True, help="Its name outside, such as a file number; again for more."),
        click.Option(["--seen"], type=click.IntRange(0), help="How many entries you saw; refused if more came since."),
        click.Option(["--json", "as_json"], is_flag=True, help="Print JSON."),
    ]  # fmt: skip
    return click.Command(
        name, params=params, callback=click.pass_obj(_enter(act)), help=act.help, short_help=act.help.removesuffix(".")
    )


def _own(kind: type[CaseItem]) -> list[tuple[str, Any]]:
    hints = get_type_hints(kind)
    return [(field.name, hints[field.name]) for field in fields(kind) if field.name not in SHARED]


def _option(kind: type[CaseItem], member: str, hint: Any, meaning: str) -> click.Option | None:
    """The option of one member; digests are never typed, they follow from what is named."""
    if hint is Digest:
        return None
    label = f"--{SINGULAR.get(member, member).replace('_', '-')}"
    required, provision = REQUIRED.get(kind.kind, ((), ""))
    words = VOCABULARY.get(kind.kind, {}).get(member)
    told = meaning if meaning and not words else f"{member.replace('_', ' ').capitalize()}."
    needed = f" Needed{f' ({provision})' if provision else ''}." if member in required else ""
    text = f"{told}{needed}"
    many = getattr(hint, "__origin__", None) is tuple
    if many and hint != tuple[str, ...]:
        pairs = hint not in (tuple[Hex32, ...],) and member != "entries"
        text = f"{text} {'As NAME=VALUE; again for more.' if pairs else 'Again for more.'}"
    elif many:
        text = f"{text} Again for more."
    kinds: Any = click.Choice(list(words)) if words else (click.IntRange(0) if hint is int else click.STRING)
    if many:
        return click.Option([label, member], multiple=True, type=kinds, help=text)
    fallback = None if hint is int else DEFAULTS.get(member, "")
    if words and fallback not in words:
        return click.Option([label, member], type=kinds, required=True, help=text)
    return click.Option([label, member], type=kinds, default=fallback, help=text)


def _enter(act: Act) -> Callable[..., None]:
    def enter(home: Home, case: str, as_json: bool, seen: int | None, on: str, **given: Any) -> None:
        at = home.clock()
        with refusing(), open_case(home, case) as (folder, ledger):
            told = open_book(ledger)
            members = {name: _read(value) for name, value in given.items()}
            members["on"] = _read(on) or at.date().isoformat()
            record = _record(act.kind, members, told, home, instant_text(at))
            index = add(ledger, record, at, seen=seen)
            stands = view(ledger, at)
        item = record.members()["item"]
        answer = {
            "engagement": folder.name, "entry": index, "item": item, "kind": record.kind, "stage": stands.stage,
        }  # fmt: skip
        text = f"{record.kind} entered as {item[:8]} (entry {index}); {stands.provider}: stage {stands.stage}"
        say(as_json, answer, text)

    return enter


def _read(value: Any) -> Any:
    """A text, or what the file holds that `@` names."""
    if isinstance(value, tuple):
        return tuple(_read(one) for one in value)
    if isinstance(value, str) and value.startswith("@"):
        try:
            return read_file(Path(value[1:])).decode("utf-8").strip()
        except UnicodeDecodeError:
            refuse(f"{value[1:]}: expected text in UTF-8")
    return value


def _record(kind: type[CaseItem], given: Mapping[str, Any], case: Case, home: Home, at: str) -> Record:
    hints = get_type_hints(kind)
    members: dict[str, Any] = {"at": at, "item": home.random(16).hex()}
    for name in (field.name for field in fields(kind) if field.name not in members):
        members[name] = _member(name, hints[name], given.get(name), case)
    if "finding_version" in members:
        _version(kind, members, case, home)
    if "digest" in members:
        members["digest"] = _digest(kind, members, case)
    try:
        return kind.from_members(members)
    except MalformedRecord as error:
        raise click.ClickException(str(error)) from None


def _member(name: str, hint: Any, value: Any, case: Case) -> Any:
    if hint is Hex32:
        return _finding(case, value) if name == "finding" else named(case, value or "", name)
    if hint == tuple[Hex32, ...]:
        return [named(case, one, name) for one in value]
    if getattr(hint, "__origin__", None) is tuple:
        if name == "entries":
            return [int(one) if one.isdecimal() else one for one in value]
        if hint != tuple[str, ...]:
            return [one.split("=") for one in value]
        return [named(case, one, name, strict=False) for one in value] if name == "cites" else list(value)
    if isinstance(value, str) and name in REFERENCES and value:
        return named(case, value, name, strict=False)
    return "" if value is None and hint is str else value


REFERENCES: Final = ("request", "hearing", "evaluation", "dialogue", "panel_request", "insufficiency", "about")
"""Text members that may name an item."""


def named(case: Case, called: str, member: str, *, strict: bool = True) -> str:
    """The id of an item, a document or a finding, called by its id, the beginning of it, or its entry's index."""
    findings = {record.finding for _, record in case.records(FindingStated)}
    ids = {*case.items, *case.documents, *findings}
    found = _at_index(case, called, member)
    found = found or sorted(one for one in ids if len(called) >= 4 and one.startswith(called))
    if len(found) == 1:
        return found[0]
    if not strict:
        return called
    problem = "several items are" if found else "no item of this case is"
    option = f"--{member.replace('_', '-')}"
    refuse(f"{option}: {problem} called {called!r}; 'comity engagement show' lists each with its entry and id")


def _at_index(case: Case, called: str, member: str) -> list[str]:
    """What an index such as `7` leads to: the finding or document of that entry where one is meant, else the item."""
    if not (called.isascii() and called.isdecimal() and len(called) <= 4):
        return []
    for item in case.items.values():
        if item.index == int(called):
            match item.record:
                case FindingStated() as stated if member == "finding":
                    return [stated.finding]
                case DocumentAttached() as attached if member == "document":
                    return [attached.document]
            return [item.id]
    return []


def _finding(case: Case, called: str | None) -> str:
    """The id of a finding, called by it or by one of its versions; empty for a new one."""
    if not called:
        return ""
    name = named(case, called, "finding")
    version = case.items[name].record if name in case.items else None
    if isinstance(version, FindingStated):
        return version.finding
    if name in {record.finding for _, record in case.records(FindingStated)}:
        return name
    refuse(f"--finding: expected a finding or a version of one; {called!r} is {case.entry_of(name).record.kind}")


def _version(kind: type[CaseItem], members: dict[str, Any], case: Case, home: Home) -> None:
    """A finding without an id is new; without a version it is the next, and a reply's the newest."""
    if kind is FindingStated:
        members["finding"] = members["finding"] or home.random(16).hex()
    stated = [record for _, record in case.records(FindingStated) if record.finding == members["finding"]]
    known = [record.finding_version for record in stated]
    if members["finding_version"] is None:
        members["finding_version"] = max(known, default=0) + (kind is FindingStated)


def _digest(kind: type[CaseItem], members: Mapping[str, Any], case: Case) -> str:
    """The digest of the version that a reply answers."""
    for item, record in case.records(FindingStated):
        if kind is FindingReplied and record.finding == members["finding"]:
            if record.finding_version == members["finding_version"]:
                return item.latest.digest
    refuse(f"--finding-version: no such version of that finding; got {members.get('finding_version')}")
