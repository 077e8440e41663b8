"""Matrices: a table of models by items, in CSV, read as history.

One row a model, one column an item, a number in each cell; `.csv` or `.csv.gz`, UTF-8:

    model,date,organisation,family,item-1,item-2,…
    alpha-7b,2024-05-01,Alpha Labs,alpha,1,0,…

| column | by the names | may be left out |
| --- | --- | --- |
| model | `model`, `name`, `system`; else the first column | |
| date | `date`, `release_date`, `released`, `model_date`, `collected`, `timestamp` | yes |
| organisation | `organisation`, `organization`, `org`, `provider`, `developer`, `lab`, `creator` | yes |
| family | `family`, `base`, `base_model`, `base_family` | yes |

A row whose model is `#topic` names each item's topic instead.  True and false are 1 and 0; an empty cell, `nan`, `na`,
`none` or `null` is an outcome that is missing.  A column in which no cell is a number is a note, and is listed and not
read; one that mixes numbers and words is refused.  A name that a column to the left has already gets `#2`, `#3` and so
on.  Where organisation or family are left out they are read off the model's name (`history.subject_of`).
"""

import csv
import gzip
import io
import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from comity.evaluation.history import STRICT, Days, History, HistoryError, PastRun, Rules, parse_days, subject_of

__all__ = ["Matrix", "parse_matrix", "read_matrix"]

MODEL: Final = ("model", "name", "system")
DATES: Final = ("date", "release_date", "released", "model_date", "collected", "timestamp")
ORGANISATIONS: Final = ("organisation", "organization", "org", "provider", "developer", "lab", "creator")
FAMILIES: Final = ("family", "base", "base_model", "base_family")
TOPIC: Final = "#topic"
MISSING: Final = frozenset(("", "nan", "na", "n/a", "none", "null"))
NAMED: Final = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """A table of outcomes, with what it says about its items and its models."""

    history: History
    topics: tuple[str, ...] | None
    """One an item, where the table has a row for them."""
    notes: tuple[str, ...]
    """Columns that hold words and were not read."""

    @property
    def rules(self) -> Rules:
        """The strictest rules that the table can keep: without dates, nothing shows which run is earlier."""
        return STRICT if self.history.dated else Rules(earlier=False)


def read_matrix(path: Path) -> Matrix:
    """The matrix in a file; raises `HistoryError` with the line at fault, and `OSError`."""
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError):
            raise HistoryError(f"{path.name}: its compressed content is broken") from None
    name = path.name.removesuffix(".gz").removesuffix(".csv")
    try:
        return parse_matrix(content.decode("utf-8-sig"), name)
    except UnicodeDecodeError:
        raise HistoryError(f"{path.name}: expected UTF-8") from None
    except HistoryError as error:
        raise HistoryError(f"{path.name}: {error}") from None


def parse_matrix(text: str, name: str) -> Matrix:
    """The matrix in a text; raises `HistoryError` with the line at fault, nothing else."""
    try:
        lines = [row for row in csv.reader(io.StringIO(text), strict=True) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise HistoryError(f"no table of comma-separated values: {error}") from None
    if len(lines) < 2 or len(lines[0]) < 2:
        raise HistoryError("expected a line of names, and a line for each model with a cell for each item")
    header, rows = [cell.strip() for cell in lines[0]], lines[1:]
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise HistoryError(f"line {number} has {len(row)} cells, the first line {len(header)}")
    lowered = [re.sub(r"[ -]+", "_", cell.casefold()) for cell in header]
    model = _place(lowered, MODEL)
    model = 0 if model is None else model
    stated = {kind: _place(lowered, names) for kind, names in (("d", DATES), ("o", ORGANISATIONS), ("f", FAMILIES))}
    taken = {model, *(place for place in stated.values() if place is not None)}
    topics = [row for row in rows if row[model].strip().casefold() == TOPIC]
    rows = [row for row in rows if row[model].strip().casefold() != TOPIC]
    columns = [place for place in range(len(header)) if place not in taken]
    notes = [place for place in columns if _is_note(row[place] for row in rows)]
    items = [place for place in columns if place not in notes]
    if not items or not rows:
        raise HistoryError("expected at least one model and one column of numbers")

    def cell(row: list[str], kind: str) -> str:
        place = stated[kind]
        return "" if place is None else row[place].strip()

    runs = tuple(
        PastRun(
            subject=subject_of(
                row[model].strip(),
                organisation=cell(row, "o"),
                family=cell(row, "f"),
                days=_days(cell(row, "d"), number),
            ),
            outcomes=tuple(_outcome(row[place], header[place], number) for place in items),
        )
        for number, row in enumerate(rows, 2)
    )
    return Matrix(
        history=History(bank=name, items=_distinct(header[place] for place in items), runs=runs),
        topics=tuple(topics[0][place].strip() for place in items) if topics else None,
        notes=tuple(header[place] for place in notes),
    )


def _place(names: list[str], wanted: tuple[str, ...]) -> int | None:
    return next((names.index(name) for name in wanted if name in names), None)


def _days(text: str, number: int) -> Days | None:
    if text.casefold() in MISSING:
        return None
    try:
        return parse_days(text)
    except HistoryError as error:
        raise HistoryError(f"model {number - 1}: {error}") from None


def _is_note(cells: Iterable[str]) -> bool:
    """Whether a column has words and no number."""
    words = False
    for cell in cells:
        text = cell.strip().casefold()
        if text in MISSING:
            continue
        if _number(text) is not None:
            return False
        words = True
    return words


def _outcome(cell: str, column: str, number: int) -> float | None:
    text = cell.strip().casefold()
    if text in MISSING:
        return None
    value = _number(text)
    if value is None:
        raise HistoryError(f"model {number - 1}, column {column[:40]!r}: expected a number, got {cell[:40]!r}")
    return value


def _number(text: str) -> float | None:
    if text in NAMED:
        return NAMED[text]
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return tuple(found)
