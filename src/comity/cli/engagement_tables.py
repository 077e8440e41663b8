"""`comity engagement tables`: the cases as SQL, made again from their entries whenever somebody asks."""

import click

from comity.cli.cases import all_cases, refusing, say
from comity.cli.home import Home
from comity.engagement import open_book
from comity.engagement.tables import digest, make_tables, refresh

__all__ = ["tables"]


@click.command()
@click.option("--rebuild", is_flag=True, help="Drop what is there and make every row again.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def tables(home: Home, rebuild: bool, as_json: bool) -> None:
    """Bring `casework.sqlite` up to date: this home's cases as SQL tables, to be read with any tool.

    The tables are a projection of the entries: nothing reads them back, and they can be dropped at any time.
    """
    import apsw  # here, because no other command of a case needs a database of its own

    path = home.path / "casework.sqlite"
    if rebuild:
        path.unlink(missing_ok=True)
    changed, cases = 0, 0
    with refusing():
        db = apsw.Connection(str(path))
        try:
            make_tables(db)
            for ledger in all_cases(home):
                cases += 1
                changed += refresh(db, open_book(ledger), ledger.origin)
            state = digest(db)
        finally:
            db.close()
    members = {"file": str(path), "cases": cases, "changed": changed, "digest": state}
    say(as_json, members, f"{path}: {cases} cases, {changed} brought up to date; digest of all rows {state[:16]}…")
