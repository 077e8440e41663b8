"""`comity disclose`: show chosen parts of one call to somebody, each by its own key.

Run in the home of a recipient: the evaluator's, or the authority's with its recovery key.  The file that is
written opens these parts and nothing else, and `comity verify` checks it against the ledger.
"""

import json
from pathlib import Path
from typing import Final

import click

from comity.cli.calling import ask, ask_json
from comity.cli.home import Home
from comity.vault import (
    CALL_PARTS,
    SealedBundle,
    VaultError,
    format_disclosure,
    parse_recipient_key,
    parse_sealed,
)
from comity.vault import (
    disclose as disclose_items,
)

__all__ = ["disclose"]

BOTH: Final = "both"


@click.command()
@click.argument("call")
@click.option("--part", type=click.Choice([*CALL_PARTS, BOTH]), default=BOTH, show_default=True, help="What to show.")
@click.option("--gateway", help="The gateway's address, such as https://operator.example.")
@click.option(
    "--sealed",
    "files",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A sealed item as a file, in place of --gateway; once for each part.",
)
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The disclosure to write.")
@click.option("--to", default="", help="Whom it is shown to: recorded in the ledger (needs --gateway).")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
@click.pass_obj
def disclose(
    home: Home, call: str, part: str, gateway: str | None, files: tuple[Path, ...], out: Path, to: str, as_json: bool
) -> None:
    """Show one CALL's request, answer or both.

    CALL is what the answer's header `request-id` says, `<ledger>:<number>`; the number alone will do with
    --sealed, or with a --gateway that ends in the arrangement's `/a/<id>`.
    """
    ledger, _, number = call.rpartition(":")
    if not number.isascii() or not number.isdigit():
        raise click.UsageError(f"a call is <ledger>:<number> or a number, not {call[:80]!r}")
    index, wanted = int(number), CALL_PARTS if part == BOTH else (part,)
    if (gateway is None) == (not files):
        raise click.UsageError("the sealed items come from --gateway URL or from --sealed FILE, one of them")
    if to and gateway is None:
        raise click.UsageError("--to is recorded in the ledger, which needs --gateway")
    door = "" if gateway is None else _door(gateway, ledger)
    texts = [file.read_bytes() for file in files] or [
        ask(f"{door}/sealed/{index}/{each}", secret=home.secret()) for each in wanted
    ]
    try:
        bundles = tuple(bundle for bundle in map(parse_sealed, texts) if bundle.part in wanted)
        _refuse_others(bundles, ledger, index, wanted)
        key = parse_recipient_key(home.key_path("recipient").read_text())
        text = format_disclosure(disclose_items(bundles, key))
    except VaultError as error:
        raise click.ClickException(str(error)) from None
    recorded = []
    for bundle in bundles if to else ():
        members = {"kind": "content.disclosed", "permit": index, "part": bundle.part, "to": to}
        answer = ask_json(f"{door}/entries", data=json.dumps(members).encode(), secret=home.secret())
        recorded.append(answer["index"])
    out.write_bytes(text)
    shown = [bundle.part for bundle in bundles]
    if as_json:
        click.echo(json.dumps({"ledger": bundles[0].ledger, "call": index, "shown": shown, "recorded": recorded}))
        return
    withheld = ", ".join(each for each in CALL_PARTS if each not in shown) or "nothing"
    click.echo(f"call {index} of {bundles[0].ledger}: {' and '.join(shown)} in {out.name}; withheld: {withheld}")
    if recorded:
        click.echo(f"recorded as shown to {to}: entries {', '.join(map(str, recorded))}")
    click.echo("Whoever holds this file can read these parts, and nothing else; it cannot be taken back.")


def _door(gateway: str, ledger: str) -> str:
    prefix = gateway.rstrip("/")
    if "/a/" in prefix:
        return prefix
    if not ledger:
        raise click.UsageError("which ledger? Give the call as <ledger>:<number>, as in the header request-id")
    return f"{prefix}/a/{ledger.rpartition('/')[2]}"


def _refuse_others(bundles: tuple[SealedBundle, ...], ledger: str, index: int, wanted: tuple[str, ...]) -> None:
    for bundle in bundles:
        if bundle.index != index or (ledger and bundle.ledger != ledger):
            raise click.ClickException(
                f"the sealed item is of call {bundle.index} of {bundle.ledger}, not of the call asked for"
            )
    if sorted(bundle.part for bundle in bundles) != sorted(wanted) or len({b.ledger for b in bundles}) != 1:
        came = ", ".join(bundle.part for bundle in bundles) or "nothing"
        raise click.ClickException(f"wanted are {' and '.join(wanted)} of one call, each once; came: {came}")
