"""The sample: on it stages, open questions and clocks come out right, and it says nothing that no source says."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pages import end_of, law, row, values

from comity.cli.main import main
from comity.engagement.brief import Page, brief_page
from comity.engagement.errors import NotACase
from comity.engagement.portfolio import Book, Dossier, portfolio
from comity.engagement.sample import FILE, MARK, NOTICE, sample_cases
from comity.records import CaseItem, CaseOpened, MeetingRecorded, PublicationCleared, to_bytes

LOADED = datetime(2026, 11, 26, 18, tzinfo=UTC)
ANTHROPIC, OPENAI = 0, 1

US = "US Department of Commerce"
POWERS = "information requests, evaluations, measures and fines are possible; Art. 50 applies (Art. 113)"


def dossiers(day: str) -> tuple[Dossier, ...]:
    """The sample's cases at the end of a day."""
    books = [
        Book(origin=f"sample.example/e/{case.engagement}", entries=[to_bytes(record) for record in case.records])
        for case in sample_cases(LOADED)
    ]
    return portfolio(books, end_of(day), law=law)


def page(day: str, *, public: bool = False) -> Page:
    """The sample's page at the end of a day."""
    return brief_page(dossiers(day), end_of(day), public=public)


def test_before_the_talks_were_public_there_is_no_engagement() -> None:
    """On 10 May 2026 nothing of the sample was known."""
    assert () == page("2026-05-10").columns


@pytest.mark.parametrize(
    ("day", "days", "meetings", "question", "suspended", "next_of_law"),
    [
        (
            "2026-05-11", 0, "4–5", "whether the Commission gets access is open",
            "no", f"2026-08-02, in 83 days: {POWERS}",
        ),
        (
            "2026-05-30", 19, "4–5", "whether the Commission gets access is open",
            "no", f"2026-08-02, in 64 days: {POWERS}",
        ),
        (
            "2026-05-31", 20, "4–5 and several, not added up", "access to the company's systems is not negotiated yet",
            "no", f"2026-08-02, in 63 days: {POWERS}",
        ),
        (
            "2026-06-01", 21, "4–5 and several, not added up", "access to the company's systems is not negotiated yet",
            "no", f"2026-08-02, in 62 days: {POWERS}",
        ),
        (
            "2026-06-12", 32, "4–5 and several, not added up", "access to the company's systems is not negotiated yet",
            f"by {US} since 2026-06-12 (Mythos 5, Fable 5)", f"2026-08-02, in 51 days: {POWERS}",
        ),
        (
            "2026-06-29", 49, "4–5 and several, not added up", "access to the company's systems is not negotiated yet",
            f"by {US} since 2026-06-12 (Mythos 5, Fable 5)", f"2026-08-02, in 34 days: {POWERS}",
        ),
        (
            "2026-06-30", 50, "4–5 and several, not added up", "access to the company's systems is not negotiated yet",
            f"lifted 2026-06-30; was suspended by {US} from 2026-06-12 (Mythos 5, Fable 5)",
            f"2026-08-02, in 33 days: {POWERS}",
        ),
        (
            "2026-08-02", 83, "4–5 and several, not added up", "access to the company's systems is not negotiated yet",
            f"lifted 2026-06-30; was suspended by {US} from 2026-06-12 (Mythos 5, Fable 5)",
            "2027-08-02, in 365 days: models on the market before 2025-08-02 comply (Art. 111(3))",
        ),
    ],
)  # fmt: skip
def test_where_the_case_without_an_offer_stands(
    day: str, days: int, meetings: str, question: str, suspended: str, next_of_law: str
) -> None:
    """Meetings, an offer to somebody else and a third state's order move no stage, on any of the dates."""
    seen = page(day)

    assert [f"dialogue since 2026-05-11, {days} day{'' if days == 1 else 's'}"] == row(seen, "stage", ANTHROPIC)
    assert ["not stated"] == row(seen, "first_step", ANTHROPIC)
    assert meetings == row(seen, "meetings", ANTHROPIC)[0]
    assert ["nothing"] == row(seen, "offered", ANTHROPIC)
    assert [question] == row(seen, "open", ANTHROPIC)
    assert suspended == row(seen, "suspended", ANTHROPIC)[0]
    assert ["no clock or period runs", next_of_law] == row(seen, "next", ANTHROPIC)


