"""Labels: what raters said of a random few of a run's answers, read again and recomputed by a third party.

The ledger's `labels.committed` names the digest of each label file; of each rater the last one that a report covers
counts.  A file is `comity labels/1`:

    {"format":"comity labels/1","judged":118,"labels":[{"item":hex,"label":1},…],"plan":digest,"rater":"…",
     "rows":digest,"run":id}

and its items are the first of the draw, which orders the judged items of the first epoch by

    SHA-256("comity label/1\\n" + SHA-256 of the score table, in hex + "\\n" + blinded item)

so that nobody who labels chooses what is labelled.  `label_members` gives what a report states of one rater.

Not established: that a person gave the labels, and did not see the scores before.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, Final

from comity.estimate import EstimateError, clopper_pearson, powered_rate
from comity.records import LabelsCommitted, NotCanonical, parse_canonical
from comity.verify.errors import MalformedLabels
from comity.verify.scores import ScoreTable

FORMAT: Final = "comity labels/1"
MAX_LABELS: Final = 64 * 1024 * 1024
MEMBERS: Final = {"format", "judged", "labels", "plan", "rater", "rows", "run"}
STATED: Final = ("point", "low", "high", "level", "method", "n", "missing")


def latest(committed: Iterable[tuple[int, LabelsCommitted]], as_of: int) -> dict[str, tuple[int, LabelsCommitted]]:
    """The last labels of each rater among the first `as_of` entries, by pseudonym in alphabetical order."""
    found = {record.rater: (index, record) for index, record in committed if index < as_of}
    return dict(sorted(found.items()))


def label_members(
    data: bytes, record: LabelsCommitted, index: int, scores: bytes, table: ScoreTable, level: float
) -> dict[str, Any]:
    """What a report states of one rater's labels; raises `MalformedLabels` where they are not those committed."""
    digest = sha256(data).hexdigest()
    if digest != record.labels:
        raise MalformedLabels(f"the digest is {digest}; entry {index} commits to {record.labels}")
    rows = sha256(scores).hexdigest()
    labels = _labels(data, record, rows)
    judged = {row.item: row.score for row in table.rows if row.epoch == 1 and row.score is not None}

    def place(item: str) -> bytes:
        return sha256(f"comity label/1\n{rows}\n{item}".encode()).digest()

    order = sorted(judged, key=place)
    if [item for item, _ in labels] != order[: len(labels)]:
        raise MalformedLabels("the labelled items are not the first of the draw over the score table")
    pairs = [(label, judged[item]) for item, label in labels if label is not None]
    if (record.drawn, record.judged, record.labelled) != (len(labels), len(judged), len(pairs)):
        raise MalformedLabels(f"entry {index} counts otherwise than the file does")
    known = {item for item, label in labels if label is not None}
    rest = [score for item, score in judged.items() if item not in known]
    missing = sum(row.epoch == 1 and row.score is None for row in table.rows)
    found: dict[str, Any] = {
        "entry": index,
        "rater": record.rater,
        "drawn": len(labels),
        "labelled": len(pairs),
        "both": sum(pair == (1, 1) for pair in pairs),
        "missed": sum(pair == (1, 0) for pair in pairs),
        "invented": sum(pair == (0, 1) for pair in pairs),
        "neither": sum(pair == (0, 0) for pair in pairs),
    }
    try:
        alone = clopper_pearson(
            sum(label for label, _ in pairs), len(pairs), level, missing=len(labels) - len(pairs)
        ).as_json()
        found["alone"] = {name: alone[name] for name in STATED}
        corrected = powered_rate(pairs, rest, level, missing=missing).as_json()
        found["corrected"] = {name: corrected[name] for name in STATED}
    except EstimateError:
        pass  # too few labels for this rate, which a report then leaves out
    return found


def _labels(data: bytes, record: LabelsCommitted, rows: str) -> list[tuple[str, int | None]]:
    try:
        members: Mapping[str, Any] = parse_canonical(data, limit=MAX_LABELS)
        if set(members) != MEMBERS or members["format"] != FORMAT:
            raise ValueError(f"expected the members {', '.join(sorted(MEMBERS))}")
        named = (members["run"], members["plan"], members["rows"], members["rater"], members["judged"])
        if named != (record.run, record.plan, record.rows, record.rater, record.judged) or record.rows != rows:
            raise ValueError("it is of another run, plan, score table or rater")
        labels = []
        for one in members["labels"]:
            if set(one) != {"item", "label"} or not (one["label"] is None or type(one["label"]) is int):
                raise ValueError("each label has an item, and is 1, 0 or null")
            if one["label"] not in (1, 0, None):
                raise ValueError("a label is 1, 0 or null")
            labels.append((str(one["item"]), one["label"]))
    except (NotCanonical, ValueError, KeyError, TypeError, AttributeError) as error:
        raise MalformedLabels(f"no labels ({FORMAT}): {error}") from None
    return labels
