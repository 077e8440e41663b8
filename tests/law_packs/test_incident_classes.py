"""One incident, several laws: which kinds start which clocks in which pack."""

from datetime import UTC, date, datetime, timedelta

from packs_beside_reference import all_packs, pack

from comity.law.clocks import read_clocks
from comity.law.deadline import FromEvent
from comity.law.incidents import acts_of, starts_of
from comity.law.pack import KINDS, IncidentClass, Pack
from comity.law.packs import crosswalk_faults


def classes(law: Pack, kind: str) -> list[IncidentClass]:
    """The classes of a pack that a kind of incident falls under."""
    return [one for one in law.incidents if kind in one.kinds]


def limits(law: Pack, kind: str) -> dict[str, str]:
    """The hard limits that a kind of incident starts at once, each by its duty."""
    return {
        duty: str(clause.length)
        for one in classes(law, kind)
        for duty in one.starts
        for clause in law.duties[duty].deadline.clauses
        if isinstance(clause, FromEvent) and clause.word == "due" and clause.event == one.event
    }


def test_stolen_weights_start_a_clock_in_all_three_laws() -> None:
    """The same theft is reported in five days in Europe, fifteen in California, seventy-two hours in New York."""
    assert limits(pack("eu-ai-act"), "model-exfiltration") == {"SS-9.3-5D": "P5D"}
    assert limits(pack("us-ca-sb53"), "model-exfiltration") == {"CA53-INCIDENT": "P15D"}
    assert limits(pack("us-ny-raise"), "model-exfiltration") == {"NYR-INCIDENT-72H": "PT72H"}


def test_the_codes_days_fit_the_harm() -> None:
    """Two days for infrastructure, five for cybersecurity, ten for a death, fifteen for other serious harm."""
    law = pack("eu-ai-act")

    assert limits(law, "critical-infrastructure") == {"SS-9.3-2D": "P2D"}
    assert limits(law, "cybersecurity") == {"SS-9.3-5D": "P5D"}
    assert limits(law, "death") == {"SS-9.3-10D": "P10D"}
    for kind in ("health", "fundamental-rights", "property", "environment"):
        assert limits(law, kind) == {"SS-9.3-15D": "P15D"}


def test_every_european_class_has_reports_on_the_way_and_at_the_end() -> None:
    """After the first report come one every four weeks and a last one, and the binding duty stands behind them."""
    for one in pack("eu-ai-act").incidents:
        assert {"AIA-55-1C", "SS-9.3-INT", "SS-9.3-FIN"} <= set(one.starts)
        assert one.event == "AWARE_INVOLVEMENT"


def test_danger_to_life_is_told_in_a_day() -> None:
    """Both American laws want an authority warned within twenty-four hours, beside the report."""
    assert limits(pack("us-ca-sb53"), "imminent-danger") == {"CA53-INCIDENT-24H": "PT24H"}
    assert limits(pack("us-ny-raise"), "imminent-danger") == {"NYR-INCIDENT-24H": "PT24H"}
    for name, report in (("us-ca-sb53", "CA53-INCIDENT"), ("us-ny-raise", "NYR-INCIDENT-72H")):
        (one,) = classes(pack(name), "imminent-danger")
        assert report in one.starts


def test_a_death_alone_is_no_incident_in_america() -> None:
    """The American heads are narrower: a kind of harm that they do not name starts nothing there."""
    assert not classes(pack("us-ca-sb53"), "death")
    assert not classes(pack("us-ny-raise"), "death")


def test_every_kind_falls_under_some_class() -> None:
    """There is no kind of incident that no law at hand cares for."""
    cared_for = {kind for law in all_packs() for one in law.incidents for kind in one.kinds}

    assert set(KINDS) == cared_for


def test_every_class_says_why_its_clock_is_the_right_one() -> None:
    """Who asks why two days and not fifteen is answered in a sentence."""
    assert not [one.id for law in all_packs() for one in law.incidents if len(one.reason.split()) < 6]


def test_the_american_laws_lead_to_the_european_one() -> None:
    """Each duty on incidents has its European counterpart, and no line of a crosswalk leads nowhere."""
    assert not crosswalk_faults(all_packs())
    for name, duty in (("us-ca-sb53", "CA53-INCIDENT"), ("us-ny-raise", "NYR-INCIDENT-72H")):
        leads = {(cross.pack, cross.other) for cross in pack(name).crosswalk if cross.duty == duty}
        assert ("eu-ai-act", "AIA-55-1C") in leads
    assert not [cross for law in all_packs() for cross in law.crosswalk if cross.relation == "same"]


def test_the_american_thresholds_lie_above_the_european_one() -> None:
    """Ten to the 23, 25 and 26: what each number decides."""
    numbers = {
        (law.name, one.id): one.flop
        for law in all_packs()
        if law.classification is not None
        for one in law.classification.indicators
    }

    assert {name: float(flop) for name, flop in numbers.items()} == {
        ("eu-ai-act", "gpai-indication"): 1e23,
        ("eu-ai-act", "sr-presumption"): 1e25,
        ("us-ca-sb53", "frontier-model"): 1e26,
        ("us-ny-raise", "frontier-model"): 1e26,
    }


def test_one_theft_three_clocks() -> None:
    """Weights stolen on 1 March 2027 at nine: New York is due first, then Europe, then California."""
    laws = [pack("eu-ai-act"), pack("us-ca-sb53"), pack("us-ny-raise")]
    aware = datetime(2027, 3, 1, 9, tzinfo=UTC)

    acts = acts_of(starts_of(["model-exfiltration"], laws), about="theft", aware=aware, at=aware)
    clocks = {clock.duty.id: clock for clock in read_clocks(acts, laws, aware)}

    assert clocks["NYR-INCIDENT-72H"].due == datetime(2027, 3, 4, 9, tzinfo=UTC)
    assert clocks["SS-9.3-5D"].due == date(2027, 3, 6)
    assert clocks["CA53-INCIDENT"].due == date(2027, 3, 16)
    assert clocks["AIA-55-1C"].state == "running" and clocks["AIA-55-1C"].due is None
    assert {clocks["SS-9.3-INT"].state, clocks["SS-9.3-FIN"].state} == {"not started"}


def test_danger_to_life_starts_both_american_clocks_twice() -> None:
    """The warning in a day and the longer report run beside each other, in each of the two laws."""
    laws = [pack("us-ca-sb53"), pack("us-ny-raise")]
    aware = datetime(2027, 3, 1, 9, tzinfo=UTC)

    acts = acts_of(starts_of(["imminent-danger"], laws), about="danger", aware=aware, at=aware)

    assert [(clock.duty.id, clock.due) for clock in read_clocks(acts, laws, aware)] == [
        ("CA53-INCIDENT-24H", aware + timedelta(hours=24)),
        ("CA53-INCIDENT", date(2027, 3, 16)),
        ("NYR-INCIDENT-24H", aware + timedelta(hours=24)),
        ("NYR-INCIDENT-72H", aware + timedelta(hours=72)),
    ]


def test_what_an_incident_starts_is_as_sure_as_its_weakest_part() -> None:
    """A head of New York's law that is unconfirmed keeps its mark on the clock that it starts."""
    (start,) = starts_of(["deception"], [pack("us-ny-raise")])

    assert start.duty.confidence == "secondary"
    assert start.confidence == "unconfirmed"
