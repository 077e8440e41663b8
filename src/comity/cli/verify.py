"""`comity verify`: what a bundle, ledger, receipt, checkpoint or disclosure establishes, fact by fact.

Needs no instance, no network and no trust in whoever wrote the copy; the keys to check against come from a
policy, an arrangement or the command line.  Where they come with the copy itself, the first line says so.

Exit status: 0 no fact fails, 1 a fact fails, 2 misuse.
"""

import json
import os
import shutil
import sys
import textwrap
from pathlib import Path
from typing import Final

import click

from comity.cli.bundle_verdict import is_bundle, judge, summary
from comity.cli.certificate_verdict import CERTIFIED, is_certificate, judge_certificate
from comity.cli.verify_page import write_verify_page
from comity.ledger import LedgerError, Policy, parse_policy
from comity.verify import (
    BundleVerdict,
    Fact,
    FolderCopy,
    LedgerCopy,
    MalformedDisclosureFile,
    MalformedOfferFile,
    ServerCopy,
    Shown,
    TermsView,
    Verdict,
    check_files,
    read_disclosure,
    read_entries,
    read_offer,
    verify_checkpoint,
    verify_directory,
    verify_disclosure,
    verify_receipt,
)
from comity.verify.checkpoints import check_checkpoint
from comity.verify.fork import HELD, REQUEST, verify_fork

__all__ = ["verify"]

ARRANGEMENT: Final = "arrangement.json"
"""The offer envelope that a copy may bring along."""
SECTIONS: Final = (
    ("the bundle", ("archive", "manifest")),
    ("who signed", ("keys", "checkpoint", "log signatures", "cosignatures", "quorum", "receipt")),
    ("the files", ("copy", "entries", "tiles", "root", "files", "older tiles", "beyond", "beside")),
    ("the entries", ("kinds", "unknown kinds", "times")),
    ("the terms and the parties' acts", ("origin", "terms", "acts")),
    ("the calls", ("calls", "grants", "gateways", "overruns", "stops", "disclosures", "runs", "draws")),
    ("the calls against the clauses", ("budget", "concurrency", "permits", "models")),
    ("the run", ("plan", "planned", "scores", "rows", "counts")),
    ("the report", ("published", "as_of", "covers", "report", "page")),
    ("the content", ("sealed", "disclosed", "draw", "rescored")),
    ("what is disclosed", ("ledger", "call", "request", "answer")),
    ("the end", ("closing", "erasures")),
    ("the certificate", ("certificate", "signatures", "same history", *CERTIFIED)),
    ("the two checkpoints", ("evidence", "held", "shown", "one history")),
)
UNWRAPPED: Final = 1_000_000
COLOURS: Final = {True: "green", False: "red", None: "yellow"}


