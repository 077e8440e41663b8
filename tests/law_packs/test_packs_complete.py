"""The packs hold what the digest of facts holds: every duty, field, class, level and number, with its confidence."""

import re
from collections import Counter

import pytest
from packs_beside_reference import all_packs, catalogue, facts, pack

from comity.law.deadline import parse_deadline

ADDED = 54
"""Duties of the European pack that the digest states in words but does not list."""
COMMITMENT_MEASURES = {1: 4, 2: 2, 3: 5, 4: 2, 5: 1, 6: 2, 7: 7, 8: 3, 9: 4, 10: 2}
"""How many measures each commitment of the Safety and Security chapter has."""


def measures(prefix: str) -> set[str]:
    """The measures that the duties of a chapter refer to, such as 1.4."""
    found = set()
    for duty in pack("eu-ai-act").duties.values():
        if duty.ref.startswith(prefix):
            found |= set(re.findall(r"\bM(\d+\.\d+)", duty.ref))
    return found


def test_every_listed_duty_is_in_the_pack() -> None:
    """No duty of the digest is lost, and none changed its deadline, force, evidence, scope or person on the way."""
    duties = pack("eu-ai-act").duties
    differing = []
    for entry in catalogue():
        duty = duties.get(entry["id"])
        if duty is None:
            differing.append(f"{entry['id']} is not in the pack")
            continue
        mine = (duty.deadline, duty.force, duty.evidence, duty.applies, duty.who, duty.src)
        theirs = (
            parse_deadline(entry["deadline"]),
            entry["force"],
            tuple(entry["evidence"]),
            entry["applies"],
            tuple(entry["who"]),
            tuple(entry["src"].split(",")),
        )
        if mine != theirs:
            differing.append(f"{entry['id']}: {mine} is not {theirs}")

    assert len(catalogue()) == 150
    assert not differing, "\n".join(differing)


def test_the_pack_says_how_many_duties_it_adds() -> None:
    """What is in the pack beyond the digest's list is a known number, so nothing slips in."""
    listed = {entry["id"] for entry in catalogue()}

    assert len(set(pack("eu-ai-act").duties) - listed) == ADDED


def test_each_measure_of_the_safety_chapter_has_a_duty() -> None:
    """Ten commitments hold thirty-two measures, and each of the thirty-two is somebody's duty."""
    expected = {f"{commitment}.{n}" for commitment, count in COMMITMENT_MEASURES.items() for n in range(1, count + 1)}

    assert len(expected) == 32
    assert measures("Code S&S") == expected


def test_each_measure_of_the_other_chapters_has_a_duty() -> None:
    """Transparency has three measures, Copyright five."""
    assert measures("Code Transparency") == {"1.1", "1.2", "1.3"}
    assert measures("Code Copyright") == {"1.1", "1.2", "1.3", "1.4", "1.5"}


def test_the_digest_counts_the_same_measures() -> None:
    """The table of measures that was read has a row for each of the thirty-two."""
    rows = set(re.findall(r"^\| \*\*(\d+\.\d+)\*\* ", facts(), flags=re.MULTILINE))

    assert rows == measures("Code S&S")


def test_each_appendix_of_the_safety_chapter_has_a_duty() -> None:
    """The four appendices are there, section by section."""
    found = {
        section
        for duty in pack("eu-ai-act").duties.values()
        for section in re.findall(r"App\. (\d(?:\.\d)?)", duty.ref)
    }

    assert {f"1.{n}" for n in range(1, 5)} <= found
    assert {"2.1", "2.2"} <= found
    assert {f"3.{n}" for n in range(1, 6)} <= found
    assert {f"4.{n}" for n in range(1, 6)} <= found


def test_every_article_of_the_chapter_on_models_has_a_duty() -> None:
    """Arts 50 to 56, 75, 78, 88 to 94 and 101 each ask something of somebody."""
    articles = {int(n) for duty in pack("eu-ai-act").duties.values() for n in re.findall(r"Arts?\. (\d+)", duty.ref)}

    assert {50, 51, 52, 53, 54, 55, 56, 75, 78, *range(88, 95), 101} <= articles


def fields(form: str) -> dict[str, tuple[str, ...]]:
    """A form's fields, each with its recipients."""
    (found,) = (one for one in pack("eu-ai-act").forms if one.id == form)
    return {field.id: tuple(field.recipients) for section in found.sections for field in section.fields}


def test_the_documentation_form_has_every_field_with_its_recipients() -> None:
    """Each field goes to those, and only those, that the crosses name."""
    rows = re.findall(r"^\| (MDF\.[\w.]+) \|[^|]*\|[^|]*\| ([x?-]) \| ([x?-]) \| ([x?-]) \|", facts(), flags=re.M)
    crosses = {
        name: tuple(who for who, cross in zip(("aio", "nca", "dp"), marks, strict=True) if cross == "x")
        for name, *marks in rows
    }

    assert len(crosses) > 40
    assert fields("mdf") == crosses


def test_a_cross_that_was_not_seen_on_the_final_form_is_unconfirmed() -> None:
    """Only fields whose crosses were read for the final form are better than unconfirmed."""
    rows = re.findall(r"^\| (MDF\.[\w.]+) \|.*\| ([^|]*) \|$", facts(), flags=re.MULTILINE)
    seen = {name for name, basis in rows if basis.strip() == "F"}
    (form,) = (one for one in pack("eu-ai-act").forms if one.id == "mdf")

    marked = {field.id: field.confidence for section in form.sections for field in section.fields}

    assert {name for name, confidence in marked.items() if confidence != "unconfirmed"} == seen
    assert "primary" not in marked.values()


