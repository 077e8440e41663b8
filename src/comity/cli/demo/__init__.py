"""`comity demo`: the whole story, told by public commands on a real model."""

import json
import os
import secrets
import signal
import time
from decimal import ROUND_UP, Decimal, InvalidOperation
from pathlib import Path
from types import FrameType
from typing import Any, Final

import click

from comity.cli.demo.cheats import tell_cheats
from comity.cli.demo.narrator import Narrator
from comity.cli.demo.offer import Offered
from comity.cli.demo.portal import copy_ledger, open_portal
from comity.cli.demo.processes import Stage
from comity.cli.demo.scene import all_caught
from comity.cli.demo.serving import serve_story
from comity.cli.demo.story import Endpoint, Story

__all__ = ["demo"]

ITEMS: Final = 120
"""At most: the main run stops when its question is decided."""
DECIDE: Final = "0.10"
"""The question of the main run: are more answers right than this share?"""
FEW: Final = 12
MODEL: Final = "gemma-3-270m"
MAX_OUTPUT: Final = 32
REFRESH: Final = 5
"""Seconds between copies of the ledger that the portal reads."""
OVERHEAD: Final = 640
"""Tokens that the demo's chat template puts before a question, and room beside them."""


@click.command()
@click.option("--act", type=click.Choice(["story", "cheat", "all"]), default="all", show_default=True,
              help="The story, or how each side cheats and is caught, or both.")
@click.option("--no-serve", is_flag=True, help="End when the story is told, instead of serving what it made.")
@click.option("--items", default=ITEMS, show_default=True, type=click.IntRange(1, 200),
              help="Items of the main run, at most.")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), envvar="COMITY_DEMO_DIR",
              default=Path(".demo"), show_default=True, help="Where the story's folders are made.")
@click.option("--upstream", metavar="URL", help="Your own endpoint in place of the local model; key in --key-env.")
@click.option("--protocol", type=click.Choice(["openai", "anthropic"]), default="openai", show_default=True,
              help="The protocol of --upstream.")
@click.option("--model", "model_name", help="The model's name at --upstream.")
@click.option("--key-env", default="COMITY_UPSTREAM_KEY", show_default=True,
              help="The environment variable that holds the key of --upstream.")
@click.option("--price-input", default="5.00", show_default=True, help="Price per million input tokens, --upstream.")
@click.option("--price-output", default="25.00", show_default=True, help="Price per million output tokens, --upstream.")
@click.option("--yes", is_flag=True, help="Do not ask before calls to --upstream.")
@click.option("--json", "as_json", is_flag=True, help="Make the last line one JSON object.")
def demo(
    act: str,
    no_serve: bool,
    items: int,
    folder: Path,
    upstream: str | None,
    protocol: str,
    model_name: str | None,
    key_env: str,
    price_input: str,
    price_output: str,
    yes: bool,
    as_json: bool,
) -> None:
    """Tell the whole story: two talks, signed terms, enforced calls, a number, a stranger's check.

    Then each side cheats in turn and is caught; exit status 1 if one is not.  With --upstream the cheats are left out.
    """
    if act == "cheat" and upstream is not None:
        raise click.UsageError("--act cheat is told on the local model alone; leave --upstream out")
    signal.signal(signal.SIGTERM, _ended)  # so that every process of the story ends with it
    made = folder.resolve() / f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    stage, tell = Stage(made), Narrator()
    stages = [stage]
    story = Story(stage=stage, tell=tell, items=items, few=min(FEW, items))
    weights = folder.resolve() / "weights"
    result: dict[str, Any] = {}
    uncaught = False
    try:
        if upstream is None:
            endpoint, offered = _local(stage, tell, weights, items)
        else:
            prices = (price_input, price_output)
            endpoint, offered = _visitors(upstream, protocol, model_name, key_env, items, prices, yes)
        if act != "cheat":
            result = _tell(story, endpoint, offered)
        if act != "story" and upstream is None:
            if act == "all":
                stages.append(Stage(made / "cheats"))
            cheats = tell_cheats(stages[-1], tell, endpoint, offered, weights)
            uncaught = not all_caught(cheats)
            result |= {"seconds": round(tell.seconds(), 1), "cheats": [cheat.as_json() for cheat in cheats]}
        if not no_serve and act != "cheat":
            _serve(story, result)
    finally:
        for each in reversed(stages):
            each.end()
    if as_json:
        click.echo(json.dumps(result))
    if uncaught:
        raise SystemExit(1)


def _tell(story: Story, endpoint: Endpoint, offered: Offered) -> dict[str, Any]:
    story.talks()
    story.terms(offered)
    story.service(story.stand_guard(endpoint))
    story.tell.act("Act three, continued: the evaluation")
    if "openai" in endpoint.protocols:
        story.evaluate(endpoint, "openai", story.items, decide=DECIDE)
        story.refusal(endpoint)
    if "anthropic" in endpoint.protocols:
        story.evaluate(endpoint, "anthropic", story.few if "openai" in endpoint.protocols else story.items)
    stopped = story.runs[0].get("stopped")
    story.disclose(story.runs[0]["permits"][0])
    if offered.guard == "provider":
        story.count(story.mail("guard-counters"))
    published = story.publish(story.runs[0]["run"])
    checked = story.check()
    log = story.card("operator")["log"]
    first = f"{story.first_number_seconds:.0f} s"
    story.tell.act(f"Told in {story.tell.seconds():.0f} s; the first number came after {first}.")
    return {
        "seconds": round(story.tell.seconds(), 1),
        "first_number_seconds": round(story.first_number_seconds, 1),
        "ledger": checked["ledger"],
        "entries": checked["size"],
        "log_vkey": log[0],
        "log_vkeys": log,
        "witness_vkeys": [story.card(role)["witness"] for role in ("authority", "provider")],
        "arrangement": story.arrangement,
        "arrangement_digest": story.digest,
        "arrangement_file": story.mail("terms.json"),
        "gateway": story.gateway,
        "calls": checked["calls"],
        "refused": checked["refused"],
        "stopped": None if stopped is None else {**stopped, "saved": story.items - stopped["asked"]},
        "estimates": [_numbers(estimate) for run in story.runs for estimate in run["estimates"]],
        "runs": [run["run"] for run in story.runs],
        "report": published["page"],
        "report_numbers": published["report"],
        "bundle": published["bundle"],
        "rungs": published["rungs"],
        "receipts": published["receipts"],
    }


