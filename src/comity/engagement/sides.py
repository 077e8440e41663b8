"""Sides: on whose behalf somebody acts in a case.

`by` of an item is a side, a party's short name, an organisation, or a pseudonym.  `side_of` says which side that is:

| named | is |
|---|---|
| `authority`, the authority's name, a party in the role of authority | authority |
| `provider`, the provider's name, a party in the role of provider, representative or lawyer | provider |
| a contact | the side of the contact's party |
| a party in another role, by its short name or its organisation's | its short name, in lower case |
| anybody else | themselves: the name as it stands, in lower case |

So who checks the provider's claim in the name of the provider's lawyer has not looked from outside.

Not promised: that two names are two people. A pseudonym that nobody tied to a party stands for itself.
"""

from typing import Final

from comity.engagement.case import Case
from comity.records import ContactNamed, PartyNamed

__all__ = ["AUTHORITY", "PROVIDER", "side_of"]

AUTHORITY: Final = "authority"
PROVIDER: Final = "provider"

ROLES: Final = {"authority": AUTHORITY, "provider": PROVIDER, "representative": PROVIDER, "lawyer": PROVIDER}
"""A party's role → the side that it acts for; other roles act for themselves."""


def side_of(case: Case, by: str) -> str:
    """The side on whose behalf somebody acts; their own name where it is neither."""
    name = by.strip().casefold()
    for _, contact in case.records(ContactNamed):
        if contact.person.casefold() == name:
            name = contact.party.strip().casefold()
            break
    opening = case.opening
    known = {
        AUTHORITY: AUTHORITY,
        PROVIDER: PROVIDER,
        opening.authority.casefold(): AUTHORITY,
        opening.provider.casefold(): PROVIDER,
    }
    if name in known:
        return known[name]
    for _, party in case.records(PartyNamed):
        if name in (party.party.casefold(), party.organisation.casefold()):
            return ROLES.get(party.role, party.party.casefold())
    return name
