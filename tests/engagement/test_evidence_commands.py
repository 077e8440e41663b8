"""The commands over claims, findings, documentation, experts and duties: what they print, refuse and answer scripts."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from dossier import ACCESS, Dossier, rich, signed
from stories import Story
from test_commands import Houses

from comity.cli.cases import begin_case
from comity.cli.home import Home, open_home
from comity.cli.main import main
from comity.engagement import add_all
from comity.ledger import create_ledger
from comity.records import (
    ConflictDeclared,
    DocumentationReceived,
    EventStated,
    ExpertAppointed,
    ExpertProposed,
    Hex32,
    ItemWithdrawn,
)

TODAY = datetime(2026, 11, 26, 12, tzinfo=UTC)


class Desk:
    """An authority's home with the rich case in it, and the access ledger that the case cites."""

    def __init__(self, root: Path, story: Dossier) -> None:
        self.home, self.access = root / "home", str(root / "access.sqlite")
        words = ("init", str(self.home), "--role", "authority", "--name", "Office for AI", "--host", "office.example")
        assert 0 == CliRunner().invoke(main, words).exit_code
        ledger = begin_case(open_home(self.home), "e" * 32)
        add_all(ledger, story.records, TODAY)
        ledger.close()
        other = create_ledger(Path(self.access), origin=ACCESS)
        other.append([signed() for _ in range(8)])
        other.close()

    def run(self, *words: str, columns: int = 80) -> Result:
        command = ["--home", str(self.home), *words]
        return CliRunner().invoke(main, command, env={"COLUMNS": str(columns)}, catch_exceptions=False)

    def text(self, *words: str, columns: int = 80) -> str:
        result = self.run(*words, columns=columns)
        assert 0 == result.exit_code, result.output
        return result.stdout

    def json(self, *words: str) -> Any:
        return json.loads(self.text(*words, "--json"))

    def refused(self, *words: str) -> str:
        result = self.run(*words)
        assert 1 == result.exit_code, result.output
        return result.stderr


def told() -> Dossier:
    story = rich()
    story.tell(ExpertProposed, expert="expert-1", proposed_by="authority", qualifications=("a doctorate",))
    story.tell(ConflictDeclared, expert="expert-1", relation="none", with_whom="provider")
    story.tell(ExpertAppointed, expert="expert-1", act="act 7")
    story.tell(ExpertProposed, expert="expert-2", proposed_by="panel", qualifications=("a benchmark",))
    story.tell(ExpertAppointed, expert="expert-2", act="act 8")
    story.tell(EventStated, event="FINDINGS_NOTIFIED", subject="nova-5", summary="s", on="2026-10-15")
    story.tell(
        DocumentationReceived, form="mdf", form_version="7", subject="nova-5", by="provider", view="dp",
        received=("MDF.1.1", "MDF.2.5a"), withheld=(("MDF.2.3b", "a trade secret"),),
    )  # fmt: skip
    return story


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Made once: these commands only read."""
    return Desk(tmp_path_factory.mktemp("desk"), told())


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    """A day on which all of the story has happened."""
    monkeypatch.setattr(Home, "clock", lambda home: TODAY)


def test_a_case_is_assessed_duty_by_duty(desk: Desk) -> None:
    """Status, rule, claim, evidence with its entry and ceiling; the loudest first, silent duties by their number."""
    text = desk.text("law", "assess", "aurora", "--access", desk.access, columns=120)

    assert "ceiling    no better than AAL-1, because 6 of 12 facts rest on what the provider says or supplied" in text
    assert "1 not met · 2 contested · 2 met · 5 evidenced · 3 asserted" in text
    assert "met           AIA-55-1D  Protect the model and its physical infrastructure (Art. 55(1)(d))" in text
    assert "cites document “paper” (entry 36): evidence" in text
    assert "not assessed  75 duties, SS-A1.1 to SS-4.2, about which nothing was entered" in text
    assert "12 duties, CR-1.1 to CR-1.5: nothing says whether code-copyright holds" in text
    assert "[secondary]" in text and text.index("NOT MET") < text.index("SS-A3.4A")


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize(
    "words",
    [
        ("law", "assess", "aurora"), ("law", "assess", "aurora", "--all"),
        ("law", "assess", "aurora", "--duty", "AIA-53-3"), ("engagement", "findings", "aurora"),
        ("engagement", "assertions", "aurora"), ("engagement", "experts", "aurora"),
        ("engagement", "documentation-gaps", "aurora", "--all"),
    ],
)  # fmt: skip
def test_no_line_is_wider_than_the_terminal(desk: Desk, words: tuple[str, ...], columns: int) -> None:
    """But for a name that is wider by itself, such as a ledger's."""
    wide = [line for line in desk.text(*words, columns=columns).splitlines() if len(line) > columns]

    assert not [line for line in wide if len(line.split()) > 1]


