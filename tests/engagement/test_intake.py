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
from comity.engagement import add_all, open_book, stand
from comity.engagement.intake import Said, Taken, take_in
from comity.engagement.intake_calendar import IntakeRefused, read_calendar
from comity.engagement.intake_mail import read_mail
from comity.records import (
    EngagementClosed,
    Hex32,
    Instant,
    ItemCorrected,
    ItemWithdrawn,
    MeetingRecorded,
    MessageExchanged,
    instant_text,
)

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


LATER = {"T100000": "T140000", "T113000": "T150000"}
CANCELLED = {"STATUS:CONFIRMED": "STATUS:CANCELLED"}
MOVED = "2026-09-10T12:00:00.000Z/2026-09-10T13:00:00.000Z"


def revised(sequence: int, **changes: str) -> bytes:
    """The sample's meeting in another revision."""
    return source("outlook.ics", **changes, **{"SEQUENCE:0": f"SEQUENCE:{sequence}"})


def stamped(day: str, **changes: str) -> bytes:
    """The sample's meeting as a program wrote it on a day of September, under the same sequence."""
    return source("outlook.ics", **changes, **{"SEQUENCE:0": f"SEQUENCE:0\nDTSTAMP:202609{day}T080000Z"})


def test_a_newer_revision_moves_the_meeting(office: Office) -> None:
    """The entry stays, and reads otherwise from now on; the file that moved it is sealed with the correction."""
    take(office, "outlook.ics")
    (moved,) = take(office, "outlook.ics", revised(1, **LATER))
    (meeting,) = meetings(office)

    assert MOVED == meeting.on
    told = open_book(office.ledger)
    (document,) = told.items[moved.records[0].members()["item"]].documents
    assert revised(1, **LATER) == office.cabinet.open(told, document, KEY)[0]


@pytest.mark.parametrize("planned", [False, True], ids=["held", "planned"])
def test_an_older_revision_moves_nothing(office: Office, planned: bool) -> None:
    """Whatever order files come in, the newest revision stands; what is passed over names the entry that holds it."""
    early = datetime(2026, 9, 9, tzinfo=UTC)
    how = {"at": early} if planned else {}
    take(office, "outlook.ics", **how)
    take(office, "outlook.ics", revised(1, **LATER), **how)
    (passed,) = take(office, "outlook.ics", **how)
    assert passed.known is not None and "as new or newer" in passed.what
    assert take(office, "outlook.ics")[0].known is not None, "nor once the day is over"

    take(office, "outlook.ics", revised(1, **LATER))
    assert [MOVED] == [meeting.on for meeting in meetings(office)]


def test_a_revision_back_to_the_first_time_is_remembered(office: Office) -> None:
    """Moved and moved back, the revision between them comes last and moves nothing."""
    take(office, "outlook.ics")
    take(office, "outlook.ics", revised(2))
    take(office, "outlook.ics", revised(1, **LATER))

    assert ["2026-09-10T08:00:00.000Z/2026-09-10T09:30:00.000Z"] == [meeting.on for meeting in meetings(office)]


def test_under_the_same_sequence_the_later_stamp_is_newer(office: Office) -> None:
    """Programs that leave the sequence alone say by their stamp which file is newer (RFC 5546)."""
    take(office, "outlook.ics", stamped("02"))
    take(office, "outlook.ics", stamped("03", **LATER))
    take(office, "outlook.ics", stamped("02"))

    assert [MOVED] == [meeting.on for meeting in meetings(office)]


def test_a_correction_by_hand_is_not_undone(office: Office) -> None:
    """The same file, or one written anew, does not bring back a time that somebody put right; a new revision does."""
    (taken,) = take(office, "outlook.ics", stamped("02"))
    corrected = ItemCorrected(
        at=Instant(instant_text(AT)), item=Hex32("c" * 32), on="2026-09-12", source="", confidence="stated", refs=(),
        corrects=Hex32(taken.records[0].members()["item"]), changes=(("on", "2026-09-11"),), because="a day later",
    )  # fmt: skip
    add_all(office.ledger, [corrected], AT)
    take(office, "outlook.ics", stamped("02"))
    take(office, "outlook.ics", stamped("20"))
    assert ["2026-09-11"] == [meeting.on for meeting in meetings(office)]

    take(office, "outlook.ics", revised(1, **LATER))
    assert [MOVED] == [meeting.on for meeting in meetings(office)]


