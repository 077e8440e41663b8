"""Records: one spelling, permanent names, total parsers."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from comity.records import (
    MAX_INTEGER,
    Amount,
    CallPermitted,
    CallSettled,
    Digest,
    Hex32,
    Index,
    Instant,
    MalformedInstant,
    MalformedRecord,
    NotCanonical,
    Record,
    UnknownKind,
    canonical_bytes,
    instant_text,
    known_kinds,
    parse_canonical,
    parse_instant,
    parse_record,
    permitted_bytes,
    settled_bytes,
    to_bytes,
)

GOLDEN = Path(__file__).parent / "golden.jsonl"

texts = st.text(st.characters(codec="utf-8"), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | texts,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(max_codepoint=127), max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)
objects = st.dictionaries(st.text(st.characters(max_codepoint=127), max_size=8), values, max_size=6)


@given(objects)
def test_our_canonical_bytes_are_those_of_an_independent_rfc_8785(value: dict[str, Any]) -> None:
    """Sorted JSON in our smaller language is RFC 8785, byte for byte, and reads back as the same value."""
    data = canonical_bytes(value)

    assert rfc8785.dumps(value) == data
    assert value == parse_canonical(data)


@given(st.binary(max_size=80) | texts.map(str.encode))
def test_the_canonical_parser_is_total(data: bytes) -> None:
    """For any bytes the parser returns what it would write itself, or raises its one error."""
    try:
        value = parse_canonical(data)
    except NotCanonical:
        return

    assert data == canonical_bytes(value)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'{"a":1,"a":1}', "stands twice"),
        (b'{"b":1,"a":1}', "canonical form"),
        (b'{"a": 1}', "canonical form"),
        (b'{"a":1.0}', "not an integer"),
        (b'{"a":1e2}', "not an integer"),
        (b'{"a":NaN}', "no canonical form"),
        (b'{"a":9007199254740992}', "beyond"),
        ('{"é":1}'.encode(), "ASCII"),
        (b"[1]", "expected an object"),
        (b'{"a":"\\ud800"}', "surrogate"),
        (b'{"a":"\xff"}', "UTF-8"),
        (b'{"a":' * 60 + b"1" + b"}" * 60, "nested deeper"),
        (b'{"a":"' + b"x" * 65_535 + b'"}', "at most 65535"),
    ],
)
def test_a_second_spelling_is_refused_with_its_reason(data: bytes, says: str) -> None:
    """Equal keys, other order, floats, huge integers and deep nesting are each refused by name."""
    with pytest.raises(NotCanonical, match=says):
        parse_canonical(data)


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_reads_back_to_the_millisecond(at: datetime) -> None:
    """Writing and reading an instant loses nothing but the digits after the millisecond."""
    assert at - timedelta(microseconds=at.microsecond % 1000) == parse_instant(instant_text(at))


@pytest.mark.parametrize("text", ["2026-11-23T21:00:00Z", "2026-11-23T21:00:00.1234Z", "2026-02-30T00:00:00.000Z", ""])
def test_an_instant_has_one_spelling(text: str) -> None:
    """Other RFC 3339 spellings of a time, and times that do not exist, are refused."""
    with pytest.raises(MalformedInstant):
        parse_instant(text)


def example(hint: Any, name: str) -> Any:
    """A value of the type, the same on every run."""
    if get_origin(hint) is tuple:
        return (example(get_args(hint)[0], name), example(get_args(hint)[0], name))
    return {
        str: name.replace("_", " "),
        int: 7,
        bool: True,
        Digest: "5a" * 32,
        Hex32: "a5" * 16,
        Index: 41,
        Instant: "2026-11-23T21:00:00.123Z",
        Amount: Amount(input_tokens=120, output_tokens=16, cost_nano=18400),
    }[hint]


def example_of(cls: type[Record]) -> Record:
    hints = get_type_hints(cls)
    return cls(**{f.name: example(hints[f.name], f.name) for f in fields(cls)})


@pytest.mark.parametrize("cls", known_kinds().values(), ids=lambda cls: cls.kind)
def test_each_kind_keeps_its_bytes_for_ever(cls: type[Record]) -> None:
    """The golden file pins one example of each kind and version, and reads back as the same record."""
    golden = {(m["kind"], m["v"]): line for line in GOLDEN.read_bytes().splitlines() for m in [json.loads(line)]}

    assert golden[cls.kind, cls.version] == to_bytes(example_of(cls))
    assert example_of(cls) == parse_record(golden[cls.kind, cls.version])


@given(st.sampled_from(list(known_kinds().values())), st.data())
def test_a_record_is_written_as_its_canonical_value(cls: type[Record], data: st.DataObject) -> None:
    """Whatever its texts and numbers, a record's bytes are the canonical bytes of its members, or both refuse it."""
    texts, numbers = st.text(), st.integers(-(2**54), 2**54)
    drawn = {
        f.name: data.draw({str: texts, int: numbers}[hint])
        for f in fields(cls)
        if (hint := get_type_hints(cls)[f.name]) in (str, int)
    }
    record = replace(example_of(cls), **drawn)
    try:
        expected = canonical_bytes({"kind": cls.kind, "v": cls.version, **record.members()})
    except NotCanonical:
        with pytest.raises(MalformedRecord, match=cls.kind):
            to_bytes(record)
        return

    assert expected == to_bytes(record)


