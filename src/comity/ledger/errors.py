"""Errors of the ledger's formats: one root, and a leaf wherever a caller branches.

Every leaf says what was expected, what came and, where somebody can act on it, what to do.
Misuse by our own code (an argument of the wrong type, two keys under one name) is not in this
tree: it surfaces as `AssertionError` or `TypeError` and is never caught.
"""


class LedgerError(Exception):
    """Anything that a ledger, its formats or its proofs can refuse."""


class ProofFailed(LedgerError):
    """A Merkle proof does not tie what it was given to the root it was given."""


class NotInTree(LedgerError):
    """An index or a size lies beyond the tree that was named."""


class MalformedNote(LedgerError):
    """The bytes are not a signed note. `line` counts from 1; None means the note as a whole."""

    def __init__(self, message: str, *, line: int | None = None) -> None:
        self.line = line
        super().__init__(message if line is None else f"line {line}: {message}")


class MalformedKey(LedgerError):
    """The text is neither a verifier key nor a private key of a kind that is known here."""


class BadSignature(LedgerError):
    """A signature by a known key does not verify over this text."""


class NotSigned(LedgerError):
    """No key that was named has signed this note, so its text must not be used."""


class MalformedCheckpoint(LedgerError):
    """The note's text is not a checkpoint. `line` counts from 1 where one line is to blame."""

    def __init__(self, message: str, *, line: int | None = None) -> None:
        self.line = line
        super().__init__(message if line is None else f"line {line}: {message}")


class CheckpointRefused(LedgerError):
    """A checkpoint breaks the policy it was opened under. `line` counts from 1 where one line is to blame."""

    def __init__(self, message: str, *, line: int | None = None) -> None:
        self.line = line
        super().__init__(message if line is None else f"line {line}: {message}")


class MalformedTile(LedgerError):
    """A tile, an entry bundle or the path of one is not in the form that tlog-tiles gives it."""


class MalformedPolicy(LedgerError):
    """The text is not a tlog-policy. `line` counts from 1; None means the file as a whole."""

    def __init__(self, message: str, *, line: int | None = None) -> None:
        self.line = line
        super().__init__(message if line is None else f"line {line}: {message}")


class MalformedReceipt(LedgerError):
    """The bytes are not a tlog-proof. `line` counts from 1; None means the file as a whole."""

    def __init__(self, message: str, *, line: int | None = None) -> None:
        self.line = line
        super().__init__(message if line is None else f"line {line}: {message}")
