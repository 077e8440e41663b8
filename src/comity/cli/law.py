"""`comity law`: what is owed, by when, and which class a model is in; out of packs of law.

    comity law packs
    comity law duties eu-ai-act --who provider --text incident
    comity law clock eu-ai-act AIA-52-1 --on SR_CONDITION_MET_OR_KNOWN=2026-03-02
    comity law classify eu-ai-act --compute 2.1e25 --modality text
    comity law incident --kind model-exfiltration --aware 2026-10-05T09:30:00Z
    comity law assess "Aurora Systems"

It needs no home, but for `assess`, which reads a case.  A pack is named `eu-ai-act`, in its newest version, or
`eu-ai-act@2024-07-12`.  Days are counted as docs/explanation/clocks.md says; `--calendar` names another calendar or
a file with one.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from comity.cli import law_show as show
from comity.cli.law_at_hand import FOLDERS, folders_at_hand, law_at_hand
from comity.law import (
    KINDS,
    PLAIN,
    Act,
    Calendar,
    Clock,
    DeadlineRefused,
    DutyUnknown,
    Estimate,
    Extended,
    Facts,
    FactsRefused,
    Fixed,
    LawError,
    Met,
    Moment,
    Noted,
    Opened,
    Pack,
    PackUnknown,
    Start,
    Stopped,
    WentOn,
    acts_of,
    answer_members,
    architecture,
    classify,
    clock_members,
    duty_members,
    export,
    hardware,
    known_packs,
    named_calendar,
    pack_members,
    parse_calendar,
    parse_duration,
    read_clocks,
    starts_of,
    stated,
)

__all__ = ["law"]

MISUSE: Final = (PackUnknown, DutyUnknown, DeadlineRefused, FactsRefused)
MODALITIES: Final = ("text", "audio", "image", "video")
NARROW: Final = 80
WIDEST: Final = 120

T = TypeVar("T")


@contextmanager
def told() -> Iterator[None]:
    """What the room of law refuses, said in a terminal: status 2 for a name or a number, else 1."""
    try:
        yield
    except MISUSE as error:
        raise click.UsageError(str(error)) from None
    except LawError as error:
        raise click.ClickException(str(error)) from None


def width() -> int:
    """Columns to write in."""
    return min(max(shutil.get_terminal_size((NARROW, 24)).columns, 60), WIDEST)


def say(as_json: bool, members: Any, lines: Iterable[str]) -> None:
    """Print as JSON, or for people."""
    if as_json:
        click.echo(json.dumps(members, ensure_ascii=False))
        return
    for line in lines:
        click.echo(line)


def pack_named(name: str) -> Pack:
    """A pack by `name` or `name@version`."""
    stem, _, version = name.partition("@")
    with told():
        return law_at_hand(stem, version or None)


def moment(text: str) -> Moment:
    """A day, or an instant in UTC; raises `click.BadParameter`."""
    try:
        if "T" in text:
            found = datetime.fromisoformat(text)
            if found.tzinfo is not None:
                return found.astimezone(UTC)
        elif len(text) == 10:
            return date.fromisoformat(text)
    except (ValueError, OverflowError):
        pass
    raise click.BadParameter(
        f"expected a day such as 2026-03-02 or an instant with its zone such as 2026-03-02T09:30:00Z; got {text[:40]!r}"
    )


def split(text: str, sign: str, shape: str) -> tuple[str, str]:
    """The two sides of an option such as `EVENT=DATE`."""
    left, found, right = text.partition(sign)
    if not left or not found or not right:
        raise click.BadParameter(f"expected {shape}; got {text[:60]!r}")
    return left, right


def calendar_named(name: str) -> Calendar:
    """A calendar by name, or out of a file that ends in .yaml."""
    with told():
        if name.endswith((".yaml", ".yml")):
            path = Path(name)
            try:
                return parse_calendar(path.read_bytes(), path.name)
            except OSError as error:
                raise click.BadParameter(f"expected a calendar's file that can be read; {name}: {error}") from None
        return named_calendar(name)


calendar_option: Final = click.option(
    "--calendar",
    default=PLAIN.name,
    show_default=True,
    metavar="NAME|FILE",
    help="plain (no holidays), eu-institutions [unconfirmed], a country's code such as BE, or a YAML file.",
)
at_option: Final = click.option(
    "--at", metavar="DATE", help="The day or instant to ask for; else now. A day means its end."
)
json_option: Final = click.option("--json", "as_json", is_flag=True, help="Print as JSON.")


class LawGroup(click.Group):
    """Loads `assess` when it is asked for: it reads a case and so needs rooms that the law does not."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), "assess"])

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name == "assess":
            from comity.cli.law_assess import assess_command

            return assess_command
        return super().get_command(ctx, name)


