"""Commands that enter an item in a case, one for each kind: made from the kinds themselves.

A command's options are the members of its kind; a list's option may be given again, and a list of pairs is written
`NAME=VALUE`.  Every command also takes what each item states: `--on`, `--source`, `--confidence`, `--ref`.  A text
that begins with `@` is read from that file.  Items are named by their id, its beginning, or their entry's index.

What is left out is empty; what may not be empty, the engagement room refuses, with the article that asks for it.
So a request that the law does not know as complete is not written, and nothing here knows the law.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from comity.cli.cases import open_case, read_file, refuse, refusing, say
from comity.cli.home import Home
from comity.engagement import add, open_book, view
from comity.engagement.acts import ACTS, Act, compose, own_members
from comity.engagement.rules import REQUIRED, VOCABULARY
from comity.records import CaseItem, Digest, Hex32
from comity.records.described import described

__all__ = ["attach"]

SINGULAR: Final = {
    "changes": "change", "components": "component", "conditions": "condition",
    "duties": "duty", "entries": "entry", "experts": "expert", "items": "item", "kinds": "kind",
    "participants": "participant", "provisions": "provision", "qualifications": "qualification", "subjects": "subject",
    "topics": "topic",
}  # fmt: skip
"""How the option of a list is called where it is not called as the member."""

DEFAULTS: Final = {"count": "1", "form": "unstated", "assurance": "none", "addressee": "provider"}


def attach(group: click.Group) -> None:
    """Put every command of `ACTS` into a group."""
    for name, act in ACTS.items():
        group.add_command(_command(name, act))


def _command(name: str, act: Act) -> click.Command:
    params: list[click.Parameter] = [click.Argument(["case"], metavar="ENGAGEMENT")]
    meanings = {name: meaning for name, _, meaning in described(act.kind)}
    params += [
        option
        for member, hint in own_members(act.kind)
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
            record = compose(act.kind, members, told, at=at, random=home.random)
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
