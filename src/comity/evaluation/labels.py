"""Labels: what a human rater says of a random few of a run's answers, and what that makes of the run's rate.

The draw.  The judged answers of the first epoch are ordered by

    SHA-256("comity label/1\n" + SHA-256 of the score table, in hex + "\n" + blinded item)

and the first n are labelled.  The table is committed before anybody labels, so nobody chooses which answers are drawn,
whoever has the table draws again, and who labels more goes on in the same order.  Each judged answer is drawn with the
chance n / judged.

The label file, canonical JSON, whose SHA-256 enters the ledger as `labels.committed`:

    {"format":"comity labels/1","judged":118,"labels":[{"item":"<64 hex>","label":1},…],"plan":"…","rater":"…",
     "rows":"<digest of the score table>","run":"…"}

`label` is 1 right, 0 wrong, null where the rater could not tell; labels stand in the order of the draw.  The file holds
no content: questions and answers stay with the evaluator, and the rater never sees the judge's word.

A draft keeps what was labelled so far, beside the run; it is written after each answer, so a session may break off.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from comity.estimate import (
    Corrected,
    Estimate,
    EstimateError,
    JudgeError,
    agreement,
    clopper_pearson,
    judge_error,
    powered_rate,
)
from comity.evaluation.errors import EvaluationError
from comity.records import NotCanonical, canonical_bytes, parse_canonical

__all__ = [
    "Draft",
    "LabelError",
    "Sheet",
    "Standing",
    "agreement_of",
    "as_members",
    "draw_order",
    "judged_scores",
    "parse_sheet",
    "read_sheets",
    "standing_of",
]

FORMAT: Final = "comity labels/1"
DRAFT: Final = "comity labels draft/1"
MAX_FILE: Final = 1 << 26
RATER: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
FOLDER: Final = "labels"


class LabelError(EvaluationError):
    """Labels that do not belong to the run, or are not what they should be."""


def judged_scores(table: bytes) -> dict[str, int]:
    """The score of each judged item of a score table's first epoch; raises `LabelError`."""
    try:
        rows = parse_canonical(table, limit=MAX_FILE)["rows"]
        return {row["item"]: row["score"] for row in rows if row["epoch"] == 1 and row["score"] is not None}
    except (NotCanonical, KeyError, TypeError) as error:
        raise LabelError(f"the score table cannot be read: {error}") from None


def draw_order(table: bytes) -> tuple[str, ...]:
    """The judged items of a score table, in the order in which they are drawn."""
    rows = sha256(table).hexdigest()

    def place(item: str) -> bytes:
        return sha256(f"comity label/1\n{rows}\n{item}".encode()).digest()

    return tuple(sorted(judged_scores(table), key=place))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One rater's labels of the first answers of the draw."""

    run: str
    plan: str
    rows: str
    rater: str
    judged: int
    labels: tuple[tuple[str, int | None], ...]
    """Blinded item and label, in the order of the draw."""

    @property
    def labelled(self) -> int:
        """Those that the rater could tell."""
        return sum(label is not None for _, label in self.labels)

    def content(self) -> bytes:
        """The file's bytes."""
        return canonical_bytes(
            {
                "format": FORMAT,
                "run": self.run,
                "plan": self.plan,
                "rows": self.rows,
                "rater": self.rater,
                "judged": self.judged,
                "labels": [{"item": item, "label": label} for item, label in self.labels],
            }
        )

    def entry(self) -> dict[str, str | int]:
        """The members of `labels.committed`."""
        return {
            "run": self.run,
            "plan": self.plan,
            "rows": self.rows,
            "labels": sha256(self.content()).hexdigest(),
            "rater": self.rater,
            "drawn": len(self.labels),
            "judged": self.judged,
            "labelled": self.labelled,
        }


def parse_sheet(content: bytes, table: bytes) -> Sheet:
    """Read a label file that is about this score table; raises `LabelError`, nothing else."""
    try:
        members = parse_canonical(content, limit=MAX_FILE)
        if members["format"] != FORMAT:
            raise LabelError(f"expected the format {FORMAT}")
        labels = tuple((str(one["item"]), one["label"]) for one in members["labels"])
        sheet = Sheet(
            run=str(members["run"]), plan=str(members["plan"]), rows=str(members["rows"]),
            rater=str(members["rater"]), judged=members["judged"], labels=labels,
        )  # fmt: skip
    except (NotCanonical, KeyError, TypeError) as error:
        raise LabelError(f"no label file: {error}") from None
    order = draw_order(table)
    if sheet.content() != content or not RATER.fullmatch(sheet.rater):
        raise LabelError("it has members that no label file has")
    if sheet.rows != sha256(table).hexdigest() or sheet.judged != len(order):
        raise LabelError("it is about another score table")
    if tuple(item for item, _ in labels) != order[: len(labels)] or not labels:
        raise LabelError("its items are not the first of the draw, in their order")
    if not all(label is None or (type(label) is int and label in (0, 1)) for _, label in labels):
        raise LabelError("a label is 1, 0 or null")
    return sheet


