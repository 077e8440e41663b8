"""How long the portal's pages take when a house is full and its people are at work.

    python -m benchmarks.portal [--quick] [--record] [--json]

A house of 500 engagements is made, with 10,000 entries in each of the largest ten and 1,000,000 calls in their access
ledgers: real ledgers, projected by the projector (`benchmarks/casework.py`).  `comity portal serve` answers on one
core, with its projector beside it on the same; 200 people load it from the other, each of whom reads a page, thinks
for five seconds on average, and reads the next.  They are case handlers, access teams, evaluators and visitors of the
register, each signed in, and between them they open every page that there is to read.

With `--json` the last line is one object: `pages` → page → `n`, `p50_ms`, `p95_ms`, `p99_ms`, `bytes`; `all` the same
over every page; beside them `machine`, `house`, `server`.  The house is kept under `.bench/portal` for the next run.
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
from benchmarks.casework import AUTHORITY, FIRST_CALL, FULL, QUICK, Made, Size, make, person_of, provider_of
from benchmarks.peers.machine import BENCH, CannotMeasure, Cores, cores, cpu_seconds, describe, resident_mb, started
from benchmarks.portal_published import publish

FOLDER: Final = BENCH / "portal"
USERS: Final = 200
THINK: Final = 5.0
"""Seconds between two pages of one person, on average: evenly between half and half as much again."""
IDLE: Final = 2.0
SHARES: Final = {"handler": 0.7, "access": 0.15, "evaluator": 0.1, "": 0.05}
"""Role → share of the people."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured."""

    size: Size
    warm: float
    seconds: float


EFFORTS: Final = {"full": Effort(FULL, 30, 180), "quick": Effort(QUICK, 5, 20)}

PAGES: Final[dict[str, tuple[tuple[str, float], ...]]] = {
    "handler": (
        ("portfolio", 4), ("portfolio-by-date", 1), ("portfolio-page-5", 1), ("inbox", 4), ("inbox-of-case", 1),
        ("case", 6), ("case-large", 2), ("timeline", 2), ("timeline-large", 1), ("timeline-deep", 1),
        ("timeline-kind", 1), ("entry", 3), ("entry-large", 1), ("clocks", 2), ("clocks-large", 1), ("adequacy", 2),
        ("duties", 1), ("documentation", 1), ("finding", 2), ("acts", 2), ("act", 1), ("terms", 1), ("access", 3),
        ("stand", 2), ("run", 2), ("plans", 1), ("calls", 1), ("call", 1), ("closing", 0.5), ("register", 1),
        ("accessibility", 0.2),
    ),
    "access": (
        ("portfolio", 4), ("inbox", 4), ("case-large", 4), ("timeline-large", 2), ("access", 6), ("stand", 6),
        ("terms", 2), ("adequacy", 1), ("clocks-large", 1), ("documentation", 1),
        ("closing", 1), ("plans", 1),
    ),
    "evaluator": (
        ("portfolio", 2), ("case-large", 2), ("access", 6), ("stand", 6), ("run", 6), ("calls", 2), ("call", 2),
        ("plans", 2),
    ),
    "": (("register", 6), ("accessibility", 1), ("sign-in", 1)),
}  # fmt: skip
"""Role → the pages that it opens, each with its weight."""


def say(text: str = "") -> None:
    """A line of the run's own account."""
    print(text, flush=True)


def address(page: str, made: Made, large: int, chance: random.Random) -> str:
    """Where one visit of a page leads; `large` is the number of a large case."""
    small = made.cases[chance.randrange(len(made.arrangements), len(made.cases))]
    whole, terms = made.cases[large], made.arrangements[large]
    case, deep = (f"/case/{whole}/" if page.endswith("-large") else f"/case/{small}/"), f"/case/{whole}/"
    access = f"{deep}access/{terms}/"
    return {
        "portfolio": "/", "portfolio-by-date": "/?sort=due", "portfolio-page-5": "/?sort=newest&page=5",
        "inbox": "/inbox/", "inbox-of-case": f"/inbox/?case={whole}", "case": case, "case-large": case,
        "timeline": f"{case}timeline/", "timeline-large": f"{case}timeline/",
        "timeline-deep": f"{deep}timeline/?after={chance.randrange(120, 900)}",
        "timeline-kind": f"{deep}timeline/?kind=information.requested", "entry": f"{case}entry/{chance.randrange(30)}/",
        "entry-large": f"{case}entry/{chance.randrange(900)}/", "clocks": f"{case}clocks/",
        "clocks-large": f"{case}clocks/", "adequacy": f"{deep}adequacy/", "duties": f"{deep}duties/",
        "documentation": f"{deep}documentation/",
        "finding": f"{deep}findings/{made.findings[large]}/", "acts": f"{case}acts/",
        "act": f"{case}acts/meeting/", "terms": f"{deep}terms/{terms}/", "access": access, "stand": f"{access}stand/",
        "run": f"{access}runs/{made.runs[large]}/", "calls": f"{access}runs/{made.runs[large]}/calls/",
        "call": f"{access}calls/{FIRST_CALL}/", "plans": f"{access}plans/", "closing": f"{access}closing/",
        "register": "/register/",
        "accessibility": "/accessibility/",
        "sign-in": "/accounts/login/",
    }[page]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """One of those at work."""

    number: int
    role: str
    cookie: str