@pytest.mark.parametrize(
    ("day", "days", "first_step", "offers", "longest"),
    [
        ("2026-05-11", 0, "not stated", 1, 0),
        ("2026-05-30", 19, "not stated", 1, 19),
        ("2026-05-31", 20, "the provider", 2, 20),
        ("2026-06-12", 32, "the provider", 2, 32),
        ("2026-08-02", 83, "the provider", 2, 83),
        ("2026-11-23", 196, "the provider", 2, 196),
    ],
)
def test_where_the_case_with_an_offer_stands(day: str, days: int, first_step: str, offers: int, longest: int) -> None:
    """An offer of access begins a negotiation, and waits for an answer that no source reports."""
    seen = page(day)

    assert [f"negotiation since 2026-05-11, {days} days"] == row(seen, "stage", OPENAI)
    assert [first_step] == row(seen, "first_step", OPENAI)
    assert ["none entered"] == row(seen, "meetings", OPENAI)
    assert offers == len(row(seen, "offered", OPENAI))
    assert [{"open": 0, "longest": 0, "days": 0}, {"open": offers, "longest": longest, "days": longest}] == values(
        seen, "waits", OPENAI
    )
    assert ["no"] == row(seen, "suspended", OPENAI)


@pytest.mark.parametrize("day", ["2026-05-11", "2026-06-12", "2026-08-02", "2026-11-23"])
def test_no_clock_runs_because_no_public_fact_starts_one(day: str) -> None:
    """Nothing of what was reported is an event from which the law counts, so nobody owes anything by a day."""
    assert [(), ()] == [dossier.clocks for dossier in dossiers(day)]


@pytest.mark.parametrize(
    ("day", "newest"),
    [
        ("2026-05-11", "2026-05-07/2026-05-11, European Commission: It will secure access if that is needed"),
        ("2026-06-01", "late May to 1 June 2026: ENISA, an agency of the EU and not the authority of this case"),
        ("2026-06-12", "2026-06-12: ENISA is told that it loses access."),
        ("2026-08-02", "2026-08-02: Requests for information and access, measures and fines are possible"),
        ("2026-11-23", "since August 2026: Whether the AI Office took a step under Arts 91 to 93"),
    ],
)
def test_what_bears_on_the_case_from_outside_stands_beside_it(day: str, newest: str) -> None:
    """The newest fact comes first, and is there from the day by which it was public."""
    assert row(page(day), "beside", ANTHROPIC)[0].startswith(newest)


def test_an_eased_suspension_is_shown_and_goes_on() -> None:
    """On 27 June the order was eased for listed organisations of one state, and held for all others."""
    before, after = row(page("2026-06-26"), "suspended", ANTHROPIC), row(page("2026-06-27"), "suspended", ANTHROPIC)

    assert [f"by {US} since 2026-06-12 (Mythos 5, Fable 5)"] == before
    assert [*before, "eased 2026-06-26/2026-06-27 for more than 100 listed US organisations"] == after


def test_what_is_unconfirmed_is_marked_and_not_published() -> None:
    """Since August nothing dependable was found: the page of the house says so, and the public page does not."""
    texts = {line.text: line for line in page("2026-11-23").columns[ANTHROPIC].rows["beside"]}
    unsure = [line for text, line in texts.items() if "since August" in text]

    assert ["unconfirmed"] == [line.confidence for line in unsure]
    public = page("2026-11-23", public=True)
    assert not any("since August" in text for column in (0, 1) for text in row(public, "beside", column))
    assert 19 == public.withheld
    assert 0 == page("2026-08-02", public=True).withheld


def test_every_fact_has_its_source_its_date_and_its_confidence() -> None:
    """The dates are those of the reports, as exactly as they give them, and there is no other."""
    facts = [
        record for case in sample_cases(LOADED) for record in case.records
        if isinstance(record, CaseItem) and not isinstance(record, PublicationCleared)
    ]  # fmt: skip

    assert {"reported", "unconfirmed"} == {fact.confidence for fact in facts}
    assert {
        "2026-04", "2026-05-07/2026-05-11", "by 2026-05-11", "2026-05", "by May 2026", "late May to 1 June 2026",
        "2026-06-12", "2026-06-26/2026-06-27", "2026-06-30", "2026-08-02", "since August 2026",
    } == {fact.on for fact in facts}  # fmt: skip
    assert {
        "News.Az citing Reuters, May 2026", "Regulation (EU) 2024/1689, Art. 113", "aigovernance.com",
        "euaiudit.io; techresearchonline.com", "iapp.org; algorithmtimes.com", "imtr.net",
        "labs.cloudsecurityalliance.org; itmagazine.cc", "no dependable source found by 2026-11-23",
        "techgolly.com; agenticbrew.ai",
    } == {fact.source for fact in facts}  # fmt: skip


