"""What `comity verify` says of a closing certificate, alone or beside a copy of its ledger."""

from typing import Final

import click

from comity.ledger import Policy
from comity.ledger.merkle import Frontier, leaf_hash
from comity.verify import (
    Fact,
    LedgerCopy,
    MalformedCertificate,
    TermsView,
    Verdict,
    check_files,
    read_certificate,
    read_entries,
    verify_certificate,
)
from comity.verify.checkpoints import check_checkpoint
from comity.verify.closing import COUNTED, FORMAT
from comity.verify.directory import check_history

__all__ = ["CERTIFIED", "is_certificate", "judge_certificate"]

CERTIFIED: Final = COUNTED


def is_certificate(data: bytes) -> bool:
    """Whether a file says that it is a closing certificate."""
    return f'"format":"{FORMAT}"'.encode() in data


def judge_certificate(
    data: bytes, copy: LedgerCopy | None, policy: Policy, keys: Fact, terms: TermsView
) -> Verdict:
    """The facts about a certificate, and about its ledger first where a copy is in hand."""
    try:
        if copy is None:
            return verify_certificate(data, terms, policy, before=(keys,))
        checkpoint = copy.read("checkpoint")
        if checkpoint is None:
            raise click.ClickException(f"{copy.name} has no checkpoint, so it is no copied ledger")
        facts, head = check_checkpoint(checkpoint, policy)
        before = [keys, *facts]
        if head is None or (files := check_files(copy, head)).entries is None:
            return verify_certificate(data, terms, policy, before=tuple(before))
        history, found = read_entries(files.entries)
        before += [*files.facts, *found, *check_history(history, terms, head.origin)]
        size = _size(read_certificate(data)[0].get("checkpoint"))
        root_at = {}
        if 0 < size <= len(files.entries):
            frontier = Frontier.empty()
            for each in files.entries[:size]:
                frontier.append(leaf_hash(each))
            root_at[size] = frontier.root().hex()
        return verify_certificate(data, terms, policy, history=history, root_at=root_at, before=tuple(before))
    except MalformedCertificate as error:
        raise click.ClickException(str(error)) from None


def _size(checkpoint: object) -> int:
    lines = checkpoint.split("\n") if isinstance(checkpoint, str) else []
    stated = lines[1] if len(lines) > 1 else ""
    return int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 16 else 0
