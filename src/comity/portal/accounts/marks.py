"""Marks: by which pseudonym an entry names the account that entered it.

An item that is entered by form bears, among its `refs`,

    account:<role>-<12 hex digits>          account:handler-3f09c2a17be4

The digits are random and belong to one account for good.  Which account, the table of accounts alone says: no entry
holds a name, and with the row of an account the way from its entries to a person is gone, while the entries and their
proofs stay as they are.

Not promised: that the person was at the keyboard.  The entry is this house's, and the mark is what its portal says.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from comity.portal.accounts.models import Account

__all__ = ["PREFIX", "account_of_mark", "mark_of", "marks_in"]

PREFIX: Final = "account:"
SIZE: Final = 6


def mark_of(account: Any, random: Callable[[int], bytes]) -> str:
    """The reference by which entries name this account; drawn when it is first needed."""
    if not account.mark:
        account.mark = random(SIZE).hex()
        account.save(update_fields=["mark"])
    return f"{PREFIX}{account.role}-{account.mark}"


def marks_in(refs: Sequence[str]) -> list[str]:
    """Those of an entry's references that name an account."""
    return [one for one in refs if one.startswith(PREFIX)]


def account_of_mark(mark: str) -> Account | None:
    """The account that a reference names, if it is still there."""
    return Account.objects.filter(mark=mark.rpartition("-")[2]).exclude(mark="").first()
