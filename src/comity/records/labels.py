"""Records of human judgement: what a rater said of a random few of a run's answers."""

from comity.records.record import Digest, Hex32, Record


class LabelsCommitted(Record, kind="labels.committed", version=1):
    """A rater labelled the first answers of a draw over a run's judged ones; the labels' digest, without content."""

    grant: Hex32
    person: str
    run: Hex32
    plan: Digest
    rows: Digest
    """The score table that the draw is over; its digest orders the draw."""
    labels: Digest
    """SHA-256 of the label file, `comity labels/1`."""
    rater: str
    """A pseudonym; who it is stands nowhere here."""
    drawn: int
    """Answers that were drawn: each judged one with the chance drawn / judged."""
    judged: int
    """Answers of the first epoch with a score: what was drawn from."""
    labelled: int
    """Of the drawn ones, those that the rater could tell."""