def _numbers(estimate: dict[str, Any]) -> dict[str, Any]:
    """An estimate with JSON numbers, for scripts; records keep decimals as text."""
    decimals = ("point", "low", "high", "level", "worst_low", "worst_high")
    return {name: float(value) if name in decimals else value for name, value in estimate.items()}


def _local(stage: Stage, tell: Narrator, weights: Path, items: int) -> tuple[Endpoint, Offered]:
    """Start the local model as the provider's, after showing what it is."""
    key = secrets.token_urlsafe(24)
    key_file = stage.mail / "upstream-key"
    key_file.touch(mode=0o600)
    key_file.write_text(key)
    tell.act("The provider's model")
    ready = stage.start(
        "model",
        ["comity.cli.local_model", "--cache", str(weights), "--api-key-file", str(key_file), "--alias", MODEL,
         "--with-parent"],
    )  # fmt: skip
    key_file.unlink()
    known = ready["weights"]
    tell.step(
        "provider",
        f"{ready['model']} answers at {ready['url']}, in its own process with its own key.",
        "A real language model of 270 million parameters, on this machine; it knows little, and its score says so.",
    )
    tell.quote(f"weights  {known['file']}, {known['bytes']:,} bytes\nsha256   {known['sha256']}\n"
               f"origin   {known['origin']}\nlicence  {known['licence']}")  # fmt: skip
    calls = items + FEW + 60
    offered = Offered(
        model=MODEL,
        serves=(MODEL,),
        protocols=("openai", "anthropic"),
        context_window=4096,
        max_output=MAX_OUTPUT,
        overhead=OVERHEAD,
        price_input="0.10",
        price_output="0.40",
        calls=calls,
        input_tokens=calls * 1200,
        output_tokens=calls * MAX_OUTPUT,
        cost="0.50",
        guard="provider",
    )
    return Endpoint(url=ready["url"], key=key, protocols=("openai", "anthropic"), model=MODEL), offered


def _visitors(
    upstream: str,
    protocol: str,
    model_name: str | None,
    key_env: str,
    items: int,
    prices: tuple[str, str],
    yes: bool,
) -> tuple[Endpoint, Offered]:
    """The visitor's own endpoint, after printing the most it can cost and asking."""
    if not model_name:
        raise click.UsageError("--upstream wants --model NAME, the model's name at your endpoint")
    key = os.environ.get(key_env, "")
    if not key:
        raise click.UsageError(f"--upstream wants its key in the environment variable {key_env}; it is not set")
    calls = items + 20 + 20
    input_tokens, output_tokens = calls * 1000, calls * MAX_OUTPUT
    try:
        most = (input_tokens * Decimal(prices[0]) + output_tokens * Decimal(prices[1])) / 10**6
    except InvalidOperation:
        raise click.UsageError(f"--price-input, --price-output: expected decimals such as 5.00, got {prices}") from None
    cost = str(most.quantize(Decimal("0.0001"), rounding=ROUND_UP))
    click.echo(
        f"{items} items of a short-answer suite go to {upstream} as {model_name}.\n"
        f"The most that this can cost is {cost} EUR, at {prices[0]} and {prices[1]} per million tokens in and out\n"
        f"(set --price-input and --price-output to yours); the signed budget makes the gateway refuse beyond it."
    )
    if not yes and not click.confirm("Go on?", default=False):
        raise click.ClickException("nothing was sent")
    offered = Offered(
        model=model_name,
        serves=(model_name,),
        on_mismatch="flag",  # an endpoint often answers under a dated name of the same model
        protocols=(protocol,),
        context_window=100_000,
        max_output=MAX_OUTPUT,
        overhead=OVERHEAD,
        price_input=prices[0],
        price_output=prices[1],
        calls=calls,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cost=cost,
    )
    return Endpoint(url=upstream, key=key, protocols=(protocol,), model=model_name), offered


def _ended(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _serve(story: Story, result: dict[str, Any]) -> None:
    """Show the portal, and report, bundle, ledger and receipts beside it, on this machine until Ctrl-C."""
    made = story.stage.folder
    with serve_story(
        made,
        page=Path(result["report"]),
        bundle=Path(result["bundle"]),
        ledger=Path(result["ledger"]),
        receipts=[Path(name) for name in result["receipts"]],
        numbers=Path(result["report_numbers"]),
    ) as address:
        try:
            links = open_portal(story)
            click.echo()
            click.secho("The portal, as each of them sees it (each link works once):", bold=True)
            for who, link in links.items():
                click.echo(f"  {who:28} {link}")
            click.secho(f"Look at it: {address}", bold=True)
            click.echo(f"Everything is in {made}. Ctrl-C ends it.")
            while True:
                time.sleep(REFRESH)
                copy_ledger(story)
        except KeyboardInterrupt:
            click.echo("\nended")