@click.command()
@click.argument("subject", metavar="[PATH|URL]", required=False)
@click.option(
    "--policy",
    "policy_file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The keys to check against, as tlog-policy text.",
)
@click.option(
    "--arrangement",
    "arrangement_file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The signed terms; they name the keys, the parties and the clauses.",
)
@click.option("--log", "logs", multiple=True, metavar="VKEY", help="A key of the log; once for each of its keys.")
@click.option(
    "--witness",
    "witnesses",
    multiple=True,
    metavar="NAME=VKEY",
    help="A witness that must have cosigned; once for each.",
)
@click.option(
    "--entry",
    "entry_file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="For a receipt: the file with the entry's bytes.",
)
@click.option("--ledger", "ledger", metavar="PATH|URL", help="For a disclosure or a certificate: its ledger's copy.")
@click.option("--show", is_flag=True, help="For a disclosure: print what it shows.")
@click.option(
    "--page",
    "page_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Check nothing, and write verify.html there: one page that checks a bundle in a browser, offline.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
@click.pass_context
def verify(
    ctx: click.Context,
    subject: str | None,
    policy_file: Path | None,
    arrangement_file: Path | None,
    logs: tuple[str, ...],
    witnesses: tuple[str, ...],
    entry_file: Path | None,
    ledger: str | None,
    show: bool,
    page_file: Path | None,
    as_json: bool,
) -> None:
    """Check a bundle, ledger (folder or URL), receipt, checkpoint, disclosure, closing certificate or evidence.

    Each fact is printed on its own: ✓ it holds, ✗ it fails and where, · nothing in hand can decide it.

    The keys come from --policy, from --arrangement, or from --log and --witness.  A folder that brings its own
    arrangement.json can be checked against that, and the first fact then says that the keys came with the copy.
    So it is with a bundle, which brings its terms.  A bundle's verdict names the rungs that its proof reaches.

    For a URL the access key is read from the environment variable COMITY_KEY.
    """
    if (subject is None) == (page_file is None):
        raise click.UsageError("expected either something to check, or --page FILE to write the page that checks")
    if page_file is not None:
        write_verify_page(page_file, as_json=as_json)
        return
    if subject is None:
        raise AssertionError("looked at before")
    given = _given_policy(policy_file, logs, witnesses)
    terms = _read_terms(arrangement_file) if arrangement_file is not None else None
    evidence = _evidence(Path(subject))
    bundle = judge(Path(subject), given, terms) if evidence is None and is_bundle(Path(subject)) else None
    copy = _copy(subject) if evidence is None and bundle is None else None
    parts: tuple[Shown, ...] = ()
    if evidence is not None:
        policy, keys = _policy_of(given, terms)
        verdict = verify_fork(*evidence, policy, keys=keys)
    elif bundle is not None:
        verdict = bundle.verdict
    elif copy is not None:
        verdict = _ledger(copy, given, terms)
    else:
        data = Path(subject).read_bytes()
        if data.startswith(b"c2sp.org/tlog-proof@"):
            if entry_file is None:
                raise click.UsageError("a receipt is about an entry: give the entry's bytes with --entry FILE")
            policy, keys = _policy_of(given, terms)
            verdict = verify_receipt(data, entry_file.read_bytes(), policy, keys=keys)
        elif is_certificate(data):
            if terms is None:
                raise click.UsageError("whose signatures? Give the terms in force at the end with --arrangement FILE")
            policy, keys = _policy_of(given, terms)
            verdict = judge_certificate(data, _copy(ledger) if ledger is not None else None, policy, keys, terms)
        elif data.lstrip()[:1] == b"{":
            verdict, parts = _disclosure(data, ledger, given, terms)
        else:
            policy, keys = _policy_of(given, terms)
            verdict = verify_checkpoint(data, policy, keys=keys)
    if as_json:
        click.echo(json.dumps((bundle or verdict).members(), ensure_ascii=False))
    else:
        _print(verdict, bundle)
        for part in parts if show else ():
            click.echo(f"\n{part.part}, {len(part.content)} bytes:\n{_readable(part.content)}")
    ctx.exit(0 if verdict.stands else 1)


def _ledger(copy: LedgerCopy, given: Policy | None, terms: TermsView | None) -> Verdict:
    policy, keys, terms = _ledger_policy(copy, given, terms)
    return verify_directory(copy, policy, terms=terms, keys=keys)


def _ledger_policy(
    copy: LedgerCopy, given: Policy | None, terms: TermsView | None
) -> tuple[Policy, Fact, TermsView | None]:
    """The policy to check a copied ledger against, where it came from, and the terms if they are in hand."""
    brought = copy.read(ARRANGEMENT) if terms is None and isinstance(copy, FolderCopy) else None
    if terms is None and brought is not None:
        try:
            terms = read_offer(brought)
        except MalformedOfferFile as error:
            raise click.ClickException(f"{ARRANGEMENT} beside the ledger: {error}") from None
        if given is None:
            said = (
                f"they came with the copy itself ({ARRANGEMENT}): whoever made the copy chose them. Compare them with "
                f"keys that reached you another way, or give those with --policy"
            )
            return terms.policy, Fact(name="keys", holds=None, detail=said), terms
    policy, keys = _policy_of(given, terms)
    return policy, keys, terms


def _policy_of(given: Policy | None, terms: TermsView | None) -> tuple[Policy, Fact]:
    if given is not None:
        return given, Fact(
            name="keys", holds=True, detail="as given on the command line, not taken from what is checked"
        )
    if terms is not None:
        return terms.policy, Fact(name="keys", holds=True, detail="those in the arrangement given with --arrangement")
    raise click.UsageError(
        "whose signatures? Give the keys with --policy FILE, with --arrangement FILE, or with --log VKEY and "
        "--witness NAME=VKEY"
    )


def _disclosure(
    data: bytes, ledger: str | None, given: Policy | None, terms: TermsView | None
) -> tuple[Verdict, tuple[Shown, ...]]:
    """Check the ledger's signatures and files first, then what is shown against its entries."""
    try:
        disclosure = read_disclosure(data)
    except MalformedDisclosureFile as error:
        raise click.ClickException(str(error)) from None
    if ledger is None or (copy := _copy(ledger)) is None:
        raise click.UsageError("a disclosure is checked against its ledger: give the copied folder with --ledger")
    policy, keys, _ = _ledger_policy(copy, given, terms)
    checkpoint = copy.read("checkpoint")
    if checkpoint is None:
        raise click.ClickException(f"{copy.name} has no checkpoint, so it is no copied ledger")
    facts, head = check_checkpoint(checkpoint, policy)
    before = [keys, *facts]
    if head is not None:
        files = check_files(copy, head)
        before += files.facts
        if files.entries is not None:
            history, _ = read_entries(files.entries)
            found = verify_disclosure(disclosure, history, head.origin, before=tuple(before))
            return found.verdict, tuple(part for part in found.parts if isinstance(part, Shown))
    return Verdict(subject=f"disclosure of call {disclosure.index}", facts=tuple(before)), ()


def _evidence(folder: Path) -> tuple[bytes, bytes] | None:
    """The two files of a witness's evidence, if the subject is such a folder."""
    held, request = folder / HELD, folder / REQUEST
    return (held.read_bytes(), request.read_bytes()) if held.is_file() and request.is_file() else None


def _copy(subject: str) -> LedgerCopy | None:
    """The copied ledger that a subject names, or None for a file."""
    if subject.startswith(("http://", "https://")):
        return ServerCopy(subject, key=os.environ.get("COMITY_KEY", ""))
    path = Path(subject)
    if path.is_dir():
        if not (path / "checkpoint").exists() and (path / "public" / "checkpoint").exists():
            raise click.UsageError(f"{path} holds a ledger's own files; its published copy is {path / 'public'}")
        return FolderCopy(path)
    if not path.is_file():
        raise click.UsageError(f"there is no file or folder {subject!r}, and it is no http(s) address")
    return None


def _given_policy(file: Path | None, logs: tuple[str, ...], witnesses: tuple[str, ...]) -> Policy | None:
    if file is not None and (logs or witnesses):
        raise click.UsageError("the keys come either from --policy or from --log and --witness, not from both")
    if witnesses and not logs:
        raise click.UsageError("--witness needs --log too: without the log's keys there is nothing to witness")
    if file is None and not logs:
        return None
    named = [item.partition("=") for item in witnesses]
    if any(not separator for _, separator, _ in named):
        raise click.UsageError("a witness is given as NAME=VKEY")
    lines = [f"log {key}\n" for key in logs] + [f"witness {name} {key}\n" for name, _, key in named]
    if named:
        lines.append(f"group all-given all {' '.join(name for name, _, _ in named)}\nquorum all-given\n")
    else:
        lines.append("quorum none\n")
    try:
        return parse_policy(file.read_bytes() if file is not None else "".join(lines))
    except LedgerError as error:
        raise click.UsageError(f"{file.name if file is not None else 'the keys given'}: {error}") from None


def _read_terms(file: Path) -> TermsView:
    try:
        return read_offer(file.read_bytes())
    except MalformedOfferFile as error:
        raise click.ClickException(f"{file.name}: {error}") from None


def _print(verdict: Verdict, bundle: BundleVerdict | None = None) -> None:
    """Facts under headings, wrapped to a terminal (one line each where it is none), and what they come to."""
    width = min(shutil.get_terminal_size().columns, 120) if sys.stdout.isatty() else UNWRAPPED
    known = {name for _, names in SECTIONS for name in names}
    click.secho(_readable(verdict.subject), bold=True)
    others = tuple(fact.name for fact in verdict.facts if fact.name not in known)
    for heading, names in (*SECTIONS, ("and", others)):
        facts = [fact for fact in verdict.facts if fact.name in names]
        if not facts:
            continue
        click.secho(f"\n{heading}", dim=True)
        if len(facts) > 1 and {(fact.holds, fact.detail) for fact in facts} == {(None, facts[0].detail)}:
            facts = [Fact(name="none of it", holds=None, detail=facts[0].detail)]
        for fact in facts:
            _print_fact(fact, width)
    if bundle is not None:
        click.secho("\nhow far the proof reaches", dim=True)
        for rung in bundle.rungs:
            _print_fact(rung, width)
    click.echo()
    if bundle is not None:
        click.secho(summary(bundle), bold=True)
    held = sum(1 for fact in verdict.facts if fact.holds)
    if verdict.failures:
        first = verdict.failures[0]
        what = f"{first.where}: {first.detail}" if first.where else first.detail
        said = f"✗ {len(verdict.failures)} of {len(verdict.facts)} facts fail. The first: {_readable(what)}"
        click.secho(textwrap.fill(said, width, subsequent_indent="  ", break_on_hyphens=False), fg="red", bold=True)
        return
    click.secho(f"No fact fails; {held} hold.", fg="green", bold=True)
    if verdict.open:
        missing = ", ".join(dict.fromkeys(fact.name for fact in verdict.open))
        said = f"Not established: {missing}. What the facts above do not say, this check does not say."
        click.echo(textwrap.fill(said, width))


def _print_fact(fact: Fact, width: int) -> None:
    mark, _, _ = str(fact).partition(" ")
    place = f"{fact.where}: " if fact.where else ""
    lines = textwrap.wrap(_readable(place + fact.detail), max(width - 20, 30), break_on_hyphens=False) or [""]
    click.echo(f"  {click.style(mark, fg=COLOURS[fact.holds], bold=True)} {fact.name:15} {lines[0]}")
    for line in lines[1:]:
        click.echo(" " * 20 + line)


def _readable(content: bytes | str) -> str:
    """Text as it can be shown: nothing in it can move the cursor or colour the terminal."""
    text = content.decode("utf-8", "backslashreplace") if isinstance(content, bytes) else content
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)