@dataclass(frozen=True, slots=True)
class Visit:
    """One page that somebody opened."""

    page: str
    status: int
    seconds: float
    length: int


async def _work(person: Person, made: Made, client: httpx.AsyncClient, until: float, seen: list[Visit]) -> None:
    chance = random.Random(person.number)
    pages, weights = zip(*PAGES[person.role], strict=True)
    await asyncio.sleep(chance.uniform(0, THINK))
    headers = {"Cookie": f"comity={person.cookie}"} if person.cookie else {}
    while time.monotonic() < until:
        page = chance.choices(pages, weights)[0]
        large = person.number if person.role in ("access", "evaluator") else chance.randrange(99)
        path = address(page, made, large % len(made.arrangements), chance)
        began = time.monotonic()
        answer = await client.get(path, headers=headers)
        seen.append(Visit(page, answer.status_code, time.monotonic() - began, len(answer.content)))
        await asyncio.sleep(chance.uniform(THINK / 2, THINK * 1.5))


async def load(url: str, people: list[Person], made: Made, seconds: float) -> list[Visit]:
    """Let everybody work for so long; what they opened."""
    seen: list[Visit] = []
    limits = httpx.Limits(
        max_connections=len(people), max_keepalive_connections=len(people), keepalive_expiry=IDLE
    )  # sooner than the server would hang up
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=60, trust_env=False) as client:
        until = time.monotonic() + seconds
        await asyncio.gather(*(_work(one, made, client, until, seen) for one in people))
    return seen


