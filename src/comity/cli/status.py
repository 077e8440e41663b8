"""`comity status`: what is spent of each clause, from the gateway's own tables."""

import json

import click

from comity.cli.calling import ask_json
from comity.cli.home import Home

__all__ = ["status"]


@click.command()
@click.argument("ledger")
@click.option("--gateway", required=True, help="The gateway's address, such as https://operator.example.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_obj
def status(home: Home, ledger: str, gateway: str, as_json: bool) -> None:
    """Show what is spent of each clause under LEDGER (its origin)."""
    arrangement = ledger.rpartition("/")[2]
    members = ask_json(f"{gateway.rstrip('/')}/a/{arrangement}/status", secret=home.secret())
    if as_json:
        click.echo(json.dumps(members))
        return
    click.echo(f"{members['ledger']}: {members['entries']} entries, {members['open_calls']} calls open")
    if members["stopped"]:
        click.echo(f"stopped by the {members['stopped']['by']}: {members['stopped']['cause']}")
    for clause, row in members["clauses"].items():
        share = row["taken"] / row["agreed"] if row["agreed"] else 0
        click.echo(f"  {clause:22} {row['taken']:>16,} of {row['agreed']:>16,} {row.get('unit', ''):9} {share:6.1%}")
