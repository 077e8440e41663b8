"""In-take: what calendars and mail come to in a case, once, with nothing of their words in the clear."""

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from test_documents import AT, KEY, RECIPIENTS, Office

from comity.cli.main import main
from comity.engagement import open_book, stand
from comity.engagement.intake import Said, Taken, take_in
from comity.engagement.intake_calendar import IntakeRefused, read_calendar
from comity.engagement.intake_mail import read_mail
from comity.records import ItemWithdrawn, MeetingRecorded, MessageExchanged

FILES = Path(__file__).parent / "files"
DOMAINS = {"aurora.example": "provider", "office.example": "authority"}


def source(name: str, **changes: str) -> bytes:
    """A sample file, its lines ended as RFC 5545 and 5322 end them, some of its words exchanged."""
    text = (FILES / name).read_text(encoding="utf-8")
    for old, new in changes.items():
        text = text.replace(old, new)
    return text.replace("\n", "\r\n").encode()


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """An office with a case."""
    return Office(tmp_path)


def take(office: Office, name: str, content: bytes | None = None, *, at: datetime = AT, **said: Any) -> list[Taken]:
    """Take a file in, and enter what it comes to."""
    content = source(name) if content is None else content
    taken = take_in(
        open_book(office.ledger), name, content, Said(**said), at=at, random=os.urandom, domains=DOMAINS
    )
    for one in taken:
        if one.records:
            office.cabinet.enter(one.records, one.enclosed, RECIPIENTS, at)
    return taken


def meetings(office: Office) -> list[MeetingRecorded]:
    """The meetings that were taken in and count."""
    return [record for _, record in open_book(office.ledger).records(MeetingRecorded) if record.uid]


def test_an_event_with_a_zone_is_a_span_of_instants(office: Office) -> None:
    """Ten to half past eleven in Brussels summer time are eight to half past nine in UTC; two were invited."""
    take(office, "outlook.ics", topics=("access",))
    (meeting,) = meetings(office)

    assert "2026-09-10T08:00:00.000Z/2026-09-10T09:30:00.000Z" == meeting.on
    assert (("access",), "2 invited") == (meeting.topics, meeting.summary)


def test_days_and_floating_times_are_days(office: Office) -> None:
    """The end of a day's event is exclusive, and a time without a zone is no instant."""
    take(office, "google.ics")

    assert ["2026-09-15/2026-09-16", "2026-09-20"] == [meeting.on for meeting in meetings(office)]


def test_a_message_is_taken_in_with_its_attachments(office: Office) -> None:
    """Who wrote to whom follows from the domains, the time is in UTC, and each file opens as it came."""
    take(office, "thunderbird.eml", subject="a plan")
    told = open_book(office.ledger)
    ((item, message),) = list(told.records(MessageExchanged))

    assert ("provider", ("authority",)) == (message.by, message.to)
    assert ("2026-09-10T12:05:00.000Z", "a plan") == (message.on, message.subject)
    assert "" != message.in_reply_to != message.message_id
    opened = [office.cabinet.open(told, document, KEY) for document in item.documents]
    assert [source("thunderbird.eml"), b"%PDF-1.7\n%kestrel\n"] == [content for content, _ in opened[:2]]
    assert ["thunderbird.eml", "kestrel-plan.pdf"] == [name for _, name in opened[:2]]
    assert b"inner words" in opened[2][0]


def test_nothing_of_a_file_stands_in_the_clear(office: Office) -> None:
    """No word, no name, no address, no file's name, neither in entries nor in the folder."""
    for name in ("outlook.ics", "thunderbird.eml"):
        take(office, name)
    office.ledger.close()
    rest = office.at_rest()

    for canary in (b"Kestrel", b"kestrel", b"Antwerp", b"aurora.example", b"officer@", b"040000008200E"):
        assert canary not in rest


@pytest.mark.parametrize("name", ["outlook.ics", "google.ics", "thunderbird.eml"])
def test_what_is_known_is_not_entered_twice(office: Office, name: str) -> None:
    """The same file again names the entries that hold it."""
    first = take(office, name)
    size = open_book(office.ledger).size
    again = take(office, name)

    assert size == open_book(office.ledger).size
    assert len(first) == len(again)
    assert all(one.known is not None and not one.records for one in again)


def test_a_message_without_an_id_is_known_by_its_bytes(office: Office) -> None:
    """Some programs leave the id out; the same bytes are the same message."""
    bare = source("thunderbird.eml").replace(b"Message-ID: <2f1c7a90-canary.kestrel@aurora.example>\r\n", b"")
    take(office, "a.eml", bare)
    assert take(office, "b.eml", bare)[0].known is not None

    assert take(office, "c.eml", bare + b"\r\n")[0].known is None


def test_a_meeting_to_come_is_planned_and_then_held(office: Office) -> None:
    """Before it, an event; after it, a meeting, and the planning counts no more."""
    early, late = datetime(2026, 9, 9, tzinfo=UTC), datetime(2026, 9, 11, tzinfo=UTC)
    take(office, "outlook.ics", at=early)
    assert [] == meetings(office)
    assert "event.stated" in [entry.record.kind for entry in open_book(office.ledger).entries]
    take(office, "outlook.ics", at=early)

    take(office, "outlook.ics", at=late)
    told = open_book(office.ledger)
    assert 1 == len(meetings(office))
    assert 1 == sum(isinstance(entry.record, ItemWithdrawn) for entry in told.entries)
    assert 2 == len(stand(told, late).meetings)


