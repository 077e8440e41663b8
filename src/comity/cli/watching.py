"""Watching: the options of `comity serve` that let an operator's monitoring look on."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import click

from comity.gateway import Gate
from comity.gateway.metrics import Metrics
from comity.gateway.observe import Observer
from comity.gateway.tracing import TracesMissing, open_traces

__all__ = ["Watching", "host_port", "open_watching"]

Watching = Callable[[Gate, Path], Observer]
"""Makes the observer of a gate whose ledger is published in a folder."""


def host_port(option: str, text: str) -> tuple[str, int]:
    """Host and port of an option; raises a `UsageError` that names it."""
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise click.UsageError(f"{option}: expected HOST:PORT such as 127.0.0.1:8787, got {text!r}")
    return host, int(port)


def open_watching(stack: ExitStack, metrics: str | None, trace: bool) -> tuple[list[Watching], dict[str, str]]:
    """Who watches each gate until `stack` ends, and what the line of readiness says of it."""
    watching: list[Watching] = []
    told = {}
    if metrics is not None:
        host, port = host_port("--metrics", metrics)
        counted = Metrics()
        try:
            told["metrics"] = stack.enter_context(counted.listening(host.strip("[]"), port))
        except OSError as error:
            raise click.ClickException(f"--metrics: cannot listen on {metrics}: {error.strerror or error}") from None
        watching.append(counted.watch)
    if trace:
        try:
            traces = stack.enter_context(open_traces())
        except TracesMissing as error:
            raise click.ClickException(f"--trace: {error}") from None
        watching.append(traces.watch)
    return watching, told