def figures(visits: list[Visit]) -> dict[str, Any]:
    """Percentiles of how long pages took, by the nearest rank."""
    took = sorted(one.seconds * 1e3 for one in visits)
    at = {f"p{part}_ms": round(took[max(0, -(-len(took) * part // 100) - 1)], 1) for part in (50, 95, 99)}
    lengths = sorted(one.length for one in visits)
    return {"n": len(took), **at, "bytes": lengths[len(lengths) // 2]}


def made_for(size: Size, again: bool) -> Made:
    """The house of a size: the one that the last run made, or a new one."""
    note = FOLDER / "made.json"
    if note.exists() and not again:
        held = json.loads(note.read_text())
        if held["size"] == asdict(size) and datetime.now(UTC) - datetime.fromisoformat(held["at"]) < timedelta(days=2):
            members: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one
                                       for name, one in held["made"].items()}  # fmt: skip
            return Made(**members | {"home": Path(members["home"])})
    shutil.rmtree(FOLDER, ignore_errors=True)  # by name: nothing else lies there
    FOLDER.mkdir(parents=True)
    now, began = datetime.now(UTC), time.monotonic()
    made = make(FOLDER / "home", size, now)
    say(f"  {made.entries:,} entries of cases and {made.calls:,} calls made in {time.monotonic() - began:.0f} s")
    kept = {"size": asdict(size), "at": now.isoformat(), "made": asdict(made) | {"home": str(made.home)}}
    note.write_text(json.dumps(kept))
    return made


def comity(home: Path, *arguments: str) -> list[str | Path]:
    """A command of the home."""
    return [sys.executable, "-m", "comity", "--home", home, *arguments]


def people_of(made: Made) -> list[Person]:
    """Accounts with both factors and a session each; Django is set up in a process of its own."""
    code = "import sys; from benchmarks.portal import enrol; enrol(sys.argv[1], int(sys.argv[2]))"
    asked = [sys.executable, "-c", code, str(made.home), str(len(made.arrangements))]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotMeasure(f"accounts could not be made: {done.stderr[-1500:]}")
    return [Person(*one) for one in json.loads(done.stdout)]


def enrol(home: str, large: int) -> None:
    """Make the accounts and print who they are; teams and evaluators belong to one of the large cases each."""
    from comity.cli.home import open_home
    from comity.cli.portal import house_of
    from comity.portal.settings import local
    from comity.portal.start import make_local_tables, start

    house = house_of(open_home(Path(home)))
    start(house, local(house))
    make_local_tables()
    from importlib import import_module

    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

    from comity.portal.accounts.gate import SEEN
    from comity.portal.accounts.invitations import make_account

    people = []
    roles = [role for role, share in SHARES.items() for _ in range(round(share * USERS))]
    for number, role in enumerate(roles):
        cookie = ""
        if role:
            party = provider_of(number % large) if role == "access" else AUTHORITY
            account = make_account(
                f"{role}-{number}", role=role, organisation=party, name=f"{role} {number}",
                person=person_of(number % large) if role == "evaluator" else "",
            )  # fmt: skip
            session = import_module(settings.SESSION_ENGINE).SessionStore()
            session[SESSION_KEY], session[SEEN] = str(account.pk), True
            session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
            session[HASH_SESSION_KEY] = account.get_session_auth_hash()
            session.create()
            cookie = session.session_key
        people.append((number, role, cookie))
    print(json.dumps(people))


@contextmanager
def serving(made: Made, at: Cores) -> Iterator[tuple[str, int]]:
    """The portal on its core, once its projector is idle; its address and process."""
    command, log = comity(made.home, "portal", "serve", "--listen", "127.0.0.1:0"), FOLDER / "serve.log"
    beat = made.home / "portal" / "projector.beat"
    began = time.time()
    with started(command, core=at.gateway, log=log, piped=True, env={**os.environ}) as process:
        line = process.stdout.readline() if process.stdout is not None else b""
        if not line:
            raise CannotMeasure(f"the portal did not start: {log.read_text()[-1500:]}")
        while not beat.exists() or beat.stat().st_mtime < began:
            time.sleep(IDLE)
            if process.poll() is not None:
                raise CannotMeasure(f"the portal ended: {log.read_text()[-1500:]}")
        yield json.loads(line)["portal"], process.pid


def run(effort: Effort, again: bool) -> dict[str, Any]:
    """Make, project, serve and load."""
    at, began = cores(), time.monotonic()
    made = made_for(effort.size, again)
    shutil.rmtree(made.home / "portal", ignore_errors=True)  # the tables are made anew, which is timed
    result: dict[str, Any] = {
        "date": datetime.now(UTC).date().isoformat(), "machine": {**describe(FOLDER), "nice": os.nice(0)},
        "house": {**asdict(effort.size), "all_entries": made.entries, "all_calls": made.calls},
        "load": {"users": USERS, "think_s": THINK, "seconds": effort.seconds},
    }  # fmt: skip
    people = people_of(made)
    os.sched_setaffinity(0, {at.load})
    started_at = time.monotonic()
    say("  the projector makes the tables out of the ledgers")
    with serving(made, at) as (url, pid):
        result["house"]["projected_s"] = round(time.monotonic() - started_at, 1)
        result["house"]["tables_mb"] = round((made.home / "portal" / "projections.sqlite").stat().st_size / 1e6, 1)
        say(f"  {result['house']['projected_s']} s; {len(people)} people come")
        asyncio.run(load(url, people, made, effort.warm))
        before, from_then = cpu_seconds(pid), time.monotonic()
        visits = asyncio.run(load(url, people, made, effort.seconds))
        spent, passed = cpu_seconds(pid) - before, time.monotonic() - from_then
        result["server"] = {
            "busy": round(spent / passed, 3), "cpu_ms_per_page": round(spent * 1e3 / len(visits), 1),
            "pages_per_s": round(len(visits) / passed, 1), "rss_mb": round(resident_mb(pid), 1),
        }  # fmt: skip
    result["failed"] = sum(one.status != 200 for one in visits)
    result["all"] = figures(visits)
    names = sorted({one.page for one in visits})
    result["pages"] = {name: figures([one for one in visits if one.page == name]) for name in names}
    result["took_s"] = round(time.monotonic() - began)
    for name, found in (*result["pages"].items(), ("all", result["all"])):
        times = "  ".join(f"{part} {found[f'{part}_ms']:7.1f} ms" for part in ("p50", "p95", "p99"))
        say(f"  {name:18} {found['n']:5}  {times}  {found['bytes'] / 1e3:7.1f} kB")
    say(f"  {result['server']}")
    failed = sorted({f"{one.page}: {one.status}" for one in visits if one.status != 200})
    say(f"  {result['failed']} pages failed {', '.join(failed)}; {result['took_s']} s in all")
    return result


def main() -> None:
    """Measure, and print a table; with --json one JSON object as the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small house and twenty seconds")
    parser.add_argument("--again", action="store_true", help="make the house anew")
    parser.add_argument("--record", action="store_true", help="write the page on speed and its chart")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    asked = parser.parse_args()
    try:
        result = run(EFFORTS["quick" if asked.quick else "full"], asked.again)
    except CannotMeasure as fault:
        sys.exit(f"bench: {fault}")
    if asked.record:
        publish(result)
    if asked.json:
        say(json.dumps(result))


if __name__ == "__main__":
    main()