@click.group(cls=LawGroup)
@click.option(
    "--packs",
    "folders",
    multiple=True,
    envvar="COMITY_LAW_PACKS",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder with further packs; may be given more than once.",
)
@click.pass_context
def law(ctx: click.Context, folders: tuple[Path, ...]) -> None:
    """What is owed, by whom, by when, shown by what.

    Laws and codes are packs of data in our own words, each fact with its source and a mark of how sure it is.
    """
    ctx.meta[FOLDERS] = folders


@law.command()
@json_option
def packs(as_json: bool) -> None:
    """List the packs at hand, with what each states and how sure it is."""
    with told():
        known = known_packs(folders_at_hand())
        members = [
            pack_members(law_at_hand(name), versions) for name, versions in known.items()
        ]
    say(as_json, members, show.packs(members, width()))


@law.command()
@click.argument("pack")
@click.option("--who", help="Only duties of this role.")
@click.option("--applies", help="Only duties of this scope.")
@click.option("--force", type=click.Choice(["binding", "code", "guidance", "draft", "voluntary"]))
@click.option("--text", help="Only duties that hold this text in their id, reference, words or evidence.")
@json_option
def duties(
    pack: str,
    who: str | None,
    applies: str | None,
    force: str | None,
    text: str | None,
    as_json: bool,
) -> None:
    """List the duties that PACK states: who owes what, by when, shown by what."""
    chosen = pack_named(pack)
    _known(who, chosen.roles, "--who")
    _known(applies, chosen.scopes, "--applies")
    found = [
        duty
        for duty in chosen.duties.values()
        if (who is None or who in duty.who)
        and (applies is None or applies == duty.applies)
        and (force is None or force == duty.force)
        and (text is None or text.casefold() in show.searched(duty).casefold())
    ]
    members = {"pack": chosen.name, "version": chosen.version, "duties": [duty_members(duty) for duty in found]}
    say(as_json, members, show.duties(chosen, found, width()))


def _known(word: str | None, names: Mapping[str, str], option: str) -> None:
    if word is not None and word not in names:
        raise click.UsageError(f"{option}: expected one of {', '.join(names)}; got {word[:60]!r}")


@law.command()
@click.argument("pack")
@click.argument("duty")
@click.option("--on", "events", multiple=True, metavar="EVENT=DATE", help="An event and when it happened.")
@click.option("--stop", "stops", multiple=True, metavar="FROM..TO=CAUSE", help="The clock stood still; no TO: still.")
@click.option("--extend", "more", multiple=True, metavar="DUR=REASON", help="Time that was added, such as P10D.")
@click.option("--until", metavar="DATE=REASON", help="The day that a request or a decision sets.")
@click.option("--met", metavar="DATE", help="When the duty was met.")
@click.option("--legacy", is_flag=True, help="It is about what was there before the law.")
@calendar_option
@at_option
@click.option("--ical", type=click.Path(dir_okay=False, path_type=Path), help="Write a calendar file as well.")
@json_option
def clock(
    pack: str,
    duty: str,
    events: tuple[str, ...],
    stops: tuple[str, ...],
    more: tuple[str, ...],
    until: str | None,
    met: str | None,
    legacy: bool,
    calendar: str,
    at: str | None,
    ical: Path | None,
    as_json: bool,
) -> None:
    """By when DUTY of PACK is to be met, with every step of the count.

    A date is a day (2026-03-02) or an instant with its zone (2026-03-02T09:30:00Z).
    """
    chosen, days = pack_named(pack), calendar_named(calendar)
    now, stamp = asked_time(at)
    name = f"{chosen.name}/{duty}"
    acts: list[Act] = [
        Opened(clock=name, at=now, pack=chosen.name, version=chosen.version, duty=duty, legacy=legacy)
    ]
    for text in events:
        event, on = split(text, "=", "EVENT=DATE")
        acts.append(Noted(clock=name, at=now, event=event, on=moment(on)))
    if until is not None:
        day, reason = split(until, "=", "DATE=REASON")
        acts.append(Fixed(clock=name, at=now, until=moment(day), reason=reason))
    for text in stops:
        acts += _stop(text, name, now)
    for text in more:
        length, reason = split(text, "=", "DUR=REASON")
        with told():
            acts.append(Extended(clock=name, at=now, by=parse_duration(length), reason=reason))
    if met is not None:
        acts.append(Met(clock=name, at=now, on=moment(met)))
    with told():
        chosen.duty(duty)
        (found,) = read_clocks(acts, [chosen], now, days)
    write_calendar(ical, [found], stamp)
    say(as_json, clock_members(found), show.clock(chosen, found, width(), now))


