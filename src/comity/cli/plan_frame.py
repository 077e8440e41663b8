"""The frame beside a plan: made by `comity plan new`, at hand for `plan check` and `run`.

    FILE.frame    what the sample is drawn from, under blinded names; published with the report
    FILE.salt     what blinds the names; for its owner alone, and never published
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import click

from comity.cli.home import write_private
from comity.evaluation import EvaluationError
from comity.evaluation.framing import Made, make_frame, open_frame
from comity.evaluation.history import Admitted, History, Rules, admit, gather, parse_days, parse_export, subject_of
from comity.evaluation.matrices import read_matrix
from comity.evaluation.plan import Plan

__all__ = ["Wanted", "frame_path", "make_sampling", "open_frame_beside", "read_past", "salt_path", "write_frame"]

STRATA: Final = 5
BATCH: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What `comity plan new` was asked for."""

    kind: str
    strata_by: str | None
    strata: int | None
    neyman: bool
    history: tuple[Path, ...]
    cutoff: str
    batch: int | None
    deciding: bool
    """It stops once a threshold is decided."""


def frame_path(path: Path) -> Path:
    """Where the frame of a plan lies."""
    return path.with_name(path.name + ".frame")


def salt_path(path: Path) -> Path:
    """Where the salt of a plan's frame lies."""
    return path.with_name(path.name + ".salt")


def open_frame_beside(path: Path, plan: Plan) -> Plan:
    """The plan with its frame at hand, where its sample has one; raises a `ClickException`."""
    if plan.parts.sampling.kind == "srs":
        return plan
    try:
        return open_frame(plan, frame_path(path).read_bytes(), bytes.fromhex(salt_path(path).read_text()))
    except EvaluationError as error:
        raise click.ClickException(f"{frame_path(path).name}: {error}") from None
    except (OSError, ValueError):
        raise click.ClickException(
            f"design.sampling.frame: the frame of {path.name} is not here; expected {frame_path(path).name} and "
            f"{salt_path(path).name}, which 'comity plan new' wrote beside the plan. Without them no sample is drawn"
        ) from None


def read_past(files: tuple[Path, ...]) -> tuple[History, Rules, tuple[str, ...], str]:
    """The earlier runs in these files, the rules that can be kept, each run's file digest, and the bank's digest."""
    contents = [path.read_bytes() for path in files]
    digests = [sha256(content).hexdigest() for content in contents]
    if len(files) == 1 and not files[0].name.endswith(".json"):
        matrix = read_matrix(files[0])
        return matrix.history, matrix.rules, tuple(digests * len(matrix.history.runs)), ""
    exports = [parse_export(content) for content in contents]
    return gather(exports), Rules(), tuple(digests), exports[0].bank_sha256


def make_sampling(
    wanted: Wanted, fields: Mapping[str, str], *, model: str, bank: str, salt: bytes
) -> tuple[dict[str, Any], dict[str, Any], Made, Admitted | None]:
    """The plan's `design.sampling` and `history`, the frame, and which earlier runs may be known."""
    found, digests, history = None, {}, {}
    target = subject_of(model, days=parse_days(wanted.cutoff))
    if wanted.history:
        past, rules, by_run, of = read_past(wanted.history)
        if rules.off():
            raise click.ClickException("the table has no dates, so nothing shows that its runs are earlier; add them")
        if of and of != bank:
            raise click.ClickException(f"the runs in --history are of the bank {of[:16]}…, the plan's is {bank[:16]}…")
        found = admit(past, target, rules)
        digests = {id(run): digest for run, digest in zip(past.runs, by_run, strict=True)}
    by_difficulty = wanted.kind == "stratified" and wanted.strata_by is None
    made = make_frame(
        fields,
        salt,
        past=None if found is None else found.history,
        files=[digests[id(run)] for run in (() if found is None else found.history.runs)],
        predict=wanted.kind == "active",
        strata=(wanted.strata or STRATA) if by_difficulty else None,
        neyman=wanted.neyman,
    )
    sampling: dict[str, Any] = {"kind": wanted.kind}
    if wanted.kind == "active":
        from comity.evaluation.sampling import MIX_DECIDING, MIX_ESTIMATING  # here: it takes NumPy to load

        mix = MIX_DECIDING if wanted.deciding else MIX_ESTIMATING
        sampling |= {"batch": wanted.batch or BATCH, "uniform_mix": f"{mix:.2f}"}
        sampling |= {"strata_by": wanted.strata_by} if wanted.strata_by else {}
    else:
        sampling |= {"strata": made.strata, **({"strata_by": wanted.strata_by} if wanted.strata_by else {})}
        sampling |= {"allocation": "neyman" if wanted.neyman else "proportional"}
    sampling["frame"] = sha256(made.content).hexdigest()
    if made.history:
        history = {
            "cutoff": wanted.cutoff,
            "digest": made.history,
            "organisations_excluded": [target.organisation],
            "families_excluded": [target.family],
        }
    return sampling, history, made, found


def write_frame(path: Path, made: Made, salt: bytes) -> None:
    """Write the frame and its salt beside the plan."""
    frame_path(path).write_bytes(made.content)
    write_private(salt_path(path), salt.hex())
