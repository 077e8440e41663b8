"""Sides: on whose behalf somebody acts, by whatever name the case knows them."""

import pytest
from stories import Story

from comity.engagement.sides import side_of
from comity.records import ContactNamed, PartyNamed


@pytest.mark.parametrize(
    ("by", "side"),
    [
        ("provider", "provider"), ("Aurora Systems", "provider"), (" aurora systems ", "provider"),
        ("authority", "authority"), ("OFFICE FOR AI", "authority"),
        ("mandate", "provider"), ("Union Mandate Ltd", "provider"), ("chambers", "provider"), ("counsel-1", "provider"),
        ("unit-3", "authority"), ("officer-1", "authority"),
        ("lab", "lab"), ("Outside Lab", "lab"), ("tester-1", "lab"), ("Somebody", "somebody"),
    ],
)  # fmt: skip
def test_a_name_leads_to_its_side(by: str, side: str) -> None:
    """A side's own names, its parties' and their contacts'; others act for themselves under their party's name."""
    story = Story()
    for party, role, organisation in (
        ("mandate", "representative", "Union Mandate Ltd"), ("chambers", "lawyer", "Chambers"),
        ("unit-3", "authority", "Third Unit"), ("lab", "external-evaluator", "Outside Lab"),
    ):  # fmt: skip
        story.tell(PartyNamed, party=party, role=role, organisation=organisation)
    for person, party in (("counsel-1", "chambers"), ("officer-1", "unit-3"), ("tester-1", "lab")):
        story.tell(ContactNamed, person=person, party=party, function="f")

    assert side == side_of(story.case(), by)
