"""`comity steps`: an agentic run call by call, each tied to its entry, and its rate for each budget of tokens."""

import json

import click

from comity.cli.home import Home
from comity.cli.runs import run_folder
from comity.evaluation import EvaluationError
from comity.evaluation.exporting import HISTORY
from comity.evaluation.history import parse_export
from comity.evaluation.steps import Trace, by_budget, read_traces

__all__ = ["steps"]


@click.command()
@click.argument("run")
@click.option("--budget", "budgets", multiple=True, type=click.IntRange(min=1),
              help="A budget of tokens a sample; may be given again. Without it: halves of the most that was taken.")
@click.option("--item", help="Show one sample's steps.")
@click.option("--json", "as_json", is_flag=True, help="Print steps and rates as one JSON object.")
@click.pass_obj
def steps(home: Home, run: str, budgets: tuple[int, ...], item: str | None, as_json: bool) -> None:
    """Say what RUN did call by call, and what it achieves with how many tokens.

    RUN is the id that `comity run` printed, or `last`.
    """
    folder = run_folder(home, run)
    try:
        outcome, plan = (json.loads((folder / name).read_bytes()) for name in ("run.json", "plan.json"))
        export = parse_export((folder / HISTORY).read_bytes())
        traces = read_traces(folder, outcome["ledger"])
        scores = {name: found[0] if found else None for name, found in export.outcomes.items()}
        rates = by_budget(traces, scores, budgets or _halves(traces), float(plan["outputs"]["level"]))
    except OSError as error:
        raise click.ClickException(f"the run's folder cannot be read: {error.strerror}") from None
    except EvaluationError as error:
        raise click.ClickException(str(error)) from None
    shown = [trace for trace in traces if item in (None, trace.item)]
    if not shown:
        raise click.ClickException(f"no sample {str(item)[:60]!r} in this run")
    if as_json:
        click.echo(json.dumps({
            "run": folder.name,
            "by_budget": [{"tokens": budget, **rate.as_json()} for budget, rate in rates],
            "traces": [_members(trace) for trace in shown],
        }))  # fmt: skip
        return
    counts = sorted(len(trace.steps) for trace in traces)
    click.echo(f"{len(traces)} samples, {sum(counts)} steps: {counts[0]} to {counts[-1]} a sample")
    click.echo("right within a budget of tokens a sample:")
    for budget, rate in rates:
        click.echo(f"  {budget:9,}  {rate}")
    if item is not None:
        for trace in shown:
            _tell(trace)


def _halves(traces: tuple[Trace, ...]) -> tuple[int, ...]:
    most = max([trace.tokens or 1 for trace in traces], default=1)
    return tuple(sorted({max(1, most // part) for part in (1, 2, 4, 8)}))


def _tell(trace: Trace) -> None:
    click.echo(f"{trace.item}, epoch {trace.epoch}: {'unknown' if trace.tokens is None else trace.tokens} tokens")
    for step in trace.steps:
        entries = ", ".join(f"entry {index}" for index in step.calls) or "no entry named"
        used = ", ".join(step.tools) or "answers"
        click.echo(f"  {step.number:3}  {entries}  {used}  {step.input_tokens} in, {step.output_tokens} out")


def _members(trace: Trace) -> dict[str, object]:
    return {
        "item": trace.item,
        "epoch": trace.epoch,
        "tokens": trace.tokens,
        "steps": [
            {"step": step.number, "calls": list(step.calls), "tools": list(step.tools),
             "input_tokens": step.input_tokens, "output_tokens": step.output_tokens}
            for step in trace.steps
        ],
    }  # fmt: skip
