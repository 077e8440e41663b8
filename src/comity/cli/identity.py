"""`comity identity`: is the model that answers now the one that answered at the start?

    identity enrol     take a baseline, through the gateway, as ordinary calls
    identity test      ask some of it again, and say "changed", or what was not found at which power
    identity show      what was enrolled and found; with --disclose, the file that shows it to others
    identity check     compute a disclosed enrolment again, and hold it against a copy of the ledger

Exit status of `test`: 0 nothing was found, 1 a part is "changed" or the calls were refused.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from comity.cli.home import Home
from comity.cli.identity_acts import asker_of, keeper_of, record_session, sentence, settle_untested
from comity.evaluation import EvaluationError
from comity.evaluation.edge import Door
from comity.evaluation.identity.checking import (
    Finding,
    check_against_ledger,
    check_results,
    format_disclosed,
    parse_disclosed,
)
from comity.evaluation.identity.edge import Asker
from comity.evaluation.identity.enrolling import Design, enrol
from comity.evaluation.identity.enrolment import Enrolment, IdentityError, Purpose, Session, result_members
from comity.evaluation.identity.testing import CHANGED, calibrating, choose

__all__ = ["identity"]

DEFAULT: Final = Design()
MARKS: Final = {True: "✓", False: "✗"}


@click.group()
def identity() -> None:
    """Is this still the model that we enrolled?

    An enrolment keeps a baseline of answers. Later answers to the same prompts are compared with it, as often as one
    likes. The result is never that two models are the same, nor that the one enrolled was the one agreed.
    """


@identity.command("enrol")
@click.option("--ledger", required=True, help="The ledger's origin, as the terms state it.")
@click.option("--gateway", required=True, help="The gateway's URL.")
@click.option("--model", required=True, help="The model, as the terms name it.")
@click.option("--protocol", type=click.Choice(["openai", "anthropic"]), default="openai", show_default=True)
@click.option("--prompts", default=DEFAULT.prompts, show_default=True, help="Completion prompts.")
@click.option("--repeats", default=DEFAULT.repeats, show_default=True, help="How often each is asked.")
@click.option("--max-tokens", default=DEFAULT.max_tokens, show_default=True, help="The most that an answer may take.")
@click.option("--margin", default=DEFAULT.margin, show_default=True, help="Distance of completions to tolerate.")
@click.option("--effect", default=DEFAULT.effect, show_default=True, help="Distance at which the power is stated.")
@click.option("--border", default=DEFAULT.border, show_default=True, help="Border inputs to find; 0 for none.")
@click.option("--border-repeats", default=DEFAULT.border_repeats, show_default=True, help="How often each is asked.")
@click.option("--search", default=DEFAULT.search, show_default=True, help="Border candidates to look at, at most.")
@click.option("--alpha", default=DEFAULT.alpha, show_default=True, help="The chance of a false alarm, at most.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_obj
def enrol_command(
    home: Home, /, ledger: str, gateway: str, model: str, protocol: str, as_json: bool, **chosen: Any
) -> None:
    """Take a baseline of MODEL's answers, before the evaluation that it is to vouch for.

    The calls pass the gateway as all others do and count against the budget; the most that it can take are
    printed before the first. Prompts and answers are sealed to this home's own key; the ledger gets a commitment.
    """
    try:
        design = Design(**chosen)
        if not as_json:
            click.echo(f"at most {design.most_calls} calls; a failed one that is tried again counts too")
        with Door(gateway, ledger.rpartition("/")[2], home.secret()) as door:
            with Asker(door.model_url(protocol), home.secret(), protocol=protocol, model=model) as asker:
                taken = enrol(
                    design, asker, id=home.random(16).hex(), ledger=ledger, model=model, protocol=protocol,
                    random=home.random,
                )  # fmt: skip
            keeper = keeper_of(home)
            commitment = keeper.keep_enrolment(taken)
            _, index = door.append(
                "identity.enrolled", enrolment=taken.id, model=model, calls=taken.calls, commitment=commitment
            )
            keeper.note_enrolled(taken, index)
    except (EvaluationError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    said = {**_enrolment_members(taken), "commitment": commitment, "entry": index}
    if as_json:
        click.echo(json.dumps(said))
        return
    _tell_enrolment(taken, index)
    click.echo(f"  commitment   {commitment}")
    if design.border and taken.part("first-token") is None:
        click.echo(f"  no border input among {design.search} candidates: there is no tripwire")


@identity.command("test")
@click.argument("enrolment")
@click.option("--gateway", required=True, help="The gateway's URL.")
@click.option("--calls", default=60, show_default=True, help="Calls to take.")
@click.option("--benign", metavar="WHY", help="What was changed harmlessly: sets the margin, tests nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_obj
def test_command(home: Home, enrolment: str, gateway: str, calls: int, benign: str | None, as_json: bool) -> None:
    """Compare fresh answers with ENROLMENT, given by its id or the beginning of it.

    It may be asked as often as one likes: the evidence of all tests adds up, and their number needs no correction.
    """
    try:
        keeper = keeper_of(home)
        taken, _ = keeper.enrolment(enrolment)
        with Door(gateway, taken.ledger.rpartition("/")[2], home.secret()) as door:
            settle_untested(keeper, taken, door)
            earlier = [session for session, _ in keeper.sessions(taken.id)]
            purpose: Purpose = "retest" if benign is None else "benign"
            if purpose == "benign" and not calibrating(earlier):
                raise IdentityError("a test was made already: a margin is set before the first test, not after it")
            questions = choose(taken, calls, home.random)
            with asker_of(home, taken, gateway) as asker:
                answers = asker.ask_all([question for _, _, question in questions])
            session = Session(
                enrolment=taken.id,
                number=len(earlier) + 1,
                purpose=purpose,
                note=benign or "",
                run="",
                calls=asker.calls,
                answers=tuple(
                    (kind, place, answer) for (kind, place, _), answer in zip(questions, answers, strict=True)
                ),
            )
            judged, index = record_session(keeper, taken, earlier, session, door)
    except EvaluationError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps(_session_members(judged, index)))
    else:
        _tell_session(judged, index)
    if judged.purpose != "benign" and any(result.verdict == CHANGED for result in judged.results or ()):
        raise SystemExit(1)


@identity.command("show")
@click.argument("enrolment", required=False)
@click.option("--disclose", type=click.Path(path_type=Path, dir_okay=False), help="Write all of it to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_obj
def show_command(home: Home, enrolment: str | None, disclose: Path | None, as_json: bool) -> None:
    """Show ENROLMENT and what was found with it, or list all of this home.

    With --disclose its prompts are secret no longer: who reads that file can compute everything again, and a provider
    that reads it knows what will be asked.
    """
    try:
        keeper = keeper_of(home)
        wanted = [enrolment] if enrolment else keeper.enrolments()
        shown = []
        for one in wanted:
            taken, kept = keeper.enrolment(one)
            tested = [(session, item) for session, item in keeper.sessions(taken.id) if item.index]
            shown.append((taken, kept, tested))
        if disclose is not None:
            if enrolment is None:
                raise click.UsageError("--disclose wants the enrolment that is to be disclosed")
            taken, kept, tested = shown[0]
            disclose.write_bytes(format_disclosed([kept, *(item for _, item in tested)]))
    except EvaluationError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        listed = [
            {
                **_enrolment_members(taken),
                "commitment": kept.commitment,
                "entry": kept.index,
                "sessions": [_session_members(session, item.index) for session, item in tested],
            }
            for taken, kept, tested in shown
        ]
        click.echo(json.dumps(listed[0] if enrolment else {"enrolments": listed}))
        return
    if not shown:
        click.echo("no enrolment in this home; make one with 'comity identity enrol'")
    for taken, kept, tested in shown:
        _tell_enrolment(taken, kept.index)
        for session, item in tested:
            _tell_session(session, item.index)
    if disclose is not None:
        click.echo(f"disclosed in {disclose}")


@identity.command("check")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--ledger", "copy", type=click.Path(path_type=Path, file_okay=False, exists=True),
              help="A copy of the ledger, as 'comity mirror' makes it.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def check_command(file: Path, copy: Path | None, as_json: bool) -> None:
    """Compute the disclosed enrolment in FILE again; with a copy of the ledger, hold it against its entries.

    The copy itself is checked by 'comity verify'.
    """
    try:
        shown = parse_disclosed(file.read_bytes())
    except EvaluationError as error:
        raise click.ClickException(str(error)) from None
    facts = [check_results(shown)]
    if copy is not None:
        facts += check_against_ledger(shown, _records(copy))
    stands = all(fact.holds for fact in facts)
    if as_json:
        click.echo(json.dumps({"stands": stands, "facts": [_fact_members(fact) for fact in facts]}))
    else:
        for fact in facts:
            click.echo(f"{MARKS[fact.holds]} {fact.name}: {fact.detail}")
        if copy is None:
            click.echo("· commitments, complete, calls: not checked; give a copy of the ledger with --ledger")
    if not stands:
        raise SystemExit(1)


def _records(copy: Path) -> list[tuple[int, Any]]:
    from comity.ledger.reader import TileDirectory
    from comity.records import UnknownKind, parse_record

    directory, found = TileDirectory(copy), []
    for index, entry in enumerate(directory.entries(0, directory.size())):
        try:
            found.append((index, parse_record(entry)))
        except UnknownKind:
            continue
    return found


def _fact_members(fact: Finding) -> dict[str, Any]:
    return {"name": fact.name, "holds": fact.holds, "detail": fact.detail}


def _enrolment_members(taken: Enrolment) -> dict[str, Any]:
    return {
        "enrolment": taken.id,
        "ledger": taken.ledger,
        "model": taken.model,
        "calls": taken.calls,
        "alpha": taken.alpha,
        "parts": [
            {
                "kind": part.kind,
                "prompts": len(part.prompts),
                "answers": sum(len(group) for group in part.answers),
                "margin": part.margin,
                "effect": part.effect,
            }
            for part in taken.parts
        ],
    }


def _session_members(session: Session, index: int) -> dict[str, Any]:
    return {
        "enrolment": session.enrolment,
        "number": session.number,
        "purpose": session.purpose,
        "note": session.note,
        "run": session.run,
        "calls": session.calls,
        "entry": index,
        "results": [result_members(result) for result in session.results or ()],
    }


def _tell_enrolment(taken: Enrolment, index: int) -> None:
    click.echo(f"enrolment {taken.id} of {taken.model}: {taken.calls} calls (entry {index} of {taken.ledger})")
    for part in taken.parts:
        answers = sum(len(group) for group in part.answers)
        click.echo(
            f"  {part.kind:<12} {answers} answers to {len(part.prompts)} prompts; margin {part.margin}, "
            f"power stated at {part.effect}"
        )


def _tell_session(session: Session, index: int) -> None:
    beside = f", beside run {session.run}" if session.run else f", after: {session.note}" if session.note else ""
    click.echo(f"test {session.number}: {session.purpose}, {session.calls} calls{beside} (entry {index})")
    _tell_results(session.results or (), benign=session.purpose == "benign")


def _tell_results(results: Sequence[Any], *, benign: bool) -> None:
    for result in results:
        click.echo(f"  {result.kind:<12} {sentence(result, benign=benign)}")