def test_a_status_needs_the_ledger_at_hand(desk: Desk) -> None:
    """Without the access ledger the finding over calls settles nothing, and says what is missing."""
    with_it = desk.json("law", "assess", "aurora", "--duty", "AIA-53-3", "--access", desk.access)
    without = desk.json("law", "assess", "aurora", "--duty", "AIA-53-3")
    (cell,), (bare,) = with_it["subjects"][0]["duties"], without["subjects"][0]["duties"]

    assert ("met", "asserted") == (cell["status"], bare["status"])
    assert ["evidence", "evidence"] == [cited["state"] for cited in cell["facts"][0]["cites"]]
    assert {64} == {len(cited["digest"]) for cited in cell["facts"][0]["cites"]}
    assert "not at hand" in bare["facts"][0]["reads"]
    assert ("primary", "yes", "binding") == (cell["confidence"], cell["applies"], cell["force"])
    assert {"correspondence_log": []} == cell["shown_by"]


def test_one_duty_in_depth_names_each_entry_by_its_digest(desk: Desk) -> None:
    """From the duty to the finding to the call's entry, without another command."""
    text = desk.text("law", "assess", "aurora", "--duty", "AIA-53-3", "--access", desk.access)

    assert "status     met: found by the authority (entry 25)" in text
    assert f"{ACCESS}#5" in text
    assert "correspondence_log: letters, calls and meetings with authorities;" in text


def test_an_assessment_of_a_past_day_reads_the_case_as_it_stood(desk: Desk) -> None:
    """Before the final finding the duty was contested."""
    then = desk.json("law", "assess", "aurora", "--duty", "SS-1.1", "--at", "2026-09-30")
    now = desk.json("law", "assess", "aurora", "--duty", "SS-1.1")

    assert ["contested", "not met"] == [one["subjects"][0]["duties"][0]["status"] for one in (then, now)]


def test_what_cannot_be_assessed_is_refused(desk: Desk) -> None:
    """Another side's duty, a duty that the law does not have, a model that the case does not name."""
    assert "is no duty of a provider" in desk.refused("law", "assess", "aurora", "--duty", "AIA-92-4")
    assert "expected a duty of eu-ai-act" in desk.refused("law", "assess", "aurora", "--duty", "AIA-0")
    assert "expected one of nova-5" in desk.refused("law", "assess", "aurora", "--subject", "nova-9")
    assert 2 == desk.run("law", "assess", "aurora", "--status", "fine").exit_code


def test_only_duties_of_one_status(desk: Desk) -> None:
    """A filter shows these and nothing else."""
    found = desk.json("law", "assess", "aurora", "--status", "evidenced")["subjects"][0]["duties"]
    text = desk.text("law", "assess", "aurora", "--status", "not met")

    assert {"evidenced"} == {cell["status"] for cell in found}
    assert "SS-1.1" in text and "SS-6.1" not in text


def test_findings_show_versions_replies_and_the_clocks_on_publication(desk: Desk) -> None:
    """Which version a reply answers, until when the provider may reply, and until when publication may wait."""
    text = desk.text("engagement", "findings", "aurora", "--access", desk.access, columns=120)
    found = {one["finding"][0]: one for one in desk.json("engagement", "findings", "aurora")["findings"]}
    first, last = found["3"]["versions"]

    assert "33333333   SS-1.1, nova-5: infringement" in text
    assert "44444444   SS-6.1, nova-5: compliance, disputed by the provider" in text
    assert "reply until 2026-10-13 (DIR-PF, draft) [secondary]" in text
    assert "nova-5: SS-3.5D, Do not hold publication up for more than thirty business days" in text
    assert (1, 2, True) == (first["version"], last["version"], last["settles"])
    assert (False, "it answers version 1 and is no reply to version 2") == (
        first["replies"][0]["counts"], first["replies"][0]["because"],
    )  # fmt: skip
    assert first["replies"][0]["digest"] == first["digest"]


def test_claims_show_their_status_and_why(desk: Desk) -> None:
    """In words and for scripts, and by status."""
    words = ("engagement", "assertions", "aurora", "--access", desk.access)
    text, found = desk.text(*words, columns=120), desk.json(*words)["assertions"]

    assert "VERIFIED: evaluator-1 looked and upheld it" in text
    assert ["evidenced", "verified", "contradicted", "asserted"] == [one["status"] for one in found]
    assert ["asserted"] == [one["status"] for one in desk.json(*words, "--status", "asserted")["assertions"]]
    assert "no claim is inconclusive" in desk.text(*words, "--status", "inconclusive")