def test_it_names_no_person_and_counts_no_meeting_more_exactly_than_its_source() -> None:
    """Counts are "4–5" and "several", nobody is named as having been there, and no contact is."""
    records = [record for case in sample_cases(LOADED) for record in case.records]

    met = [(one.count, one.participants) for one in records if isinstance(one, MeetingRecorded)]
    assert [("4–5", ()), ("several", ())] == met
    assert not {"contact.named", "party.named", "document.attached"} & {record.kind for record in records}


def test_each_case_says_that_it_is_a_sample_and_when_it_was_loaded() -> None:
    """The mark and the real time of loading are in the opening entry, and the head of the page says it in words."""
    for case in sample_cases(LOADED):
        opening = case.records[0]
        assert isinstance(opening, CaseOpened)
        assert (MARK, "loaded 2026-11-26T18:00:00.000Z") == opening.refs
        assert opening.summary.startswith("Sample, built from press reports of 2026")
    assert NOTICE == page("2026-06-01").notice


def test_everybodys_sample_has_the_same_ids() -> None:
    """A link in a tutorial leads everybody to the same entry."""
    one, other = sample_cases(LOADED), sample_cases(datetime(2027, 1, 1, tzinfo=UTC))

    assert [case.engagement for case in one] == [case.engagement for case in other]
    assert [case.records[1:] for case in one] == [case.records[1:] for case in other]


def test_a_fact_is_not_known_before_it_was_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file in which a fact is public before its time was over is no sample."""
    text = FILE.read_text(encoding="utf-8")
    early = tmp_path / "press-2026.yaml"
    early.write_text(text.replace('known: "2026-06-30"', 'known: "2026-06-29"'), encoding="utf-8")
    monkeypatch.setattr("comity.engagement.sample.FILE", early)

    with pytest.raises(NotACase, match="us-lifted is known on 2026-06-29, before 2026-06-30 was over"):
        sample_cases(LOADED)


# Through the commands.


def comity(*words: str) -> Result:
    """One command."""
    return CliRunner().invoke(main, list(words))


@pytest.fixture
def home(tmp_path: Path) -> str:
    """A home with the sample."""
    folder = str(tmp_path / "sample")
    made = comity("init", folder, "--sample")
    assert 0 == made.exit_code, made.output
    assert "built from press reports" in made.output
    return folder


@pytest.mark.parametrize(
    ("provider", "stage"), [("anthropic", "dialogue"), ("openai", "negotiation")]
)
def test_access_without_an_arrangement_is_refused_with_the_reason(home: str, provider: str, stage: str) -> None:
    """Neither talks nor an offer are an arrangement: the grant is refused, and the refusal is an entry."""
    asked = comity("--home", home, "grant", "issue", provider, "--person", "evaluator-1")

    assert 1 == asked.exit_code
    assert f"no arrangement in force; stage {stage} since 2026-05-11T23:59:59.999Z" in asked.stderr
    shown = json.loads(comity("--home", home, "engagement", "show", provider, "--json").stdout)
    assert ["grant.refused"] == [entry["kind"] for entry in shown["entries"] if entry["kind"].startswith("grant")]
    seen = json.loads(comity("--home", home, "brief", "--json").stdout)
    column = next(one for one in seen["engagements"] if one["provider"].casefold() == provider)
    assert [f"grant for evaluator-1: no arrangement in force; stage {stage} since 2026-05-11T23:59:59.999Z"] == [
        line["text"] for line in column["rows"]["refused"]
    ]


def test_the_first_line_of_a_case_says_that_it_is_a_sample(home: str) -> None:
    """Who looks at one engagement of the sample cannot take it for a real one."""
    for provider in ("anthropic", "openai"):
        shown = comity("--home", home, "engagement", "show", provider).stdout
        assert "Sample, built from press reports of 2026" in shown.splitlines()[0]


def test_a_sample_takes_no_name_of_its_own(tmp_path: Path) -> None:
    """The sample's home is called a sample; under another name it might be taken for a real one."""
    named = comity("init", str(tmp_path / "one"), "--sample", "--name", "European Commission")
    bare = comity("init", str(tmp_path / "two"))

    assert 2 == named.exit_code
    assert "give it alone" in named.stderr
    assert 2 == bare.exit_code
    assert "expected --role, --name and --host; or --sample alone" in bare.stderr
    assert not (tmp_path / "one").exists() and not (tmp_path / "two").exists()
