"""Pages: what a reader sees in `report.html` is what `report.json` says.

Every published number stands in

    <data class="claim" data-claim="estimates.0.point" data-form="percent" value="0.491667">49.2%</data>

`data-claim` is a path into the report, `value` is exactly the text there, and what is read follows from `value` by
the form: `text` as it stands, `count` with commas between thousands, `percent` times 100 with one place (halves to
even), `level` times 100 without zeros at the end, `money` as units out of billionths with two places at least, `span`
as days, hours and minutes out of seconds.
A form that is not meant for a value (a count as money) is refused.

Each number of the report stands in at least one claim; two methods over the same rows may share their counts, and
worst cases may be left out where nothing is missing.  A number outside a claim, a sentence, a picture or a style
that hides something cannot be judged by a machine; that the page as a whole is the one whose digest was published is
another fact.

Limits: 16 MiB.  A page is read with Python's own reader, which takes broken HTML as browsers roughly do.
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from html.parser import HTMLParser
from typing import Any, Final

from comity.verify.facts import Fact, Faults

WHERE: Final = "report.html"
DECIMALS: Final = frozenset({"point", "low", "high", "worst_low", "worst_high", "level", "threshold"})
RATES: Final = ("estimates.", "labels.", "planned.")
VOID: Final = frozenset(
    "area base br col embed hr img input link meta param source track wbr".split()  # elements without an end
)
MAX_VALUE: Final = 64


class _Claims(HTMLParser):
    """Collects the claims of a page: path, form, value and the text that is read."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, str, str, str]] = []
        self.broken: list[str] = []
        self._open: tuple[str, str, str] | None = None
        self._text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if len(named) != len(attrs):
            self.broken.append(f"an element <{tag}> has an attribute twice")
        claims = "claim" in named.get("class", "").split() or "data-claim" in named
        if self._open is not None and tag not in VOID:
            self.broken.append(f"the claim {self._open[0]!r:.80} has another element in it")
        if not claims:
            return
        if tag != "data":
            self.broken.append(f"a claim stands in <{tag}>; it stands in <data>")
        elif self._open is None:
            self._open = (named.get("data-claim", ""), named.get("data-form", ""), named.get("value", ""))
            self._text = []

    def handle_endtag(self, tag: str) -> None:
        if tag == "data" and self._open is not None:
            path, form, value = self._open
            self.found.append((path, form, value, "".join(self._text)))
            self._open = None

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self._text.append(data)


def check_page(page: bytes, report: Mapping[str, Any]) -> Fact:
    """Every claim says what the report says, and every number of the report is claimed."""
    faults = Faults("page")
    try:
        reader = _Claims()
        reader.feed(page.decode("utf-8"))
        reader.close()
    except (UnicodeDecodeError, ValueError, AssertionError) as error:  # the reader asserts on some broken markup
        faults.add(WHERE, f"the page cannot be read: {error}")
        return faults.fact("")
    for broken in reader.broken:
        faults.add(WHERE, broken)
    values = dict(leaves(report))
    for path, form, value, text in dict.fromkeys(reader.found):  # what stands several times is named once
        if path not in values:
            faults.add(WHERE, f"it claims {path[:80]!r}, which is no member of the report")
            continue
        gives = str(values[path])
        if value != gives:
            faults.add(WHERE, f"{path} says {value[:MAX_VALUE]}, the record gives {gives}")
        elif text.strip() not in readings(path, values[path], form, report):
            faults.add(WHERE, f"{path} reads {text.strip()[:MAX_VALUE]!r}, the record gives {gives}")
    claimed = {path for path, _, _, _ in reader.found}
    numbers = [path for path, leaf in values.items() if is_number(path, leaf)]
    for path in numbers:
        if path not in claimed and not _follows(path, values, claimed):
            faults.add(WHERE, f"{path} is not stated, the record gives {values[path]}")
    said = f"{len(reader.found)} claims say what the record gives; of {len(numbers)} numbers none is left out"
    return faults.fact(said)


def leaves(value: Any, path: str = "") -> list[tuple[str, int | str]]:
    """Every integer and text below a value, with its path."""
    if isinstance(value, Mapping):
        return [leaf for name, each in value.items() for leaf in leaves(each, f"{path}.{name}".lstrip("."))]
    if isinstance(value, list):
        return [leaf for place, each in enumerate(value) for leaf in leaves(each, f"{path}.{place}")]
    return [(path, value)] if isinstance(value, str) or type(value) is int else []


def is_number(path: str, leaf: int | str) -> bool:
    """Whether a leaf is a number: an integer, or a decimal of an estimate."""
    return isinstance(leaf, int) or (path.startswith(RATES) and path.rpartition(".")[2] in DECIMALS)


def readings(path: str, leaf: int | str, form: str, report: Mapping[str, Any]) -> set[str]:
    """What may be read where a leaf is claimed; by its form, or by any that is meant for it where none is named."""
    meant = {"text": str(leaf)}
    if isinstance(leaf, int):
        meant["count"] = f"{leaf:,}"
        if _is_cost(path, report):
            meant["money"] = _money(leaf)
        if path.endswith("_seconds"):
            meant["span"] = _span(leaf)
    elif is_number(path, leaf):
        try:
            hundred = Decimal(leaf) * 100
            meant["percent"] = f"{hundred.quantize(Decimal('0.1'), ROUND_HALF_EVEN)}%"
            meant["level"] = f"{hundred.normalize():f}%"
        except InvalidOperation:
            return set()
    if form:
        return {meant[form]} if form in meant else set()
    return set(meant.values())


def _follows(path: str, values: Mapping[str, int | str], claimed: set[str]) -> bool:
    """Whether a number needs no claim: an estimate's count that another states, bounds of nothing missing."""
    if not path.startswith("estimates."):
        return False
    _, place, name = path.split(".")
    if name in ("worst_low", "worst_high"):
        return values.get(f"estimates.{place}.missing") == 0
    twin = f"estimates.0.{name}"
    return name in ("n", "successes", "missing") and twin in claimed and values[twin] == values[path]


def _is_cost(path: str, report: Mapping[str, Any]) -> bool:
    steps = path.split(".")
    spend = report.get("spend")
    if len(steps) != 3 or steps[0] != "spend" or not steps[1].isdigit() or not isinstance(spend, list):
        return False
    row = spend[int(steps[1])] if int(steps[1]) < len(spend) else {}
    return isinstance(row, Mapping) and row.get("clause") == "budget.cost"


def _span(seconds: int) -> str:
    minutes = seconds // 60
    days = f"{minutes // 1440} d " if minutes >= 1440 else ""
    return f"{days}{minutes // 60 % 24} h {minutes % 60} min"


def _money(nano: int) -> str:
    whole, fraction = divmod(nano, 10**9)
    digits = f"{fraction:09d}".rstrip("0")
    return f"{whole:,}.{digits.ljust(2, '0')}"
