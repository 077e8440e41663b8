"""`comity init` and `comity key`: an instance, its keys, and the card that others hold."""

import json
from pathlib import Path

import click

from comity.cli.home import ROLES, Home, make_home
from comity.cli.persons import new, revoke

__all__ = ["init", "key"]


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--role", type=click.Choice(ROLES), help="Which side's instance this is.")
@click.option("--name", help="The name that the other sides read.")
@click.option("--host", help="A host name for the keys and ledgers, such as authority.example.")
@click.option(
    "--approvals",
    default=0,
    type=click.IntRange(0, 5),
    help="How many further persons approve a version before this side signs it.",
)
@click.option("--sample", is_flag=True, help="An authority's, with two engagements out of press reports of 2026.")
@click.option("--json", "as_json", is_flag=True, help="Print the card as JSON.")
def init(
    folder: Path, role: str | None, name: str | None, host: str | None, approvals: int, sample: bool, as_json: bool
) -> None:
    """Make an instance in FOLDER, with the keys that its role needs.

    Needs --role, --name and --host, or --sample alone.
    """
    if sample:
        _init_sample(folder, (role, name, host, approvals or None), as_json)
        return
    if role is None or name is None or host is None:
        raise click.UsageError("expected --role, --name and --host; or --sample alone")
    card = make_home(folder, role=role, name=name, host=host, approvals=approvals).card()
    if as_json:
        click.echo(json.dumps(card))
        return
    click.echo(f"{name}: {role}'s instance made. You alone can read its keys, and no copy exists; back them up.")


def _init_sample(folder: Path, given: tuple[object, ...], as_json: bool) -> None:
    from comity.cli.sample import make_sample, what_next

    if any(word is not None for word in given):
        raise click.UsageError("--sample makes an authority's instance under its own name and host; give it alone")
    card = make_sample(folder).card()
    click.echo(json.dumps(card) if as_json else what_next(folder))


@click.group()
def key() -> None:
    """This instance's public keys."""


key.add_command(new)
key.add_command(revoke)


@key.command("show")
@click.option("--witness-url", default="", help="Where this party's witness answers, to stand in the card.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the card to a file.")
@click.option("--json", "as_json", is_flag=True, help="Print the card as JSON.")
@click.pass_obj
def show(home: Home, witness_url: str, out: Path | None, as_json: bool) -> None:
    """Show the public keys as a card: what the other sides need of this one."""
    card = home.card(witness_url=witness_url)
    if out is not None:
        out.write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n")
    if as_json:
        click.echo(json.dumps(card))
    elif out is None:
        for name, value in card.items():
            click.echo(f"{name:12} {value}")
    else:
        click.echo(f"card of {home.name} written to {out.name}: public keys only")
