"""One incident starts the clocks of every regime, each with its own due time and reason."""

from datetime import UTC, date, datetime
from typing import get_args

import pytest
from made_law import FIRST, made

from comity.law import KINDS, FactsRefused, acts_of, known_packs, load_pack, read_clocks, starts_of
from comity.law.pack import Confidence

AWARE = datetime(2027, 3, 1, 9, 30, tzinfo=UTC)


def test_an_incident_starts_each_duty_of_the_classes_that_fit() -> None:
    """Two classes that start one duty start it once, and both reasons stay."""
    starts = starts_of(["death", "cybersecurity"], [made()])

    assert [start.duty.id for start in starts] == ["T-3", "T-4", "T-5", "T-15"]
    assert [one.id for one in starts[1].classes] == ["breach", "harm"]
    assert starts[1].reasons == ("a break-in is urgent", "people come first")
    assert [start.confidence for start in starts] == ["unconfirmed", "unconfirmed", "primary", "primary"]
    assert starts_of(["environment"], [made()]) == ()


def test_a_kind_of_incident_that_no_pack_knows_is_refused() -> None:
    """The vocabulary is closed, because a misspelt kind would start no clock."""
    with pytest.raises(FactsRefused, match="expected kinds out of critical-infrastructure"):
        starts_of(["cyber"], [made()])


def test_the_clocks_of_an_incident_run_side_by_side() -> None:
    """Business days, hours and what waits for a report: each by its own rule from one time."""
    starts = starts_of(["cybersecurity"], [made()])
    acts = acts_of(starts, about="inc-1", aware=AWARE, at=AWARE)
    clocks = {clock.id: clock for clock in read_clocks(acts, [made()], AWARE)}

    assert clocks["inc-1/test-law/T-3"].due == date(2027, 3, 8)
    assert clocks["inc-1/test-law/T-4"].due == datetime(2027, 3, 4, 9, 30, tzinfo=UTC)
    assert clocks["inc-1/test-law/T-5"].state == "not started"
    assert clocks["inc-1/test-law/T-15"].state == "running"
    assert clocks["inc-1/test-law/T-15"].noted == {"NOTICED": AWARE}
    assert {clock.about for clock in clocks.values()} == {"inc-1"}


def test_one_theft_of_weights_starts_the_clocks_of_three_regimes() -> None:
    """Five days in the Code, fifteen in California, seventy-two hours in New York, from one time."""
    names = ("eu-ai-act", "us-ca-sb53", "us-ny-raise")
    if not set(names) <= set(known_packs()):
        pytest.skip("needs the packs of three regimes")
    packs = [load_pack(name) for name in names]
    acts = acts_of(starts_of(["model-exfiltration"], packs), about="i", aware=AWARE, at=AWARE)
    due = {clock.pack: clock.due for clock in read_clocks(acts, packs, AWARE) if clock.due is not None}

    assert due == {
        "eu-ai-act": date(2027, 3, 6),
        "us-ca-sb53": date(2027, 3, 16),
        "us-ny-raise": datetime(2027, 3, 4, 9, 30, tzinfo=UTC),
    }


def test_each_kind_and_mark_is_one_word() -> None:
    """The vocabularies that packs share are spelt as packs and records spell them."""
    assert len(KINDS) == 12
    assert get_args(Confidence) == ("primary", "secondary", "unconfirmed")
    assert made(FIRST).incidents[0].kinds == ("cybersecurity", "model-exfiltration")
