"""`comity engagement session`, `answer-session`, `hand-session` and `sessions`: access that is not a call.

One side enters a session and hands the file of `--out` to the other, which takes it in with `--from` and answers; the
answer travels back the same way.  Both ledgers then hold the same entries.  The files are kept in the case's folder:

    engagements/<engagement id>/sessions/<session id>-<first digits of the digest>.json
"""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import click

from comity.cli.access_ledgers import case_keys
from comity.cli.arrangement_files import party_role
from comity.cli.cases import open_case, read_file, refuse, refusing, say, write_file
from comity.cli.home import Home
from comity.engagement import Case, Item, add_all, open_book
from comity.engagement.acts import item_called
from comity.engagement.rules import VOCABULARY
from comity.engagement.sessions import (
    Session,
    hand_session,
    open_answer,
    open_session,
    read_sessions,
    sign_answer,
)
from comity.ledger import Ledger
from comity.records import (
    ArrangementInForce,
    CaseItem,
    Digest,
    Hex32,
    Instant,
    SessionAnswered,
    SessionHeld,
    instant_text,
    to_bytes,
)

__all__ = ["answer_session", "hand", "session", "sessions"]

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
FROM = click.Path(path_type=Path, dir_okay=False, exists=True)
OUT = click.Path(path_type=Path, dir_okay=False)
SEEN = click.option("--seen", type=click.IntRange(0), help="How many entries you saw; refused if more came since.")


