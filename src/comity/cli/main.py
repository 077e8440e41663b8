"""The command `comity`: every room's door in a terminal.

Exit status: 0 done, 1 refused or failed verification, 2 misuse.  Every command
has `--json`.  Commands load their room when they are called, so that `comity
verify` needs nothing but `cryptography`.
"""

import importlib
from pathlib import Path
from typing import Final

import click

from comity import __version__

__all__ = ["main"]

COMMANDS: Final = {
    "arrangement": (
        "comity.cli.arrangement",
        "arrangement",
        "Negotiate, sign, show and compare access terms.",
    ),
    "ask": ("comity.cli.ask", "ask", "One model call by hand, with its entry."),
    "brief": ("comity.cli.brief", "brief", "Where we stand with each provider: one page, every line sourced."),
    "compare": ("comity.cli.compare", "compare_", "Put finished runs side by side, item by item."),
    "coverage": ("comity.cli.coverage", "coverage", "Which domains and risks were tested, how deep, and which not."),
    "demo": ("comity.cli.demo", "demo", "The whole story with a real local model."),
    "disclose": (
        "comity.cli.disclose",
        "disclose",
        "Open chosen sealed items, each checkable against its entry.",
    ),
    "draw": ("comity.cli.draw", "draw", "Draw rows of a run that neither side chose, and open them."),
    "engagement": (
        "comity.cli.engagement",
        "engagement",
        "Where we stand with each provider: meetings, offers, stages.",
    ),
    "erase": ("comity.cli.closing", "erase", "Destroy the sealed content of a closed arrangement."),
    "exit": ("comity.cli.stop", "leave", "Leave an arrangement for good, as a party to it."),
    "grant": ("comity.cli.grant", "grant", "Let a person call under an arrangement in force."),
    "guard": ("comity.cli.guard", "guard", "The provider's half: refuse calls without a permit, sign counters."),
    "history": ("comity.cli.compare", "history", "What earlier runs found, and which the next planner may know."),
    "identity": ("comity.cli.identity", "identity", "Is this still the model that was enrolled?"),
    "init": ("comity.cli.instance", "init", "Make an instance: its folder and its keys."),
    "key": ("comity.cli.instance", "key", "Show this instance's public keys as a card."),
    "label": ("comity.cli.label", "label", "Label a random few of a run's answers, and correct the judge's rate."),
    "law": ("comity.cli.law", "law", "What is owed, by whom, by when; how a model is classified."),
    "ledger": ("comity.cli.serve", "ledger", "The operator's ledgers: reserve, adopt signed terms, amend."),
    "mirror": ("comity.cli.mirror", "mirror", "Copy a published ledger, as files that can be verified offline."),
    "plan": ("comity.cli.plan", "plan", "Write, check and freeze an evaluation plan."),
    "portal": ("comity.cli.portal", "portal", "The pages of this instance, and who may sign in."),
    "receipt": ("comity.cli.receipt", "receipt", "The proof that one entry is in the ledger, to keep."),
    "reconcile": ("comity.cli.reconcile", "reconcile", "Compare a guard's signed counters with the ledger."),
    "report": ("comity.cli.report", "report", "Make the page, the numbers and the bundle of a finished run."),
    "resume": ("comity.cli.stop", "resume", "Let a stopped or suspended access go on."),
    "run": ("comity.cli.run", "run", "Run a frozen plan through the gateway."),
    "serve": ("comity.cli.serve", "serve_command", "Start gateway and publisher."),
    "status": ("comity.cli.status", "status", "Spend against each clause."),
    "suite": ("comity.cli.suite", "suite", "The suites that ship, and what they say beyond a share."),
    "steps": ("comity.cli.steps", "steps", "An agentic run call by call, and its rate by token budget."),
    "stop": ("comity.cli.stop", "stop", "Stop an access at once, as a party to it."),
    "suspend": ("comity.cli.stop", "suspend", "Suspend an access until it is resumed, as a party to it."),
    "tries": ("comity.cli.tries", "tries", "What the best of several tries reaches in a run that repeated its items."),
    "verify": ("comity.cli.verify", "verify", "Check a bundle, receipt, checkpoint, ledger or disclosure; offline."),
    "witness": ("comity.cli.witness", "witness", "Cosign the checkpoints of the ledgers this party watches."),
}


class LazyGroup(click.Group):
    """A group whose commands load their module when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[name]
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise AssertionError(f"{module}.{attribute} is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][2]) for name in self.list_commands(ctx)])


class LateHome:
    """Opens the home when a command first asks for it, so that `verify` needs none."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __getattr__(self, name: str) -> object:
        from comity.cli.home import open_home

        return getattr(open_home(self._path), name)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--home",
    envvar="COMITY_HOME",
    default=".",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder of this instance.",
)
@click.version_option(__version__, prog_name="comity")
@click.pass_context
def main(ctx: click.Context, home: Path) -> None:
    """Structured access to AI models, between a public authority and a provider.

    The two sides agree terms, a gateway holds both to them, a ledger that
    neither can rewrite records what happened, and anyone can check it.
    """
    ctx.obj = LateHome(home)
