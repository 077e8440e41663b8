"""What `comity verify` says of a bundle: the rungs under the facts, and the scorers that are installed."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from comity.ledger import Policy
from comity.verify import BundleVerdict, Fact, Rescore, TermsView, verify_bundle

__all__ = ["is_bundle", "judge", "summary"]

SCORERS: Final = "comity.evaluation.rescoring"


def is_bundle(path: Path) -> bool:
    """Whether a file is to be read as a bundle: by its first bytes, or by its name."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(2) == b"PK" or path.suffix == ".zip"


def judge(path: Path, policy: Policy | None, terms: TermsView | None) -> BundleVerdict:
    """The verdict on a bundle, with the keys that were given and the scorers that are installed."""
    keys = None
    if policy is not None:
        said = "as given on the command line, not taken from what is checked"
        keys = Fact(name="keys", holds=True, detail=said)
    return verify_bundle(path, policy=policy, terms=terms, keys=keys, rescore=_scorers())


def summary(found: BundleVerdict) -> str:
    """One line: the rungs that are reached, and those that are not."""
    if not found.reached:
        return "No rung is reached: the number does not follow from the record."
    reached = _listed(found.reached)
    others = [place for place in range(1, len(found.rungs) + 1) if place not in found.reached]
    told = f"Reached: {'rung' if len(found.reached) == 1 else 'rungs'} {reached} of {len(found.rungs)}"
    return f"{told}; not {_listed(tuple(others))}." if others else f"{told}."


def _listed(numbers: tuple[int, ...]) -> str:
    *first, last = map(str, numbers)
    return f"{', '.join(first)} and {last}" if first else last


def _scorers() -> Mapping[str, Rescore]:
    """The scorers of this installation; none where the evaluation room is not installed."""
    try:
        module = importlib.import_module(SCORERS)
    except ImportError:
        return {}
    found: Mapping[str, Rescore] = module.SCORERS
    return found