def test_a_newer_revision_moves_the_meeting(office: Office) -> None:
    """The entry stays, and reads otherwise from now on."""
    take(office, "outlook.ics")
    newer = {"T100000": "T140000", "T113000": "T150000", "SEQUENCE:0": "SEQUENCE:1"}
    take(office, "outlook.ics", source("outlook.ics", **newer))
    (meeting,) = meetings(office)

    assert "2026-09-10T12:00:00.000Z/2026-09-10T13:00:00.000Z" == meeting.on


def test_a_cancelled_meeting_counts_no_more(office: Office) -> None:
    """Cancelled by state or by method; a cancellation of what is not here is refused."""
    cancelled = source("outlook.ics", **{"STATUS:CONFIRMED": "STATUS:CANCELLED"})
    with pytest.raises(IntakeRefused, match="expected the cancelled meeting to be in the case"):
        take(office, "outlook.ics", cancelled)
    take(office, "outlook.ics")
    take(office, "outlook.ics", cancelled)

    assert [] == meetings(office)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"UID:": "X-UID:"}, "expected an id"),
        ({"SEQUENCE:0": "RRULE:FREQ=WEEKLY"}, "expected a single meeting; this one recurs"),
        ({"DTSTART;TZID": "X-START;TZID"}, "expected a begin and an end"),
        ({"DTEND;TZID=Romance Standard Time:": "DTEND;VALUE=DATE:20260910X"}, "expected a begin and an end|not read"),
        ({"BEGIN:VEVENT": "BEGIN:VTODO", "END:VEVENT": "END:VTODO"}, "at least one event"),
    ],
)
def test_an_event_that_cannot_be_a_meeting_is_refused(change: dict[str, str], message: str) -> None:
    """The refusal says what was expected, and none of the file's words."""
    with pytest.raises(IntakeRefused, match=message) as refused:
        read_calendar(source("outlook.ics", **change))

    assert "Kestrel" not in str(refused.value)


def test_whoever_cannot_be_told_is_asked_for(office: Office) -> None:
    """A sender of no known party is named by whoever takes the message in."""
    strange = source("thunderbird.eml").replace(b"canary.kestrel@aurora.example", b"x@elsewhere.example")
    with pytest.raises(IntakeRefused, match="say it with --by"):
        take(office, "m.eml", strange)

    assert "board" == take(office, "m.eml", strange, by="board")[0].records[0].members()["by"]


def test_a_bomb_of_parts_is_refused() -> None:
    """Parts within parts are followed so far and no further."""
    deep = b"From: a@b\r\n" + b"".join(
        b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (n, n) for n in range(60)
    )
    with pytest.raises(IntakeRefused, match="parts in"):
        read_mail(deep + b"Content-Type: text/plain\r\n\r\nx")


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    """Both readers raise their one error, whatever comes."""
    for read in (read_calendar, read_mail):
        try:
            read(content)  # type: ignore[operator]
        except IntakeRefused as refused:
            assert len(str(refused)) < 200


@given(st.data())
def test_a_bent_file_is_read_or_refused(data: st.DataObject) -> None:
    """A sample with some of its bytes exchanged is no other matter."""
    for name, read in (("outlook.ics", read_calendar), ("thunderbird.eml", read_mail)):
        content = bytearray(source(name))
        for _ in range(data.draw(st.integers(1, 6))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        try:
            read(bytes(content))  # type: ignore[operator]
        except IntakeRefused as refused:
            assert not re.search("Kestrel|Antwerp", str(refused))


def test_the_command_takes_files_in_and_names_what_is_known(tmp_path: Path) -> None:
    """A dry run enters nothing; the second time each file names its entry."""
    home, words = tmp_path / "home", ("--domain", "aurora.example=provider", "--domain", "office.example=authority")
    run = CliRunner()
    opening = ("engagement", "open", "--provider", "Aurora", "--initiated-by", "provider", "--summary", "s")
    run.invoke(main, ["init", str(home), "--role", "authority", "--name", "Office", "--host", "office.example"])
    run.invoke(main, ["--home", str(home), *opening])
    files = [str(FILES / name) for name in ("outlook.ics", "google.ics", "thunderbird.eml")]
    begin = ("--home", str(home), "engagement", "intake", "aurora", *files, *words)
    dry = json.loads(run.invoke(main, [*begin, "--dry-run", "--json"]).stdout)["taken"]
    entered = json.loads(run.invoke(main, [*begin, "--json"]).stdout)["taken"]
    again = run.invoke(main, begin)

    assert [4, 4] == [len(dry), len(entered)]
    assert not any("entries" in row for row in dry) and all("entries" in row for row in entered)
    assert 0 == again.exit_code and 4 == again.output.count("entered already (entry")
    refused = run.invoke(main, [*begin[:5], str(Path(__file__))])
    assert (1, True) == (refused.exit_code, "expected a file that ends in .ics or .eml" in refused.output)