def _stop(text: str, name: str, now: Moment) -> list[Act]:
    span, cause = split(text, "=", "FROM..TO=CAUSE, or FROM..=CAUSE while it lasts")
    begin, dots, end = span.partition("..")
    if not dots:
        raise click.BadParameter(f"expected FROM..TO=CAUSE, or FROM..=CAUSE while it lasts; got {text[:60]!r}")
    acts: list[Act] = [Stopped(clock=name, at=now, on=moment(begin), cause=cause)]
    return [*acts, WentOn(clock=name, at=now, on=moment(end))] if end else acts


def asked_time(at: str | None) -> tuple[Moment, datetime]:
    """The time that is asked for, and an instant to stamp files with."""
    if at is None:
        now = datetime.now(UTC).replace(microsecond=0)
        return now, now
    asked = moment(at)
    return asked, PLAIN.first_instant(asked)


def write_calendar(path: Path | None, clocks: Sequence[Clock], stamp: datetime) -> None:
    """Write a calendar file where one was asked for."""
    if path is None:
        return
    try:
        path.write_bytes(export(clocks, stamp))
    except OSError as error:
        raise click.ClickException(f"expected a place to write a calendar file; {path}: {error}") from None


@law.command()
@click.option("--kind", "kinds", multiple=True, required=True, type=click.Choice(KINDS), help="May be given again.")
@click.option("--aware", required=True, metavar="DATE", help="When the provider became aware of its model's part.")
@click.option("--pack", "names", multiple=True, help="Only these regimes; else every pack at hand.")
@click.option("--about", default="incident", show_default=True, help="The incident's name in the output.")
@calendar_option
@at_option
@click.option("--ical", type=click.Path(dir_okay=False, path_type=Path), help="Write a calendar file as well.")
@json_option
def incident(
    kinds: tuple[str, ...],
    aware: str,
    names: tuple[str, ...],
    about: str,
    calendar: str,
    at: str | None,
    ical: Path | None,
    as_json: bool,
) -> None:
    """Every clock that one incident starts, in all regimes at once, each with its due time and reason."""
    with told():
        chosen = [pack_named(name) for name in names or known_packs(folders_at_hand())]
    days, known = calendar_named(calendar), moment(aware)
    now, stamp = asked_time(at)
    with told():
        if days.first_instant(known) > days.last_instant(now):
            raise click.UsageError(f"--aware: expected a time that is not after {at or 'now'}; got {aware}")
        starts = starts_of(tuple(dict.fromkeys(kinds)), chosen)
        clocks = read_clocks(acts_of(starts, about=about, aware=known, at=now), chosen, now, days)
    write_calendar(ical, clocks, stamp)
    members = [{**clock_members(one), **_started(start)} for one, start in zip(clocks, starts, strict=True)]
    say(as_json, {"kinds": list(kinds), "aware": aware, "clocks": members}, show.incident(
        chosen, starts, clocks, width(), now
    ))  # fmt: skip


def _started(start: Start) -> dict[str, Any]:
    return {
        "started_by": [one.id for one in start.classes],
        "why_this_clock": list(start.reasons),
        "class_refs": [one.ref for one in start.classes],
        "class_confidence": start.confidence,
    }


