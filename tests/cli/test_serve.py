"""Serving: what the operator's terminal says."""

import pytest

from comity.cli.serve import PublishingTold
from comity.ledger import AwaitingQuorum, LedgerError, Published


def test_a_missing_quorum_is_said_once_and_its_end_too(capsys: pytest.CaptureFixture[str]) -> None:
    """An operator reads which witness is missing and why, without a line for every round."""
    tell = PublishingTold("0123")
    waiting = AwaitingQuorum(size=3, missing=("provider",), reasons=("provider: no answer",))

    for outcome in (waiting, waiting, LedgerError("the disk is full"), Published(size=3, checkpoint=b"")):
        tell(outcome)

    assert [
        "0123: the quorum is not met, provider missing: provider: no answer",
        "0123: not published: the disk is full",
        "0123: published again under the quorum",
    ] == capsys.readouterr().err.splitlines()
