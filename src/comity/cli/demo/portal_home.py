"""The portal at the demo's end: the sample beside the demo's own cases, and a one-time link for each role.

Run in the authority's folder, as that side's own process:

    python -m comity.cli.demo.portal_home --home authority/ --provider "Aurora Systems"
"""

import json
from pathlib import Path
from typing import Final

import click

from comity.cli.home import open_home
from comity.cli.portal import house_of
from comity.cli.sample import enter_sample
from comity.engagement.sample import AUTHORITY
from comity.portal.settings import local
from comity.portal.start import make_local_tables, start

__all__ = ["main"]

PERSON: Final = "evaluator-1"


@click.command()
@click.option("--home", "folder", required=True, type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--provider", required=True)
def main(folder: Path, provider: str) -> None:
    """Enter the sample, make the accounts, print the secrets of their links as JSON."""
    home = open_home(folder)
    enter_sample(home)
    house = house_of(home)
    start(house, local(house))
    make_local_tables()
    from comity.portal.accounts.invitations import invite, make_account

    links = {}
    for name, role, organisation, person, said in (
        ("handler", "handler", home.name, "", "case handler"),
        ("evaluator", "evaluator", home.name, PERSON, "evaluator"),
        ("access-team", "access", provider, "", f"access team of {provider}"),
        ("sample-handler", "handler", AUTHORITY, "", "case handler of the sample"),
        ("administrator", "administrator", home.name, "", "administrator"),
    ):
        account = make_account(name, role=role, organisation=organisation, person=person, name=said.capitalize())
        links[said] = f"enter/{invite(account, house.clock(), house.random)}/"
    click.echo(json.dumps(links))


if __name__ == "__main__":
    main()
