"""Documentation: which fields came for whom, what is withheld and why, and what went to the wrong side."""

from typing import Any

from dossier import Dossier, act

from comity.engagement.documentation import FormView, form_views, unknown_forms
from comity.records import DocumentationReceived, ItemWithdrawn


def send(story: Dossier, form: str, view: str, *received: str, **members: Any) -> str:
    words: dict[str, Any] = {"form_version": "1", "subject": "nova-5", "by": "provider", "withheld": ()}
    return story.tell(DocumentationReceived, form=form, view=view, received=received, **words | members)


def views(story: Dossier, **how: str) -> dict[tuple[str, str], FormView]:
    return {(one.form.id, one.view): one for one in form_views(story.case(), act(), "nova-5", **how)}


def test_nothing_came_so_everything_is_missing() -> None:
    """The four forms of Chapter V are checked also where nothing arrived; optional fields are no gap."""
    found = views(Dossier())

    assert {"mdf", "annex-xi", "annex-xii", "training-summary"} == {form for form, _ in found}
    assert [36, 36, 24] == [len(found["mdf", view].missing) for view in ("aio", "nca", "dp")]
    assert (11, 3) == (len(found["annex-xi", ""].missing), found["annex-xi", ""].counted("optional"))
    assert found["mdf", "aio"].newest is None


def test_a_field_is_received_withheld_or_missing_by_view() -> None:
    """What came for one recipient came for no other."""
    story = Dossier()
    send(story, "mdf", "aio", "MDF.1.1", withheld=(("MDF.2.5a", "a secret"),))
    found = views(story)
    states = {one.field.id: (one.state, one.because) for one in found["mdf", "aio"].fields}

    assert ("received", "") == states["MDF.1.1"]
    assert ("withheld", "a secret") == states["MDF.2.5a"]
    assert ("missing", "") == states["MDF.1.3"]
    assert 34 == len(found["mdf", "aio"].missing)
    assert 24 == len(found["mdf", "dp"].missing)


def test_what_came_about_another_model_fills_no_gap_of_this_one() -> None:
    """Documentation belongs to its model."""
    story = Dossier()
    send(story, "mdf", "aio", "MDF.1.1", subject="nova-6")

    assert (36, None) == (len(views(story)["mdf", "aio"].missing), views(story)["mdf", "aio"].newest)


def test_what_went_to_the_wrong_recipient_is_named_and_counts_for_nothing() -> None:
    """The exact number of parameters is for the AI Office alone."""
    story = Dossier()
    send(story, "mdf", "dp", "MDF.1.1", "MDF.2.5a")
    found = views(story)["mdf", "dp"]

    assert ["MDF.2.5a"] == [field.id for field in found.misdirected]
    assert 1 == found.counted("received")


def test_the_newest_version_counts_and_older_ones_are_kept() -> None:
    """A newer version that leaves a field out has a gap there; without it the one before counts again."""
    story = Dossier()
    old = send(story, "mdf", "aio", "MDF.1.1", "MDF.1.2")
    new = send(story, "mdf", "aio", "MDF.1.1", form_version="2")
    found = views(story)["mdf", "aio"]
    assert found.newest is not None
    assert (new, [old], 1) == (found.newest.id, [item.id for item in found.superseded], found.counted("received"))

    story.tell(ItemWithdrawn, withdraws=new, because="b")
    assert 2 == views(story)["mdf", "aio"].counted("received")


def test_it_says_of_how_many_fields_the_recipients_are_unconfirmed() -> None:
    """The pack is not certain of most of the form's recipients, and the check does not hide it."""
    found = views(Dossier())

    assert len(found["mdf", "dp"].unconfirmed) > 20
    assert () == found["annex-xii", "dp"].unconfirmed


def test_one_view_and_forms_without_views() -> None:
    """A view leaves out the others; a form whose fields name no recipients is checked once."""
    found = views(Dossier(), view="dp")

    assert {("mdf", "dp"), ("annex-xii", "dp"), ("annex-xi", ""), ("training-summary", "")} == set(found)


def test_another_form_is_checked_once_something_of_it_came() -> None:
    """A Framework has fields too; what no form knows is named."""
    story = Dossier()
    send(story, "ss-framework", "aio", "SSF.1", "nonsense")
    send(story, "model-card", "aio", "x")

    assert "nonsense" in views(story)["ss-framework", ""].unknown
    assert ["model-card"] == [name for _, name in unknown_forms(story.case(), act())]


def test_what_was_sent_for_a_view_that_the_form_does_not_have_is_misdirected() -> None:
    """Annex XII goes to downstream providers; the same fields sent to an authority fill no gap."""
    story = Dossier()
    send(story, "annex-xii", "nca", "XII.1.a")
    found = views(story)

    assert ["XII.1.a"] == [field.id for field in found["annex-xii", "nca"].misdirected]
    assert 11 == len(found["annex-xii", "dp"].missing)