def test_the_experts_register_shows_the_verdict_and_where_the_look_back_is_from(desk: Desk) -> None:
    """With the mark of the law pack, and a warning on the appointment."""
    text, found = desk.text("engagement", "experts", "aurora"), desk.json("engagement", "experts", "aurora")

    assert "expert-1   free of declared conflicts in the look-back" in text
    assert "! appointed without a declaration about the provider (entry 42)" in text
    assert "DIR-EXP names that length: Draft IR, draft" in text and "[unconfirmed]" in text
    assert ["free", "nothing declared"] == [one["verdict"] for one in found["experts"]]
    assert "names another length" in desk.json("engagement", "experts", "aurora", "--months", "6")["look_back"]


def test_documentation_gaps_by_view(desk: Desk) -> None:
    """Received, withheld with its reason, missing, and what went to the wrong recipient."""
    words = ("engagement", "documentation-gaps", "aurora", "--form", "mdf", "--view", "dp")
    text, (found,) = desk.text(*words), desk.json(*words)["forms"]

    assert "1 received · 1 withheld · 22 missing" in text
    assert "withheld    MDF.2.3b Largest input of each kind: a trade secret" in text
    assert "misdirected MDF.2.5a" in text
    assert (["MDF.2.5a"], "7", 24) == (found["misdirected"], found["version"], len(found["unconfirmed"]))
    assert "expected one of mdf" in desk.refused("engagement", "documentation-gaps", "aurora", "--form", "x")


def test_a_case_with_nothing_in_it_says_so(tmp_path: Path) -> None:
    """No claim, no finding, no expert; and what was withdrawn is not there."""
    story = Dossier()
    story.tell(ItemWithdrawn, withdraws=story.claim(), because="b")
    desk = Desk(tmp_path, story)

    assert "no claim was entered\n" == desk.text("engagement", "assertions", "aurora")
    assert "no finding was stated\n" == desk.text("engagement", "findings", "aurora")
    assert "no expert was proposed\n" == desk.text("engagement", "experts", "aurora")
    assert "no level can be stated" in desk.text("law", "assess", "aurora")


def test_a_case_under_no_stated_law_cannot_be_assessed(tmp_path: Path) -> None:
    """There is nothing to assess it by, and no form to check."""
    desk = Desk(tmp_path, Dossier(law="", law_version=""))

    assert "under no stated law" in desk.refused("law", "assess", "aurora")
    assert "under no stated law" in desk.refused("engagement", "documentation-gaps", "aurora")
    assert "the case's law names none" in desk.json("engagement", "experts", "aurora")["look_back"]


def test_a_scope_that_the_law_does_not_know_is_shown(tmp_path: Path) -> None:
    """A misspelt scope does not pass in silence."""
    story = Dossier()
    story.scope("gpai_systemic")

    assert "the law pack knows no scope 'gpai_systemic' (entry 1)" in Desk(tmp_path, story).text(
        "law", "assess", "aurora"
    )


def test_a_declaration_in_another_case_of_the_home_is_read(tmp_path: Path) -> None:
    """The register looks into every other case, names its ledger, and reads it as of the day that is asked for."""
    desk = Desk(tmp_path, told())
    other = Story(begin="2026-11-01", provider="Northwind Models", engagement=Hex32("b" * 32))
    other.tell(ConflictDeclared, expert="expert-1", relation="ownership", with_whom="Aurora Systems")
    ledger = begin_case(open_home(desk.home), "b" * 32)
    add_all(ledger, other.records, TODAY)
    ledger.close()

    assert "CONFLICT" in desk.text("engagement", "experts", "aurora")
    assert "declared: ownership with Aurora Systems (bbbbbbbb#1): lasts" in desk.text("engagement", "experts", "aurora")
    then = desk.json("engagement", "experts", "aurora", "--at", "2026-11-01")["experts"]
    assert "free" == then[0]["verdict"]


def test_the_terms_review_is_shown_beside_the_finding(tmp_path: Path) -> None:
    """Thirty days of publication.review_days, from the day on which the newest version was stated."""
    houses = Houses(tmp_path)
    case = houses.open("Northwind Models")
    houses.agreed(case)
    words = ("--by", "authority", "--stage", "preliminary", "--duty", "AIA-53-1A", "--finds", "infringement")
    more = ("--assurance", "none", "--conclusion", "c", "--on", "2026-11-20")
    houses.ok("authority", "engagement", "finding", case, *words, *more)

    text = houses.ok("authority", "engagement", "findings", case).stdout
    assert "may review it until 2026-12-20" in " ".join(text.split())
    (found,) = houses.json("authority", "engagement", "findings", case)["findings"]
    assert ["2026-12-20"] == found["versions"][0]["review_until"]