@pytest.mark.parametrize(("form", "prefix"), [("annex-xi", "XI"), ("annex-xii", "XII"), ("annex-xiii", "XIII")])
def test_the_annexes_have_every_item(form: str, prefix: str) -> None:
    """Each line of Annexes XI to XIII is a field of its own."""
    listed = set(re.findall(rf"^\| ({prefix}\.[\w.]+) \|", facts(), flags=re.MULTILINE))

    assert set(fields(form)) == listed


def test_an_incident_report_has_nine_items() -> None:
    """Seven in the initial report, all nine in the final one."""
    assert len(fields("incident-report")) == 7
    assert len(fields("incident-final-report")) == 9


def test_a_request_for_access_states_what_the_act_demands() -> None:
    """Art. 92(4): legal basis, purpose with reasons, period, fines; and the means of Art. 92(3)."""
    required = {"request.legal-basis", "request.purpose", "request.period", "request.fines", "request.means"}

    assert required <= {item.id for item in pack("eu-ai-act").access}
    assert {"RA.1", "RA.2", "RA.3", "RA.4", "RA.5"} <= set(fields("access-request"))


def test_access_has_every_level() -> None:
    """The levels of the draft and of Appendix 3.4 are all nameable."""
    (listed,) = re.findall(r"\*\*Access levels enum\*\*[^`]*`([^`]+)`", facts())

    assert [level.id for level in pack("eu-ai-act").levels] == listed.split(", ")


def test_every_event_is_there() -> None:
    """Whatever starts a clock can be noted."""
    (listed,) = re.findall(r"^Events to model: `(.*)`", facts(), flags=re.MULTILINE)
    names = set(re.findall(r"\b[A-Z][A-Z0-9_]{6,}\b", listed))

    assert len(names) > 25
    assert names <= set(pack("eu-ai-act").events)


def test_whom_the_exemption_relieves_follows_from_the_scopes() -> None:
    """The duties that exempt open-source models need not fulfil are those whose scope leaves such models out."""
    law = pack("eu-ai-act")
    assert law.classification is not None and law.classification.open_source is not None

    spared = {duty.id for duty in law.duties.values() if duty.applies.endswith("except_oss_non_sr")}

    assert set(law.classification.open_source.relieves) == spared


def test_no_draft_is_more_than_secondary() -> None:
    """What is not adopted is never shown as law that was read."""
    drafts = [duty for law in all_packs() for duty in law.duties.values() if duty.force == "draft"]

    assert len(drafts) >= 6
    assert not [duty.id for duty in drafts if duty.confidence == "primary"]


def test_what_was_read_in_reviews_only_is_marked() -> None:
    """Two chapters of the Code, the template, and both American laws were read second-hand, and every line says so."""
    second_hand = [
        item
        for law in all_packs()
        for item in (*law.duties.values(), *law.incidents)
        if law.name.startswith("us-") or set(item.src) <= {"C2", "C3", "C4", "T1", "I1", "A3"}
    ]

    assert len(second_hand) > 60
    assert not [item.id for item in second_hand if item.confidence == "primary"]


UNCONFIRMED = {
    "1 draft regulation": ("DIR-INT", "DIR-EXP"),
    "4 delegated acts, list of models": ("AIA-51-3", "AIA-53-5", "AIA-52-6"),
    "6 channel": ("SS-7.7",),
    "8 thirty days in California": ("CA53-FRAMEWORK-CHANGE",),
    "10 articles 75a to 75d": ("AIA-75A", "AIA-75B", "AIA-75C", "AIA-75D", "AIA-75-1A"),
    "12 paragraph numbers": ("AIA-52-2R", "GL-EST", "GL-MON", "GL-MOD", "GL-GAP"),
}
"""What the digest holds unconfirmed, and the duties that touch it."""


@pytest.mark.parametrize("point", UNCONFIRMED)
def test_what_is_not_confirmed_says_so(point: str) -> None:
    """A duty that rests on something unconfirmed is marked so, or its note says what is to be checked."""
    duties = {name: duty for law in all_packs() for name, duty in law.duties.items()}
    doubt = re.compile(r"unconfirmed|cut off|secondary|one secondary source|July 2025|checked")

    silent = [
        name
        for name in UNCONFIRMED[point]
        if duties[name].confidence != "unconfirmed" and not doubt.search(duties[name].note)
    ]

    assert not silent


def test_the_older_text_lacks_what_the_omnibus_brought() -> None:
    """Under the text of 2024 there is no track for systems and no later date for older generative systems."""
    before, after = pack("eu-ai-act", "2024-07-12"), pack("eu-ai-act", "2026-07-27")

    assert set(after.duties) - set(before.duties) == {"AIA-75-1A", "AIA-75A", "AIA-75B", "AIA-75C", "AIA-75D"}
    assert not set(before.duties) - set(after.duties)
    assert {name for name, duty in before.duties.items() if duty != after.duties[name]} == {
        "AIA-50-2", "AIA-50-7", "AIA-56-6", "AIA-75-1",
    }  # fmt: skip
    assert "omnibus" not in before.instruments and before.classification == after.classification


def test_every_declared_word_is_used_somewhere() -> None:
    """A role, scope, event, phase, evidence key, instrument or source that nothing uses would be a leftover."""
    law = pack("eu-ai-act")
    duties = law.duties.values()
    used = Counter(key for duty in duties for key in (*duty.who, duty.applies, *duty.evidence, *duty.src))
    used.update(event for duty in duties for event in (*duty.deadline.events, duty.trigger))
    used.update(phase for duty in duties for phase in duty.deadline.phases)
    declared = {*law.roles, *law.scopes, *law.events, *law.phases, *law.evidence, *law.sources}

    assert not {key for key in declared if not used[key]} - {"C4"}
