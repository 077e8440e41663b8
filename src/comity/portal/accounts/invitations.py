"""Invitations: a one-time link for an account that has no way yet to sign in.

The link's secret is 256 random bits; its digest alone is kept.  It works once and for a limited time.  Looking at the
link's page uses nothing up: only the button does, so that a mail filter that follows links spoils none.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from allauth.mfa.models import Authenticator

from comity.portal.accounts.models import Account, Invitation

__all__ = ["LIFE", "account_of", "find", "invite", "make_account", "renew", "use"]

LIFE: Final = timedelta(hours=48)


def make_account(
    username: str, *, role: str, organisation: str, person: str = "", name: str = "", invited_by: str = ""
) -> Account:
    """An account that can be signed in to by invitation alone, or the one that is there, brought up to date."""
    account, new = Account.objects.get_or_create(username=username)
    account.role, account.organisation, account.person = role, organisation, person
    account.first_name, account.invited_by = name, invited_by
    if new:
        account.set_unusable_password()
    account.save()
    return account


def renew(account: Account) -> None:
    """Take away every way in that an account has: second factors, password, links and open sessions."""
    Authenticator.objects.filter(user=account).delete()
    Invitation.objects.filter(account=account, used=None).delete()
    account.set_unusable_password()  # open sessions rest on the password's digest, and end with it
    account.save(update_fields=["password"])


def invite(account: Account, at: datetime, random: Callable[[int], bytes], life: timedelta = LIFE) -> str:
    """The secret of a new link."""
    secret = random(32).hex()
    Invitation.objects.create(digest=_digest(secret), account=account, expires=at + life)
    return secret


def find(secret: str, at: datetime) -> Invitation | None:
    """The invitation of a secret, if it can still be used."""
    found = Invitation.objects.select_related("account").filter(digest=_digest(secret), used=None, expires__gt=at)
    one = found.first()
    return one if one is not None and one.account.is_active else None


def use(secret: str, at: datetime) -> Account | None:
    """The account that a secret lets in, once: of two at the same moment one is let in."""
    found = find(secret, at)
    if found is None:
        return None
    spent = Invitation.objects.filter(digest=found.digest, used=None, expires__gt=at).update(used=at)
    return found.account if spent == 1 else None


def account_of(username: str) -> Account | None:
    """The account of a name."""
    return Account.objects.filter(username=username).first()


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
