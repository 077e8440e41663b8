"""`comity status`: how an arrangement stands: what is spent, what runs, what was refused, what is held by both.

operator.example/a/0123…
  ledger    272 entries, all of them under a cosigned checkpoint
  terms     version 1, digest 5b1e9c0a77d2f4e1…
  access    open, 0 calls under way
  window    until 2026-12-31 00:00 UTC: 23 d 4 h left
  clause                            taken  agreed  left   share
  budget.calls  █████████████·······  132     192    60   68.8%
…

A party asks with its party key and sees its own view; a person who calls asks with the access key.
"""

import json
import shutil
import textwrap
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

import click

from comity.cli.calling import ask_json
from comity.cli.forecast import money
from comity.cli.home import Home
from comity.gateway.views import sign_view

__all__ = ["bar", "lines", "status"]

FEWEST_CELLS: Final = 6
MOST_CELLS: Final = 40
"""Characters of a bar."""
EIGHTHS: Final = " ▏▎▍▌▋▊▉"
NANO: Final = "nano "
NARROW: Final = 80
NOTE_LIFE: Final = timedelta(minutes=2)


@click.command()
@click.argument("ledger")
@click.option("--gateway", required=True, help="The gateway's address, such as https://operator.example.")
@click.option(
    "--as",
    "asking",
    type=click.Choice(["authority", "provider", "evaluator"]),
    help="Whose view to ask for: a party's, by its party key, or a caller's; else what the home's role says.",
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_obj
def status(home: Home, ledger: str, gateway: str, asking: str | None, as_json: bool) -> None:
    """Show how the arrangement of LEDGER (its origin) stands: spend, refusals by clause, health, stop."""
    base = f"{gateway.rstrip('/')}/a/{ledger.rpartition('/')[2]}"
    role = asking or home.role
    if role in ("authority", "provider"):
        note = sign_view(ledger, home.signer("party"), expires=home.clock() + NOTE_LIFE)
        members = ask_json(f"{base}/view", data=note)
        if members.get("view") != role:
            raise click.ClickException(f"this home's party key is the {members.get('view')}'s, not the {role}'s")
    else:
        members = ask_json(f"{base}/status", secret=home.secret())
    if as_json:
        click.echo(json.dumps(members))
        return
    for line in lines(members, shutil.get_terminal_size((NARROW, 24)).columns):
        click.echo(line)


def lines(members: Mapping[str, Any], width: int) -> Iterator[str]:
    """What a terminal of `width` columns shows of a status or a view."""
    yield members["ledger"]
    yield f"  ledger    {_held(members)}"
    yield f"  terms     version {members['version']}, digest {members['digest'][:16]}…"
    yield f"  access    {_access(members)}"
    yield f"  window    {_window(members)}"
    if members["stood_ms"]:
        yield f"            its clock stood still for {_span(members['stood_ms'])} in suspensions"
    if "plans" in members:
        yield f"  plans     {members['plans']} frozen"
        yield f"  runs      {_runs(members['runs'])}"
    if "clauses" not in members:
        yield "\n  The terms grant the provider checkpoints (record.provider_sees), so no figure of use is shown."
        return
    yield ""
    yield from _clauses(members["clauses"], width)
    yield ""
    for clause in members["overrun"]:
        yield click.style(f"  overrun   {clause}: nothing more passes under it", bold=True)
    yield from _refusals(members, width)
    for model, counts in members["provider"].items():
        seen = ", ".join(f"{number:,} {what}" for what, number in counts.items())
        yield f"  provider  {model}: {seen}"
    if members["unauthenticated"]:
        yield f"  turned away without a key that is known: {members['unauthenticated']:,} (counted, never entries)"


def _held(members: Mapping[str, Any]) -> str:
    if "entries" not in members:
        return f"{members['published']:,} entries under a cosigned checkpoint"
    behind = members["entries"] - members["published"]
    held = f"{behind:,} not yet" if behind > 0 else "all of them"
    return f"{members['entries']:,} entries, {held} under a cosigned checkpoint"


def _access(members: Mapping[str, Any]) -> str:
    calls = members.get("open_calls")
    under_way = "" if calls is None else f", {calls} call{'' if calls == 1 else 's'} under way"
    if members["closed"]:
        return click.style("CLOSED for good by both sides", bold=True) + under_way
    for name, said in (("stopped", "STOPPED"), ("suspended", "SUSPENDED")):
        if (act := members[name]) is not None:
            return click.style(f"{said} by the {act['by']}: {act['cause']}", bold=True) + under_way
    if (leaves := members["leaves"]) is not None:
        ends = f"{leaves['by']} leaves: none from {leaves['from'][:10]} on ({leaves['cause']})"
        return click.style(ends, bold=True) + under_way
    return f"open{under_way}"


def _window(members: Mapping[str, Any]) -> str:
    window = members["window"]
    said = f"until {window['until'][:16].replace('T', ' ')} UTC"
    left = window["left_ms"]
    return f"{said}: {_span(left)} left" if left else f"{said}: over"


def _span(ms: int) -> str:
    minutes = ms // 60_000
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min" if minutes else f"{ms // 1000} s"


def _runs(runs: Mapping[str, int]) -> str:
    parts = [f"{runs[name]} {name}" for name in ("finished", "aborted", "open") if runs[name]]
    return f"{runs['begun']} begun" + (f": {', '.join(parts)}" if parts else "")


def _clauses(clauses: Mapping[str, Mapping[str, Any]], width: int) -> Iterator[str]:
    """The table of the budget; where it is too wide for the terminal, the bar goes first and then what is left."""
    rows = []
    for clause, row in clauses.items():
        taken, agreed, unit = row["taken"], row["agreed"], row.get("unit", "")
        share, figures = taken / agreed if agreed else 0.0, (taken, agreed, max(0, agreed - taken))
        share = min(share, 0.999) if taken < agreed else share  # 100 percent is all of it
        if unit.startswith(NANO):
            name, said = f"{clause} ({unit.removeprefix(NANO)})", [money(figure, "") for figure in figures]
        else:
            name, said = clause, [f"{figure:,}" for figure in figures]
        rows.append((name, share, said))
    heads = ("taken", "agreed", "left")
    names = max(len(name) for name, _, _ in rows)
    widths = [max(len(head), *(len(said[n]) for _, _, said in rows)) for n, head in enumerate(heads)]
    if (room := _room(width, names, widths)) < 0:
        widths.pop()
    cells = min(room - 2, MOST_CELLS) if room >= FEWEST_CELLS + 2 else 0
    shown = "".join(f"  {head:>{size}}" for head, size in zip(heads, widths, strict=False))
    yield f"  {'clause':{names}}{' ' * (cells + 2 if cells else 0)}{shown}   share"
    for name, share, said in rows:
        shown = "".join(f"  {figure:>{size}}" for figure, size in zip(said, widths, strict=False))
        drawn = f"  {bar(share, cells)}" if cells else ""
        yield f"  {name:{names}}{drawn}{shown}  {share:6.1%}"


def _room(width: int, names: int, widths: list[int]) -> int:
    """Columns that are left for a bar beside all figures."""
    return width - 2 - names - sum(size + 2 for size in widths) - 8


def _refusals(members: Mapping[str, Any], width: int) -> Iterator[str]:
    if not members["refusals"]:
        yield "  refused   nothing"
    newest = members.get("newest", {})
    for clause, number in sorted(members["refusals"].items(), key=lambda one: (-one[1], one[0])):
        yield f"  refused   {number:>6,}  {clause}"
        if clause in newest:
            said = f"{newest[clause]['at'][:16].replace('T', ' ')} UTC: {_printable(newest[clause]['because'])}"
            yield from textwrap.wrap(said, width - 2, initial_indent=" " * 20, subsequent_indent=" " * 20)


def _printable(text: str) -> str:
    """A reason can quote a caller; what moves a terminal's cursor is shown as a code."""
    return "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in text)


def bar(share: float, cells: int) -> str:
    """A bar of text for a share; full only where all is taken, empty only where nothing is."""
    eighths = round(min(1.0, max(0.0, share)) * cells * 8)
    if 0 < share < 1:
        eighths = min(max(eighths, 1), cells * 8 - 1)
    whole, part = divmod(eighths, 8)
    drawn = "█" * whole + (EIGHTHS[part] if part else "")
    return drawn + "·" * (cells - len(drawn))