@law.command("classify")
@click.argument("pack")
@click.option("--compute", metavar="FLOP", help="All training compute, such as 2.1e25.")
@click.option("--updates", metavar="FLOP", help="The part that contributes to updates of parameters.")
@click.option("--hardware", "used", metavar="K=V,…", help="units=16384,seconds=4.6e6,peak=989e12,utilisation=0.4")
@click.option("--architecture", "trained", metavar="K=V,…", help="parameters=7e10,tokens=1.5e13")
@click.option("--modality", "modalities", multiple=True, type=click.Choice(MODALITIES), help="What it generates.")
@click.option("--general/--narrow", default=None, help="What facts show, whatever its compute.")
@click.option("--designated/--not-designated", default=None, help="Whether a decision classes it.")
@click.option("--modification", metavar="FLOP", help="Compute of a modification.")
@click.option("--original", metavar="FLOP", help="Compute of the original that was modified.")
@click.option("--original-systemic/--original-not-systemic", default=None, help="Whether the original is systemic.")
@click.option("--placed", metavar="DATE", help="When it was placed on the market.")
@click.option("--condition", "conditions", multiple=True, metavar="ID=yes|no", help="A condition of openness.")
@json_option
def classify_command(
    pack: str,
    compute: str | None,
    updates: str | None,
    used: str | None,
    trained: str | None,
    modalities: tuple[str, ...],
    general: bool | None,
    designated: bool | None,
    modification: str | None,
    original: str | None,
    original_systemic: bool | None,
    placed: str | None,
    conditions: tuple[str, ...],
    as_json: bool,
) -> None:
    """Which class a model is in under PACK, as far as the facts tell, with reasons and what is unknown."""
    chosen = pack_named(pack)
    day = _maybe(moment, placed)
    with told():
        facts = Facts(
            cumulative=_estimate(compute, used, trained),
            updates=_maybe(stated, updates),
            modalities=frozenset(modalities) if modalities else None,
            general=general,
            designated=designated,
            modification=_maybe(stated, modification),
            original=_maybe(stated, original),
            original_systemic=original_systemic,
            placed=PLAIN.day_of(day) if day is not None else None,
            conditions=dict(_condition(text) for text in conditions),
        )
        answers = classify(chosen, facts)
    if not answers:
        raise click.ClickException(f"{chosen.name} {chosen.version} states no rules of classification")
    estimate = str(facts.cumulative) if facts.cumulative is not None else None
    members = {
        "pack": chosen.name,
        "version": chosen.version,
        "compute": estimate,
        "answers": [answer_members(answer) for answer in answers],
    }
    say(as_json, members, show.answers(chosen, estimate, answers, width()))


def _maybe(read: Callable[[str], T], text: str | None) -> T | None:
    return None if text is None else read(text)


def _condition(text: str) -> tuple[str, bool]:
    name, said = split(text, "=", "ID=yes or ID=no")
    if said not in ("yes", "no"):
        raise click.BadParameter(f"expected ID=yes or ID=no; got {text[:60]!r}")
    return name, said == "yes"


def _estimate(compute: str | None, used: str | None, trained: str | None) -> Estimate | None:
    given = [option for option in (compute, used, trained) if option is not None]
    if len(given) > 1:
        raise click.UsageError("expected one of --compute, --hardware and --architecture; got more")
    if used is not None:
        parts = _parts(used, ("units", "seconds", "peak", "utilisation"), "--hardware")
        return hardware(
            units=parts["units"], seconds=parts["seconds"], peak=parts["peak"], utilisation=parts["utilisation"]
        )
    if trained is not None:
        parts = _parts(trained, ("parameters", "tokens"), "--architecture")
        return architecture(parameters=parts["parameters"], tokens=parts["tokens"])
    return _maybe(stated, compute)


def _parts(text: str, names: tuple[str, ...], option: str) -> dict[str, str]:
    shape = ",".join(f"{name}=…" for name in names)
    parts = dict(split(part, "=", f"{option} {shape}") for part in text.split(","))
    if tuple(sorted(parts)) != tuple(sorted(names)):
        raise click.BadParameter(f"expected {option} {shape}; got {text[:80]!r}")
    return parts
