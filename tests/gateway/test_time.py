"""Window and hours: calls pass from the first moment to just before the last, on the days and in the hours agreed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asking import amended, assert_refused, under
from deciding import clause_of, decided
from hypothesis import given
from hypothesis import strategies as st

from comity.arrangement import Terms, parse_terms_json
from comity.arrangement.terms import DAYS
from comity.records import canonical_bytes
from support import MONDAY, Keys, RecordingProvider, SetClock, dated_gateway, terms_value

OFFICE = {"days": ["mon", "wed"], "from": "08:30", "until": "18:00"}


def dated(hours: dict[str, object] | None = None) -> Terms:
    always = {"days": list(DAYS), "from": "00:00", "until": "24:00"}
    window = {"from": "2026-12-01T00:00:00Z", "until": "2026-12-31T00:00:00Z", "hours": hours or always}
    return parse_terms_json(canonical_bytes(terms_value(Keys(), window=window)))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


EDGES = [
    ("2026-11-30T23:59:59.999", "window.from"),
    ("2026-12-01T00:00:00", ""),
    ("2026-12-30T23:59:59.999", ""),
    ("2026-12-31T00:00:00", "window.until"),
]


@pytest.mark.parametrize(("at", "clause"), EDGES)
def test_the_window_begins_with_its_first_instant_and_ends_before_its_last(at: str, clause: str) -> None:
    """`from` is the first instant at which a call passes, `until` the first at which none does any more."""
    assert clause == clause_of(decided(dated(), at=utc(at)))


HOURS = [
    ("2026-12-07T08:29:59.999", "window.hours"),  # a Monday
    ("2026-12-07T08:30", ""),
    ("2026-12-07T17:59:59.999", ""),
    ("2026-12-07T18:00", "window.hours"),
    ("2026-12-08T12:00", "window.hours"),  # a Tuesday
    ("2026-12-09T12:00", ""),
]


@pytest.mark.parametrize(("at", "clause"), HOURS)
def test_the_hours_are_held_to_the_minute_on_their_days(at: str, clause: str) -> None:
    """Outside the days and hours, all in UTC, no call passes."""
    assert clause == clause_of(decided(dated(OFFICE), at=utc(at)))


def test_until_24_is_until_the_end_of_the_day() -> None:
    """A day that is open until 24:00 has no closed minute before midnight, and the next day is its own."""
    terms = dated({"days": ["sun"], "from": "22:00", "until": "24:00"})

    assert "" == clause_of(decided(terms, at=utc("2026-12-06T23:59:59.999")))
    assert "window.hours" == clause_of(decided(terms, at=utc("2026-12-07T00:00")))


@given(
    at=st.datetimes(datetime(2026, 12, 1), datetime(2026, 12, 30)),
    days=st.lists(st.sampled_from(DAYS), min_size=1, unique=True),
    hours=st.tuples(st.integers(0, 1439), st.integers(1, 1440)).filter(lambda pair: pair[0] < pair[1]),
)
def test_a_call_passes_exactly_in_the_hours_of_the_terms(
    at: datetime, days: list[str], hours: tuple[int, int]
) -> None:
    """For any time and any hours: what the calendar says of the day and the clock of the minute decides."""
    begins, until = (f"{minutes // 60:02}:{minutes % 60:02}" for minutes in hours)
    terms = dated({"days": [day for day in DAYS if day in days], "from": begins, "until": until})

    open_now = at.strftime("%a").lower() in days and begins <= at.strftime("%H:%M") < until

    assert open_now == ("" == clause_of(decided(terms, at=at.replace(tzinfo=UTC))))


def test_over_http_each_of_these_is_its_own_refusal_and_nothing_is_sent(tmp_path: Path) -> None:
    """Too early, too late and out of hours: each names its clause, says what is agreed, and what time it is."""
    clock = SetClock(MONDAY)
    with RecordingProvider().running() as provider:
        with dated_gateway(tmp_path, provider.url, clock, hours=OFFICE) as gateway:
            assert 200 == gateway.chat().status_code
            clock.at = utc("2026-12-08T12:34")
            gateway.keep()
            record = assert_refused(gateway, gateway.chat(), 403, "terms-refused", "window.hours")
            assert "calls pass on mon, wed from 08:30 to 18:00 UTC; it is Tue 12:34 UTC" == record.because

            window = gateway.terms.window
            later = amended(gateway.terms, window=replace(window, begins=clock.at + timedelta(days=1)))
            with under(gateway, later):
                record = assert_refused(gateway, gateway.chat(), 403, "terms-refused", "window.from")
            assert "access begins at 2026-12-09 12:34 UTC" == record.because

            over = amended(gateway.terms, window=replace(window, until=clock.at))
            with under(gateway, over):
                record = assert_refused(gateway, gateway.chat(), 403, "terms-refused", "window.until")
            assert "access ended at 2026-12-08 12:34 UTC" == record.because
        assert 1 == len(provider.asked)