@given(st.sampled_from([(CallPermitted, permitted_bytes), (CallSettled, settled_bytes)]), st.data())
def test_the_entries_of_a_call_are_the_same_by_their_templates(
    kind: tuple[type[Record], Callable[..., bytes]], data: st.DataObject
) -> None:
    """The template of a call's entry writes what any record's way writes, or both refuse it."""
    cls, write = kind
    number = st.integers(-(2**54), 2**54) | st.booleans()
    amount = st.builds(Amount, input_tokens=number, output_tokens=number, cost_nano=number)
    values = {int: number, Index: number, Amount: amount, tuple[str, ...]: st.lists(st.text()).map(tuple)}
    hints = get_type_hints(cls)
    members = {f.name: data.draw(values.get(hints[f.name], st.text())) for f in fields(cls)}
    try:
        expected = to_bytes(cls(**members))
    except MalformedRecord:
        with pytest.raises(MalformedRecord, match=cls.kind):
            write(**members)
        return

    assert expected == write(**members)


def test_the_golden_file_only_grows() -> None:
    """Every line of the golden file is of a kind that this release still reads."""
    assert set(known_kinds()) == {(m["kind"], m["v"]) for m in map(json.loads, GOLDEN.read_bytes().splitlines())}


@given(st.sampled_from(list(known_kinds().values())), st.data())
def test_a_record_with_one_member_wrong_is_refused_by_name(cls: type[Record], data: st.DataObject) -> None:
    """A missing, added or wrongly typed member is refused, and the message names it."""
    members = {"kind": cls.kind, "v": cls.version, **example_of(cls).members()}
    name = data.draw(st.sampled_from(sorted(members.keys() - {"kind", "v"})))
    wrong = data.draw(st.sampled_from(["missing", "added", "typed"]))
    if wrong == "missing":
        del members[name]
    elif wrong == "added":
        members[name := "surplus"] = 1
    else:
        members[name] = {"not": "this"}

    with pytest.raises(MalformedRecord, match=name):
        parse_record(canonical_bytes(members))


@given(st.binary(max_size=120) | objects.map(canonical_bytes))
def test_the_record_parser_is_total(data: bytes) -> None:
    """For any bytes the parser returns a record, or raises one of its two errors."""
    try:
        record = parse_record(data)
    except (MalformedRecord, UnknownKind):
        return

    assert data == to_bytes(record)


def test_an_unknown_kind_is_told_apart_from_a_malformed_one() -> None:
    """A newer release's entry is named as unknown, so that an old reader can pass over it and say so."""
    with pytest.raises(UnknownKind, match=r"call\.imagined"):
        parse_record(canonical_bytes({"kind": "call.imagined", "v": 1}))