@click.command()
@click.argument("case", metavar="ENGAGEMENT")
@click.option("--form", type=click.Choice(VOCABULARY["session.held"]["form"]), help="What kind of access it was.")
@click.option("--begin", default="", help="When it began, such as 2026-10-05T09:00:00.000Z.")
@click.option("--end", default="", help="When it ended.")
@click.option("--participant", "participants", multiple=True, help="A pseudonym or a role; again for more.")
@click.option("--host", "hosts", multiple=True, help="Who showed it: a pseudonym or a role; again for more.")
@click.option("--shown", multiple=True, help="What was shown; again for more.")
@click.option("--condition", "conditions", multiple=True, help="Under which condition; again for more.")
@click.option("--subject", default="", help="The model that it was about; empty where it was about none.")
@click.option("--notes", type=FROM, help="The notes taken: their SHA-256 is entered, never their words.")
@click.option("--arrangement", default="", help="Under which arrangement; the case's newest where left out.")
@click.option("--from", "source", type=FROM, help="Take in a session that the other side entered and signed.")
@click.option("--out", type=OUT, help="Write the signed session for the other side.")
@SEEN
@JSON
@click.pass_obj
def session(
    home: Home,
    /,
    case: str,
    source: Path | None,
    out: Path | None,
    notes: Path | None,
    seen: int | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Enter access that is not a call: source code read, a run on premises, weights, an interview, a document room.

    It is entered in the name of this home's side. The other side answers with 'answer-session'.
    """
    role = party_role(home)
    if source is not None and out is not None:
        raise click.UsageError("expected --from FILE or --out FILE: what the other side entered, it hands over itself")
    with refusing(), open_case(home, case) as (folder, ledger):
        told = open_book(ledger)
        if source is not None:
            records = _received(home, told, folder, source, role)
        else:
            records = (_entered(home, told, role, given, notes),)
        index = _add(home, ledger, records, seen)
        item = records[0].item if isinstance(records[0], SessionHeld) else getattr(records[0], "corrects", "")
        told = open_book(ledger)
        if out is not None:
            write_file(out, hand_session(told, str(item), home.signer("party")))
        found = _one(told, str(item), case_keys(home, told))
    members = {"engagement": folder.name, "entry": index, **_members(found)}
    handed = f"; hand {out} to the other side" if out is not None else ""
    say(as_json, members, f"session {found.item.id[:8]} (entry {index}): {_said(found)}{handed}")


@click.command("answer-session")
@click.argument("case", metavar="ENGAGEMENT")
@click.argument("called", metavar="SESSION")
@click.option("--countersign", "answer", flag_value="countersigned", help="It was so.")
@click.option("--contest", "answer", flag_value="contested", help="It was not so; --because says what was.")
@click.option("--because", default="", help="Why it is contested, or a remark.")
@click.option("--on-paper", is_flag=True, help="Enter the other side's answer on paper, which nobody can check.")
@click.option("--from", "source", type=FROM, help="Take in the other side's signed answer.")
@click.option("--out", type=OUT, help="Write the signed answer for the other side.")
@SEEN
@JSON
@click.pass_obj
def answer_session(
    home: Home,
    case: str,
    called: str,
    answer: str | None,
    because: str,
    on_paper: bool,
    source: Path | None,
    out: Path | None,
    seen: int | None,
    as_json: bool,
) -> None:
    """Countersign the other side's session or contest it, with this home's party key.

    With --from the other side's answer is taken in; its signature must verify by the keys of the terms.
    """
    role = party_role(home)
    if (answer is None) == (source is None):
        raise click.UsageError("expected one of --countersign, --contest and --from FILE")
    with refusing(), open_case(home, case) as (folder, ledger):
        told = open_book(ledger)
        item = _session_called(told, called)
        keys = case_keys(home, told)
        if source is not None:
            record = open_answer(read_file(source), told, keys)
            if record.session != item.id:
                refuse(f"the answer is about the session {record.session}, not about {item.id}")
        else:
            other = "provider" if role == "authority" else "authority"
            record = SessionAnswered(
                **_shared(home, home.clock().date().isoformat()),
                session=Hex32(item.id),
                by=other if on_paper else role,
                answer=str(answer),
                digest=Digest(item.latest.digest),
                because=because,
                signature="" if on_paper else sign_answer(item, str(answer), because, home.signer("party")),
            )
        index = _add(home, ledger, (record,), seen)
        if out is not None:
            write_file(out, to_bytes(record))
        found = _one(open_book(ledger), item.id, keys)
    members = {"engagement": folder.name, "entry": index, **_members(found)}
    say(as_json, members, f"session {item.id[:8]} (entry {index}): {_said(found)}")


@click.command("hand-session")
@click.argument("case", metavar="ENGAGEMENT")
@click.argument("called", metavar="SESSION")
@click.option("--out", type=OUT, required=True, help="Where the signed session goes.")
@JSON
@click.pass_obj
def hand(home: Home, case: str, called: str, out: Path, as_json: bool) -> None:
    """Write the file of a session that this home's side entered, with its corrections, for the other side."""
    role = party_role(home)
    with refusing(), open_case(home, case) as (_, ledger):
        told = open_book(ledger)
        item = _session_called(told, called)
        if getattr(item.record, "by", role) != role:
            refuse(f"the other side entered the session {item.id}; hand it an answer with 'answer-session'")
        write_file(out, hand_session(told, item.id, home.signer("party")))
    members = {"session": item.id, "out": str(out)}
    say(as_json, members, f"session {item.id[:8]}: hand {out} to the other side")


def _session_called(case: Case, called: str) -> Item:
    item = case.items.get(item_called(case, called, "session"))
    if item is None or not isinstance(item.record, SessionHeld):
        refuse(f"expected a session; {called!r} is none. 'comity engagement sessions' lists them")
    return item


@click.command()
@click.argument("case", metavar="ENGAGEMENT")
@JSON
@click.pass_obj
def sessions(home: Home, case: str, as_json: bool) -> None:
    """The sessions of a case: who saw what, and whether both sides say so."""
    with refusing(), open_case(home, case) as (folder, ledger):
        told = open_book(ledger)
        found = read_sessions(told, case_keys(home, told))
    lines = [line for one in found for line in _lines(one)] or ["no session was entered"]
    say(as_json, {"engagement": folder.name, "sessions": [_members(one) for one in found]}, "\n".join(lines))


def _shared(home: Home, on: str) -> dict[str, Any]:
    return {
        "at": Instant(instant_text(home.clock())), "item": Hex32(home.random(16).hex()), "on": on, "source": "",
        "confidence": "stated", "refs": (),
    }  # fmt: skip


def _entered(home: Home, case: Case, role: str, given: Mapping[str, Any], notes: Path | None) -> SessionHeld:
    if not given["form"] or not given["begin"] or not given["end"]:
        raise click.UsageError("expected --form, --begin and --end, or --from FILE")
    forces = [one.record.arrangement for one in case.plain if isinstance(one.record, ArrangementInForce)]
    arrangement = given["arrangement"] or (forces[-1] if forces else "")
    if not arrangement:
        refuse("no arrangement was in force in this case, and a session is access under one")
    first, last = given["begin"][:10], given["end"][:10]
    members = {name: given[name] for name in ("participants", "hosts", "shown", "conditions", "form", "subject")}
    record: SessionHeld = SessionHeld.from_members(
        _shared(home, first if first == last else f"{first}/{last}")
        | {name: list(value) if isinstance(value, tuple) else value for name, value in members.items()}
        | {"refs": [], "arrangement": arrangement, "by": role, "begin": given["begin"], "end": given["end"]}
        | {"notes": sha256(read_file(notes)).hexdigest() if notes is not None else ""}
    )
    return record


def _received(home: Home, case: Case, folder: Path, source: Path, role: str) -> tuple[CaseItem, ...]:
    """The entries of a handed session that this ledger does not hold yet."""
    envelope = read_file(source)
    records = open_session(envelope, case_keys(home, case))
    first = records[0]
    if isinstance(first, SessionHeld) and first.by == role and first.item not in case.items:
        refuse(f"the session says that the {role} entered it, and this home of the {role} does not hold it")
    held = {entry.digest for entry in case.entries}
    new = tuple(record for record in records if sha256(to_bytes(record)).hexdigest() not in held)
    if not new:
        refuse(f"the session {first.item} is held already, as the file has it")
    name = f"{first.item}-{sha256(to_bytes(records[-1])).hexdigest()[:16]}.json"
    write_file(folder / "sessions" / name, envelope)
    return new


def _add(home: Home, ledger: Ledger, records: tuple[CaseItem, ...], seen: int | None) -> int:
    return add_all(ledger, records, home.clock(), seen=seen)[-1]


def _one(case: Case, item: str, keys: Mapping[str, Mapping[str, str]]) -> Session:
    return next(one for one in read_sessions(case, keys) if one.item.id == item)


def _members(one: Session) -> dict[str, Any]:
    return {
        "session": one.item.id,
        "status": one.status,
        "signed": one.signed,
        "by": one.record.by,
        "form": one.record.form,
        "subject": one.record.subject,
        "begin": one.record.begin,
        "end": one.record.end,
        "shown": list(one.record.shown),
        "because": one.answer.because if one.answer is not None else "",
        "entries": [entry.index for entry in one.entries],
    }


def _said(one: Session) -> str:
    other = "provider" if one.record.by == "authority" else "authority"
    match one.status:
        case "entered":
            wrong = "; an answer came whose signature does not verify" if one.signed == "wrong" else ""
            return f"entered by the {one.record.by}, waits for the {other}{wrong}"
        case "corrected":
            return f"corrected since it was answered, waits for the {other} again"
        case status:
            because = f": {one.answer.because}" if one.answer is not None and one.answer.because else ""
            return f"{status} by the {other}, {one.signed}{because}"


def _lines(one: Session) -> list[str]:
    record = one.record
    when = f"{record.begin[:16].replace('T', ' ')} to {record.end[:16].replace('T', ' ')}"
    about = f" of {record.subject}" if record.subject else ""
    return [
        f"{one.item.id[:8]}  {record.form}{about}, {when} UTC: {', '.join(record.shown)}",
        f"          {_said(one)} (entries {', '.join(str(entry.index) for entry in one.entries)})",
    ]