@dataclass(slots=True)
class Draft:
    """What one rater has labelled so far, on the evaluator's disk."""

    path: Path
    rater: str
    drawn: tuple[str, ...]
    labels: dict[str, int | None]

    @classmethod
    def open(
        cls, folder: Path, rater: str, order: Sequence[str], items: int | None, *, planned: int = 0
    ) -> "Draft":
        """The draft of a rater in a run's folder, begun now with the planned number if there is none.

        Raises `LabelError`.

        `items` may grow and never shrink below what is labelled: a rater who stops where it suits chooses the sample.
        """
        if not RATER.fullmatch(rater):
            raise LabelError(f"a rater is a pseudonym of up to 32 letters, digits and hyphens; got {rater[:40]!r}")
        path = folder / FOLDER / f"{rater}.draft.json"
        known: dict[str, int | None] = {}
        before = 0
        if path.exists():
            try:
                members: Any = json.loads(path.read_text())
                if members["format"] != DRAFT:
                    raise ValueError("another format")
                before, known = int(members["drawn"]), dict(members["labels"])
            except (OSError, ValueError, KeyError, TypeError):
                raise LabelError(f"{path.name} is no draft of labels; move it away to begin anew") from None
        wanted = (before or planned) if items is None else items
        if wanted < before:
            raise LabelError(f"{before} answers were drawn for {rater} before; the number grows and does not shrink")
        if not 1 <= wanted <= len(order):
            raise LabelError(f"{wanted} answers to label; expected 1 to the {len(order)} that are judged (--items)")
        if not set(known) <= set(order[:wanted]):
            raise LabelError(f"{path.name} holds labels of answers that were not drawn")
        draft = cls(path, rater, tuple(order[:wanted]), known)
        draft.keep()
        return draft

    def keep(self) -> None:
        """Write the draft, as one act."""
        self.path.parent.mkdir(exist_ok=True, mode=0o700)
        beside = self.path.with_name(self.path.name + ".new")
        beside.write_text(json.dumps({"format": DRAFT, "drawn": len(self.drawn), "labels": self.labels}, indent=1))
        beside.replace(self.path)

    def put(self, item: str, label: int | None) -> None:
        """Label one answer, and write it down."""
        self.labels[item] = label
        self.keep()

    def open_items(self) -> tuple[str, ...]:
        """Drawn answers without a label so far, in order."""
        return tuple(item for item in self.drawn if item not in self.labels)

    def sheet(self, table: bytes) -> Sheet:
        """The finished labels; raises `LabelError` while some are open."""
        if left := len(self.open_items()):
            raise LabelError(f"{left} of {len(self.drawn)} drawn answers have no label yet; all are labelled, or none")
        members = parse_canonical(table, limit=MAX_FILE)
        return Sheet(
            run=str(members["run"]),
            plan=str(members["plan"]),
            rows=sha256(table).hexdigest(),
            rater=self.rater,
            judged=len(judged_scores(table)),
            labels=tuple((item, self.labels[item]) for item in self.drawn),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What one rater's labels make of a run's rate."""

    rater: str
    drawn: int
    unsure: int
    error: JudgeError
    judge: Estimate
    """What the judge finds, over all judged answers."""
    alone: Estimate | None
    """What the labels alone say, exactly; none where the rater could tell nothing."""
    corrected: Corrected | None
    """The rater's rate with the judge's help; none for fewer than two labels, or where nearly all is labelled."""


def standing_of(sheet: Sheet, table: bytes, level: float, *, missing: int) -> Standing:
    """The judged rate, the corrected one and the judge's error; `missing` are rows without a score."""
    scores = judged_scores(table)
    pairs = [(label, scores[item]) for item, label in sheet.labels if label is not None]
    known = {item for item, label in sheet.labels if label is not None}
    rest = [score for item, score in scores.items() if item not in known]
    judge = clopper_pearson(sum(scores.values()), len(scores), level, missing=missing)
    alone = corrected = None
    if pairs:
        alone = clopper_pearson(sum(label for label, _ in pairs), len(pairs), level, missing=unsure_of(sheet))
    try:
        corrected = powered_rate(pairs, rest, level, missing=missing)
    except EstimateError:
        corrected = None
    return Standing(
        rater=sheet.rater,
        drawn=len(sheet.labels),
        unsure=unsure_of(sheet),
        error=judge_error(pairs),
        judge=judge,
        alone=alone,
        corrected=corrected,
    )


def unsure_of(sheet: Sheet) -> int:
    """Drawn answers of which the rater could not tell."""
    return len(sheet.labels) - sheet.labelled


def agreement_of(sheets: Sequence[Sheet]) -> float | None:
    """Krippendorff's α over what several raters labelled; none where nothing shows it."""
    said: dict[str, list[int]] = {}
    for sheet in sheets:
        for item, label in sheet.labels:
            if label is not None:
                said.setdefault(item, []).append(label)
    try:
        return agreement(said.values())
    except EstimateError:
        return None


def read_sheets(folder: Path, table: bytes) -> tuple[Sheet, ...]:
    """The finished label files of a run's folder; raises `LabelError` naming the file."""
    found = []
    for path in sorted((folder / FOLDER).glob("*.json")):
        if path.name.endswith(".draft.json"):
            continue
        try:
            found.append(parse_sheet(path.read_bytes(), table))
        except LabelError as error:
            raise LabelError(f"{path.name}: {error}") from None
    return tuple(found)


def as_members(standing: Standing) -> Mapping[str, Any]:
    """A standing as JSON; see docs/reference/labels.md."""
    error = standing.error
    return {
        "rater": standing.rater,
        "drawn": standing.drawn,
        "unsure": standing.unsure,
        "both": error.both,
        "missed": error.missed,
        "invented": error.invented,
        "neither": error.neither,
        "judge": standing.judge.as_json(),
        "labels_alone": standing.alone.as_json() if standing.alone else None,
        "corrected": standing.corrected.as_json() if standing.corrected else None,
    }
