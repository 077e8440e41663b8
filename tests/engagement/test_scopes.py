"""Scopes: a duty bears where the case says so, and the provider's word alone takes none away."""

from dossier import Dossier

from comity.engagement.scopes import Bearing, unknown_scopes
from comity.records import EventStated, ItemWithdrawn

SR, SIGNED, EXEMPT, ABROAD = "AIA-55-1A", "SS-1.1", "AIA-53-1A", "AIA-54-1"


def bears(story: Dossier, duty: str) -> Bearing:
    return story.assessed().cell(duty).bearing


def test_what_nobody_stated_is_not_assessed() -> None:
    """Every model's duties bear on the model track; all else waits for a word."""
    story = Dossier()

    assert ("yes", "not assessed") == (bears(story, "AIA-53-1C").applies, bears(story, SR).applies)
    assert "nothing says whether gpai_sr holds" == bears(story, SR).because
    assert "nothing says whether code-safety-security holds" in bears(signed_up(Dossier(), ()), SIGNED).because


def signed_up(story: Dossier, chapters: tuple[str, ...]) -> Dossier:
    story.scope("gpai_sr")
    for chapter in chapters:
        story.scope(chapter)
    return story


def test_an_event_makes_a_model_systemic_and_so_never_exempt() -> None:
    """A notification is enough, for that model alone."""
    story = Dossier()
    assert "not assessed" == bears(story, EXEMPT).applies
    story.tell(EventStated, event="NOTIFIED_52_1", subject="nova-5", summary="s")

    assert ("yes", "yes") == (bears(story, SR).applies, bears(story, EXEMPT).applies)
    assert (1,) == tuple(entry.index for entry in bears(story, SR).entries)
    assert "not assessed" == story.assessed(subject="nova-6").cell(SR).bearing.applies


def test_a_statement_about_one_model_says_nothing_of_another() -> None:
    """What is about the provider says it of each."""
    story = Dossier()
    story.scope("gpai_sr", subject="nova-6")
    assert ("not assessed", "yes") == (
        bears(story, SR).applies, story.assessed(subject="nova-6").cell(SR).bearing.applies,
    )  # fmt: skip
    story.scope("gpai_sr")
    assert "yes" == bears(story, SR).applies


def test_a_chapter_binds_who_signed_it() -> None:
    """One chapter's duties and no other's."""
    story = signed_up(Dossier(), ("code-safety-security",))

    assert ("yes", "not assessed") == (bears(story, SIGNED).applies, bears(story, "TR-1.1").applies)
    story.scope("code-transparency", "no")
    assert "no" == bears(story, "TR-1.1").applies
    assert "yes" == bears(story, "AIA-56-5").applies


def test_the_providers_word_alone_takes_no_duty_away() -> None:
    """It puts one on; it takes one away with evidence, or where the authority says so."""
    story = Dossier()
    name = "gpai_all_except_oss_non_sr"
    word = story.scope(name, "no", by="provider")
    assert "not assessed" == bears(story, EXEMPT).applies
    assert "the word of provider alone" in bears(story, EXEMPT).because
    story.scope(name, "no", by="provider", cites=(story.document(),))
    assert "no" == bears(story, EXEMPT).applies
    story.scope(name, "yes", by="authority")
    assert "yes" == bears(story, EXEMPT).applies
    assert word


def test_statements_of_equal_weight_that_differ_leave_it_open() -> None:
    """Until one is withdrawn."""
    story = Dossier()
    story.scope("gpai_sr")
    other = story.scope("gpai_sr", "no")
    assert "stated both ways" in bears(story, SR).because
    story.tell(ItemWithdrawn, withdraws=other, because="b")
    assert "yes" == bears(story, SR).applies


def test_two_scopes_meet() -> None:
    """A third country's provider of a model that is not exempt."""
    story = Dossier()
    story.scope("third_country_gpai")
    assert "not assessed" == bears(story, ABROAD).applies
    story.scope("gpai_sr")
    assert "yes" == bears(story, ABROAD).applies
    story.scope("third_country_gpai", "no", subject="nova-5")
    assert "stated both ways" in bears(story, ABROAD).because


def test_the_system_track_has_other_duties() -> None:
    """Systems' duties bear there, and models' wait for a word."""
    story = Dossier(track="system")

    assert ("yes", "not assessed") == (bears(story, "AIA-50-1").applies, bears(story, "AIA-53-1C").applies)
    assert "no" == bears(Dossier(), "AIA-50-1").applies
    assert "yes" == bears(Dossier(), "AIA-87").applies


def test_a_scope_that_the_law_does_not_know_is_named() -> None:
    """A misspelt scope binds nothing, and is shown."""
    from dossier import act

    story = Dossier()
    story.scope("gpai_systemic")

    assert ["gpai_systemic"] == [name for _, name in unknown_scopes(story.case(), act())]
