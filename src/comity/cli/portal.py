"""`comity portal`: the pages of this instance, their projector, and who may sign in."""

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any, Final

import click

from comity.cli.access_ledgers import ACCESS, access_ledger_of, access_ledgers, agreed_terms, held_offers, mirrors
from comity.cli.cases import refuse
from comity.cli.home import Home, write_private
from comity.cli.law_at_hand import law_at_hand
from comity.cli.places import adopted_folders
from comity.cli.portal_acts import acts_of, put_peer
from comity.cli.portal_fetch import fetch
from comity.cli.portal_reads import plan_of, sealed_of
from comity.cli.watching import host_port
from comity.ledger import Ledger, open_ledger
from comity.portal.house import AccessBook, House, HouseRefused, Institution
from comity.portal.settings import deploy, local
from comity.portal.themes import PLAIN, THEMES
from comity.portal.vendored import held

__all__ = ["NEEDED", "can_serve", "house_of", "portal", "start_portal"]

FOLDER: Final = "portal"
ROLES: Final = ("handler", "evaluator", "access", "expert", "administrator")
READY_IN: Final = 60


def house_of(home: Home, gateway: str = "", named: Sequence[Path] = (), *, writes: bool = False) -> House:
    """This home as its portal sees it; with a gateway's address, acts of this side are handed to it.

    A process that `writes` the projections is given the address to do so; one of pages never reads it.
    """
    engagements = home.path / "engagements"

    @contextmanager
    def access() -> Iterator[list[AccessBook]]:
        with access_ledgers(home, named) as ledgers:
            yield [AccessBook(origin=one.origin, entries=one.entries) for one in ledgers]

    @contextmanager
    def access_of(arrangement: str) -> Iterator[AccessBook | None]:
        with access_ledger_of(home, arrangement, named) as one:
            yield None if one is None else AccessBook(origin=one.origin, entries=one.entries)

    @contextmanager
    def open_case(engagement: str) -> Iterator[Ledger]:
        ledger = open_ledger(engagements / engagement / "ledger.sqlite")
        try:
            yield ledger
        finally:
            ledger.close()

    return House(
        path=home.path / FOLDER,
        name=home.name,
        role=home.role,
        host=home.host,
        clock=home.clock,
        random=home.random,
        secret_key=_secret_key(home),
        case_ids=lambda: [path.parent.name for path in engagements.glob("*/ledger.sqlite")],
        open_case=open_case,
        case_stamp=lambda engagement: _stamp(engagements / engagement / "ledger.sqlite"),
        terms_of=lambda case: agreed_terms(home, case),
        offers_of=lambda arrangement: held_offers(home, arrangement),
        access=access,
        access_of=access_of,
        access_stamp=lambda: _access_stamp(home, named),
        law=cache(law_at_hand),
        institution=_institution(home),
        plan_of=partial(plan_of, home),
        sealed_of=partial(sealed_of, home),
        gateway=gateway.rstrip("/"),
        projections_reader=_address(home, "reader"),
        projections_projector=_address(home, "projector") if writes else "",
        **acts_of(home, gateway),
    )


def _access_stamp(home: Home, named: Sequence[Path]) -> object:
    """The same for what this home operates or mirrors; a ledger in a database may always have changed."""
    folders = [*mirrors(home.path), *(path for path in named if path.is_dir())]
    found: list[object] = [_stamp(folder / "checkpoint") for folder in folders]
    found += [_stamp(path) for path in named if not path.is_dir()]
    for folder in adopted_folders(home.path):
        found.append(_stamp(folder / "ledger.sqlite") if (folder / "ledger.sqlite").exists() else home.monotonic())
    return tuple(found)


def _stamp(ledger: Path) -> object:
    """Size and time of a ledger's file and of its write-ahead log."""
    found = []
    for path in (ledger, ledger.with_name(f"{ledger.name}-wal")):
        try:
            said = path.stat()
            found.append((said.st_mtime_ns, said.st_size))
        except OSError:
            found.append((0, 0))
    return tuple(found)


def _address(home: Home, whose: str) -> str:
    """The address in `keys/projections-<whose>`, which may hold a password; empty where there is no such file."""
    file = home.path / "keys" / f"projections-{whose}"
    if not file.exists():
        if whose == "reader" and file.with_name("projections-projector").exists():
            refuse("keys/projections-projector is there and keys/projections-reader is not; pages need an own role")
        return ""
    if file.stat().st_mode & 0o007:
        refuse(f"keys/{file.name}: others may read it, and it may hold a password; chmod 600 it")
    return file.read_text().strip()


@contextmanager
def refusals() -> Iterator[None]:
    """End the command with the sentence by which the house or its database refused."""
    from django.db import DatabaseError

    try:
        yield
    except HouseRefused as no:
        refuse(str(no))
    except DatabaseError as fault:
        refuse(f"a database of the portal: {str(fault).strip().splitlines()[0]}")


