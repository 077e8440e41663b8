"""`comity arrangement template` and `crosswalk`: where to begin, and what terms amount to."""

import json
import textwrap
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import click

from comity.arrangement import parse_access_offer
from comity.arrangement.crosswalk import Reading, Standing, crosswalk, sources
from comity.arrangement.template import TIERS, TIMEFRAMES, Template, offer, offer_yaml, timeframe
from comity.arrangement.template import template as template_of
from comity.cli.arrangement_files import FILE, JSON, WIDTH, load_terms
from comity.cli.cases import refusing, say, write_file
from comity.cli.home import Home

__all__ = ["crosswalk_", "template"]

TIER = click.argument("tier", type=click.Choice(TIERS))
CELLS = (
    ("Casper et al.", "casper"),
    ("Charnock et al.", "charnock"),
    ("AVERI, ceiling", "aal"),
    ("main risk", "risk"),
    ("kept by", "kept_by"),
)


@click.group()
def template() -> None:
    """Access offers by tier, to begin a negotiation from."""


@template.command("list")
@JSON
def list_(as_json: bool) -> None:
    """List the tiers and the timeframes; either may be chosen with any of the other."""
    tiers = [template_of(tier) for tier in TIERS]
    times = [timeframe(name) for name in TIMEFRAMES]
    if as_json:
        rows = [{"tier": one.tier, "name": one.name, **_cells(one)} for one in tiers]
        click.echo(json.dumps({"tiers": rows, "timeframes": [asdict(one) for one in times]}, ensure_ascii=False))
        return
    click.echo("How deep access goes")
    for one in tiers:
        click.echo(f"  {one.tier}  {one.name:<20} {one.casper.text}; {one.charnock.text}; {one.aal.text}")
    click.echo("\nHow long it lasts")
    for lasting in times:
        click.echo(f"  {lasting.id:<13} {lasting.title}")


def _cells(one: Template) -> dict[str, Any]:
    return {key: asdict(getattr(one, key)) for _, key in CELLS}


@template.command("show")
@TIER
@JSON
def show_template(tier: str, as_json: bool) -> None:
    """Show one tier: what it is in other people's words, what it promises, and how that is kept."""
    one = template_of(tier)
    promises = list(one.value["access"])
    if as_json:
        members = {"tier": tier, "name": one.name, **_cells(one), "offer": one.value, "sources": _sources()}
        click.echo(json.dumps(members, ensure_ascii=False))
        return
    click.echo(f"{tier}  {one.name}\n")
    for label, key in CELLS:
        held = getattr(one, key)
        said = f"{held.text}  {_from(held.source, held.confidence)}"
        head, hang = f"  {label:<16} ", " " * 19
        click.echo("\n".join(textwrap.wrap(said, 92, initial_indent=head, subsequent_indent=hang)))
    click.echo("\n  models")
    for model in one.value["models"]:
        click.echo(f"    {model['name']}: {model['variant']}")
    click.echo("  features")
    for line in textwrap.wrap(", ".join(one.value["features"]) or "none", 90):
        click.echo(f"    {line}")
    click.echo("  promised beside calls, as records show or as promises alone")
    for promise in promises:
        said = f"{promise['item']} ({promise['means']}): {' '.join(promise['promise'].split())}"
        click.echo("\n".join(textwrap.wrap(said, 92, initial_indent="    ", subsequent_indent="      ")))
    if not promises:
        click.echo("    nothing")


@template.command("write")
@TIER
@click.option(
    "--timeframe", "lasting", default="code-example", type=click.Choice(TIMEFRAMES), help="How long it lasts."
)
@click.option("--days", type=click.IntRange(1, 1000), help="Business days, instead of the timeframe's.")
@click.option("--from", "begins", help="The first day, such as 2027-01-04; else today.")
@click.option("--model", "models", multiple=True, help="A model's name, in the template's order; may be repeated.")
@click.option("--set", "settings", multiple=True, metavar="CLAUSE=VALUE", help="A clause to change; may be repeated.")
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="Where the YAML goes.")
@JSON
@click.pass_obj
def write(
    home: Home,
    tier: str,
    lasting: str,
    days: int | None,
    begins: str | None,
    models: tuple[str, ...],
    settings: tuple[str, ...],
    out: Path,
    as_json: bool,
) -> None:
    """Write a tier's offer as YAML, to be changed, checked and signed.

    `comity engagement offer` signs it. Each clause stands with how it is kept.
    """
    pairs = [setting.partition("=") for setting in settings]
    if any(not middle for _, middle, _ in pairs):
        raise click.UsageError("name each change as --set CLAUSE=VALUE, such as --set budget.calls=400")
    try:
        first = date.fromisoformat(begins) if begins else home.clock().date()
    except ValueError:
        raise click.UsageError("name the first day as 2027-01-04") from None
    with refusing():
        value = offer(
            tier,
            timeframe_name=lasting,
            days=days,
            begins=first,
            models=models,
            settings={clause: text for clause, _, text in pairs},
        )
        text = offer_yaml(value, tier)
        made = parse_access_offer(text, out.name)
        write_file(out, text.encode())
    until, length = value["window"]["until"], value["access_days"]
    members = {"tier": tier, "timeframe": lasting, "days": length, "until": until, "offer": made.digest}
    say(as_json, {**members, "out": str(out)}, f"{tier} for {length} business days, until {until}: {out}")


@click.command("crosswalk")
@click.argument("file", type=FILE)
@WIDTH
@JSON
def crosswalk_(file: Path, width: int, as_json: bool) -> None:
    """Say what terms amount to in other people's words, on each axis, and why.

    Model, information and time are three axes and stay apart.
    """
    with refusing():
        terms, _ = load_terms(file)
        standing = crosswalk(terms)
    if as_json:
        click.echo(json.dumps({"digest": terms.digest, **_members(standing)}, ensure_ascii=False))
        return
    click.echo("\n".join(_lines(standing, width)))


def _members(standing: Standing) -> dict[str, Any]:
    return {**asdict(standing), "sources": _sources()}


def _sources() -> dict[str, Any]:
    return {name: asdict(source) for name, source in sources().items()}


def _lines(standing: Standing, width: int) -> list[str]:
    lines = [f"tier         {' and '.join((standing.tier, *standing.also))}"]
    for name, reading in (("model", standing.model), ("information", standing.information), ("time", standing.time)):
        lines += _axis(name, reading, width)
    ceiling, risk, kept = standing.ceiling, standing.risk, standing.kept_by
    lines.append(f"Casper       {' and '.join(standing.casper)}")
    said = f"{ceiling.text}, because {standing.because}"
    lines += _wrap("assurance", f"{said}  {_from(ceiling.source, ceiling.confidence)}", width)
    lines += _wrap("", standing.never, width)
    lines += _wrap("main risk", f"{risk.text}  {_from(risk.source, risk.confidence)}", width)
    lines += _wrap("kept by", f"{kept.text}  {_from(kept.source, kept.confidence)}", width)
    return lines


def _axis(name: str, reading: Reading, width: int) -> list[str]:
    level = reading.level
    kept = f" ({' and '.join(reading.marks)})" if reading.marks else ""
    head = f"{level.id}: {level.means}; Charnock {level.charnock}  {_from(level.source, level.confidence)}"
    return [*_wrap(name, head, width), *_wrap("", f"because of {', '.join(reading.because)}{kept}", width)]


def _from(source: str, confidence: str) -> str:
    return f"[{confidence}]" if source == confidence else f"[{source}, {confidence}]"


def _wrap(label: str, text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=f"{label:<13}", subsequent_indent=" " * 13, break_on_hyphens=False)