def test_after_the_close_a_cancellation_is_entered_without_its_file(office: Office) -> None:
    """A closed case takes what puts it right, and no more files."""
    take(office, "outlook.ics")
    add_all(office.ledger, [EngagementClosed(at=Instant(instant_text(AT)), because="over")], AT)
    take(office, "outlook.ics", source("outlook.ics", **CANCELLED))

    assert [] == meetings(office)


def test_a_cancelled_meeting_counts_no_more(office: Office) -> None:
    """Cancelled by state or by method; a cancellation of what is not here is refused."""
    with pytest.raises(IntakeRefused, match="expected the cancelled meeting to be in the case"):
        take(office, "outlook.ics", source("outlook.ics", **CANCELLED))
    take(office, "outlook.ics")
    take(office, "outlook.ics", source("outlook.ics", **CANCELLED))

    assert [] == meetings(office)


@pytest.mark.parametrize("planned", [False, True], ids=["held", "planned"])
def test_a_cancellation_is_recognised_and_stays(office: Office, planned: bool) -> None:
    """The same one again, and the invitation after it, name the withdrawal; a later invitation is a new meeting."""
    how = {"at": datetime(2026, 9, 9, tzinfo=UTC)} if planned else {}
    take(office, "outlook.ics", **how)
    (gone,) = take(office, "outlook.ics", revised(1, **CANCELLED), **how)
    withdrawn = next(entry for entry in open_book(office.ledger).entries if entry.record == gone.records[0])

    for content in (revised(1, **CANCELLED), source("outlook.ics", **CANCELLED), revised(0), revised(1, **LATER)):
        (known,) = take(office, "outlook.ics", content, **how)
        assert known.known == withdrawn
    take(office, "outlook.ics", revised(2, **LATER))
    assert [MOVED] == [meeting.on for meeting in meetings(office)]


def test_a_cancellation_older_than_the_meeting_cancels_nothing(office: Office) -> None:
    """A meeting that was set anew after it was cancelled stands, though the cancellation comes in late."""
    take(office, "outlook.ics", revised(2))
    (passed,) = take(office, "outlook.ics", revised(1, **CANCELLED))

    assert passed.known is not None and 1 == len(meetings(office))


def test_a_file_of_several_events_is_sealed_once(office: Office) -> None:
    """The first item holds it and the others name that item; of one meeting given twice, the newer counts."""
    first, second = take(office, "google.ics")
    told = open_book(office.ledger)
    holder = first.records[0].members()["item"]

    assert 1 == len(told.documents) == len(told.items[holder].documents)
    assert f"file-of:{holder}" in second.records[0].members()["refs"]
    begin, end = source("outlook.ics").split(b"BEGIN:VEVENT")[0], b"END:VCALENDAR\r\n"
    events = [
        content.split(b"BEGIN:VEVENT")[1].removesuffix(end) for content in (revised(1, **LATER), source("outlook.ics"))
    ]
    both = begin + b"".join(b"BEGIN:VEVENT" + event for event in events) + end
    (taken,) = take(office, "both.ics", both)
    assert MOVED == taken.records[0].members()["on"]


def test_a_receiver_of_no_known_party_is_counted(office: Office) -> None:
    """Whoever takes a message in is told that somebody among its receivers is not named."""
    more = source("thunderbird.eml").replace(b"To: ", b"To: board@elsewhere.example, ", 1)
    (taken,) = take(office, "m.eml", more)

    assert "1 of the receivers' domains" in taken.what and "elsewhere" not in taken.what


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