def _institution(home: Home) -> Institution | None:
    """What `portal/institution.json` says of an institution's own sign-in, with the secret out of `keys/oidc`."""
    path = home.path / FOLDER / "institution.json"
    if not path.exists():
        return None
    try:
        said = json.loads(path.read_text())
        found = Institution(
            name=str(said["name"]), server=str(said["server"]).rstrip("/"), client_id=str(said["client_id"]),
            secret=home.key_path("oidc").read_text().strip(), claim=str(said.get("claim", "sub")),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError):
        refuse(f"{path.name}: expected a JSON object with name, server, client_id and maybe claim")
    if not found.server.startswith("https://"):
        refuse(f"{path.name}: expected the server's address with https; got {found.server[:80]!r}")
    return found


def _secret_key(home: Home) -> str:
    """The key that signs sessions and forms; made when it is first needed, and used for nothing else."""
    path = home.path / "keys" / "portal"
    if not path.exists():
        write_private(path, secrets.token_urlsafe(48))
    return path.read_text().strip()


NEEDED: Final = "the portal needs Django and what goes with it: install comity[portal]"


def can_serve() -> bool:
    """Whether what the portal needs is installed."""
    return all(find_spec(name) is not None for name in ("django", "allauth", "rules", "csp"))


@click.group()
def portal() -> None:
    """The pages of this instance, and who may sign in."""
    if not can_serve():
        raise click.ClickException(NEEDED)


portal.add_command(fetch)

HOSTS = click.option(
    "--host", "hosts", multiple=True, help="A name by which browsers reach it over TLS; again for more."
)
PARENT = click.option("--with-parent", is_flag=True, hidden=True, help="End when the process that started this ends.")
LINK = click.option(
    "--link-is-enough", is_flag=True, hidden=True, help="A one-time link stands for both factors: the demo's alone."
)


@portal.command("serve")
@click.option("--listen", default="127.0.0.1:8788", show_default=True, metavar="HOST:PORT", help="Where to listen.")
@HOSTS
@LINK
@PARENT
@ACCESS
@click.option("--gateway", default="", help="The gateway's address, to which stops of this side are handed.")
@click.option(
    "--theme", default=PLAIN, show_default=True, type=click.Choice(sorted(THEMES)),
    help="What pages look like; one but the plain is fetched before.",
)
@click.option("--no-projector", is_flag=True, help="Another process of this home runs the projector.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line when ready (always printed).")
@click.pass_obj
def serve_portal(
    home: Home,
    listen: str,
    hosts: tuple[str, ...],
    link_is_enough: bool,
    with_parent: bool,
    access: tuple[Path, ...],
    gateway: str,
    theme: str,
    no_projector: bool,
    as_json: bool,
) -> None:
    """Answer browsers, with the projector in a process of its own; SIGTERM ends both.

    Without `--host` it answers this machine alone.  With it, a proxy in front ends TLS and states X-Forwarded-Proto.
    """
    from comity.gateway.serve import bind
    from comity.portal.serve import serve

    host, port = host_port("--listen", listen)
    if not hosts and host not in ("127.0.0.1", "localhost", "[::1]"):
        raise click.UsageError("--listen: without --host the portal answers this machine alone, such as 127.0.0.1:8788")
    house = replace(house_of(home, gateway, access), theme=theme)
    if THEMES[theme].part and not held(house.path, THEMES[theme].part):
        refuse(f"--theme {theme}: its files are not here; fetch them: comity portal fetch {THEMES[theme].part}")
    with refusals():
        chosen = deploy(house, hosts) if hosts else local(house, link_is_enough=link_is_enough)
    signal.signal(signal.SIGTERM, _ended)
    if with_parent:
        threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    listener = bind(host.strip("[]"), port)
    url = f"http://{host}:{listener.getsockname()[1]}/"
    named = [part for path in access for part in ("--access", str(path.resolve()))]
    projector = None if no_projector else _child(home, "project", "--with-parent", *named)
    with listener, refusals():
        serve(house, chosen, listener, lambda: click.echo(json.dumps({"portal": url})), projector)


