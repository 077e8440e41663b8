"""The fold over an access ledger counts what the gateway that wrote it counts, from other tables."""

from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from comity.engagement.access_days import access_days
from comity.engagement.access_record import AccessRecord, read_access
from comity.law import named_calendar
from comity.records import AccessResumed, AccessStopped, AccessSuspended
from support import MONDAY, LiveGateway, RecordingProvider, SetClock, dated_gateway


def read(gateway: LiveGateway) -> AccessRecord:
    """The record of a running gateway's ledger."""
    calendar = named_calendar(gateway.terms.calendar)
    return read_access(gateway.ledger.origin, gateway.ledger.read(0, gateway.ledger.size()), calendar=calendar)


@pytest.mark.slow
def test_the_record_and_the_gateways_own_status_agree(tmp_path: Path) -> None:
    """Calls, spend, refusals by clause and the time that the clock stood still; and a real week of days."""
    clock = SetClock(MONDAY)
    with RecordingProvider().running() as provider, dated_gateway(tmp_path, provider.url, clock) as gateway:
        assert [200, 200, 200] == [gateway.chat(temperature=0.1).status_code for _ in range(3)]
        assert [403, 403] == [gateway.chat(logprobs=True).status_code for _ in range(2)]
        assert 201 == gateway.suspend(cause="operational").status_code
        assert 403 == gateway.chat().status_code
        clock.on(days=2)
        gateway.keep()
        assert 201 == gateway.resume().status_code
        assert 200 == gateway.chat().status_code
        status = httpx.get(
            gateway.door("/status"), headers={"authorization": f"Bearer {gateway.secret}"}, timeout=10
        ).json()
        record, kinds = read(gateway), (AccessStopped, AccessSuspended, AccessResumed)
        acts = {index for index, entry in enumerate(gateway.records()) if isinstance(entry, kinds)}
        days = access_days(gateway.terms, record, named_calendar("plain"), clock() + timedelta(days=3))

    assert status["clauses"]["budget.calls"]["taken"] == record.calls.permitted.count == record.calls.answered.count
    assert status["clauses"]["budget.cost"]["taken"] == record.taken.cost_nano == record.charged.cost_nano
    assert status["refusals"] == {clause: figure.count for clause, figure in record.refused.items()}
    assert status["stood_ms"] == record.closures.stood(clock()) / timedelta(milliseconds=1)
    assert (3, 2) == (record.features["sampling"].answered.count, record.features["logprobs"].refused.count)
    assert 1 == len(record.live_grants(clock())) and {} == record.open

    lost = {one.day: one.causes for one in days.lost}
    assert {"no gateway ran"} == {lost[day][0] for day in lost if day < MONDAY.date()}
    assert "suspension by the provider: operational" in {cause for causes in lost.values() for cause in causes}
    entries = {index for one in record.closures.found for index in one.entries}
    assert entries == acts