@portal.command("project")
@click.option(
    "--every", default=0.25, show_default=True, type=click.FloatRange(0.05, 3600), help="Seconds between looks."
)
@PARENT
@ACCESS
@click.option("--once", is_flag=True, help="Bring the tables up to the ledgers and end.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@click.pass_obj
def project(
    home: Home, every: float, with_parent: bool, access: tuple[Path, ...], once: bool, as_json: bool
) -> None:
    """Keep the tables that the pages read up to the ledgers."""
    from comity.portal.serve import project_forever

    house = house_of(home, named=access, writes=True)
    if once:
        with refusals():
            done = _once(house)
        click.echo(json.dumps({"projected": done}) if as_json else f"{done} engagements brought up to their ledgers")
        return
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    if with_parent:
        threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    with refusals():
        project_forever(house, local(house), every, ended, lambda text: click.echo(text, err=True))


def _ended(number: int, frame: FrameType | None) -> None:
    """Leave in order, so that what was started here ends as well."""
    raise SystemExit(0)


def _end_with_parent(parent: int) -> None:
    """End this process once the one that started it is gone."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)


def _once(house: House) -> int:
    from comity.portal.projections import beat
    from comity.portal.start import start

    start(house, local(house))
    from comity.portal.projections.projector import Projector
    from comity.portal.projections.tables import make_tables, open_projector

    open_projector(house)
    make_tables()
    done = Projector(house).run_once()
    beat.give(house.path, house.clock())
    return done


@portal.command("rebuild")
@click.option("--json", "as_json", is_flag=True, help="Print the digests of every table as JSON.")
@click.pass_obj
def rebuild(home: Home, as_json: bool) -> None:
    """Make every table anew out of the ledgers, compare it with the one in use, and put the new one in its place.

    Exit status 1 if a table differs: then something other than the projector wrote it.
    """
    from comity.portal.start import start

    house = house_of(home, writes=True)
    with refusals():
        start(house, local(house))
        from comity.portal.projections.rebuild import rebuild as made_anew

        found = made_anew(house)
    differ = sorted(name for name, (before, after) in found.items() if before != after)
    members = {"same": not differ, "differ": differ, "tables": {name: after for name, (_, after) in found.items()}}
    if as_json:
        click.echo(json.dumps(members))
    else:
        for name, (before, after) in found.items():
            click.echo(f"  {name:16} {after[:16]}… {'same' if before == after else f'was {before[:16]}…'}")
        click.echo("every table is as the ledgers say" if not differ else f"made right: {', '.join(differ)}")
    if differ:
        raise SystemExit(1)


@portal.command("invite")
@click.argument("account")
@click.option("--role", required=True, type=click.Choice(ROLES), help="What the account is for.")
@click.option("--organisation", default="", help="The party it acts for, as cases name it; this home's where left out.")
@click.option("--person", default="", help="The pseudonym under which entries name this person.")
@click.option("--name", default="", help="What pages call the person.")
@click.option("--hours", default=48, show_default=True, type=click.IntRange(1, 720), help="How long the link works.")
@click.option("--url", default="http://127.0.0.1:8788", show_default=True, help="Where browsers reach the portal.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def invite(
    home: Home, account: str, role: str, organisation: str, person: str, name: str, hours: int, url: str, as_json: bool
) -> None:
    """Make ACCOUNT, or bring it up to date, and print a link that signs in once.

    Behind the link the person adds a passkey, or a password and a one-time code, and sees nothing else before.
    """
    from comity.portal.start import make_local_tables, start

    if role in ("evaluator", "expert") and not person:
        raise click.UsageError(f"an {role} needs --person: the pseudonym under which entries name them")
    house = house_of(home)
    start(house, local(house))
    make_local_tables()
    from comity.portal.accounts import invitations

    one = invitations.make_account(
        account, role=role, organisation=organisation or home.name, person=person, name=name or account
    )
    secret = invitations.invite(one, house.clock(), house.random, timedelta(hours=hours))
    link = f"{url.rstrip('/')}/enter/{secret}/"
    click.echo(json.dumps({"account": account, "role": role, "link": link}) if as_json else link)


@portal.command("peer")
@click.argument("name")
@click.argument("address")
@click.option("--json", "as_json", is_flag=True, help="Print every address that is known as JSON.")
@click.pass_obj
def peer(home: Home, name: str, address: str, as_json: bool) -> None:
    """Keep the ADDRESS of the portal of the party NAME, to which signed terms are sent from a page; "" forgets it."""
    known = put_peer(home, name, address)
    text = f"{name}: {known[name]}" if name in known else f"{name}: no address is known any more"
    click.echo(json.dumps(known, ensure_ascii=False) if as_json else text)


@contextmanager
def _child(home: Home, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A further command of this home, ended with this one."""
    command = [sys.executable, "-m", "comity", "--home", str(home.path), "portal", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ})
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def start_portal(home: Home, *arguments: str) -> AbstractContextManager[str]:
    """The portal of a home in a process of its own; gives its address once it answers."""
    return _started(home, ("--with-parent", *arguments))


@contextmanager
def _started(home: Home, arguments: Sequence[str]) -> Iterator[str]:
    with _child(home, "serve", *arguments) as process:
        line = process.stdout.readline() if process.stdout is not None else ""
        try:
            said: dict[str, Any] = json.loads(line)
        except ValueError:
            refuse(f"the portal did not start; it said {line.strip()[:200]!r}")
        yield str(said["portal"])


