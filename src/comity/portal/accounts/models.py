"""The local tables: accounts and invitations.

Nothing about a case is kept here.  Which cases somebody sees follows from the account's organisation and from the
entries of the case that name its pseudonym; an account holds no right of its own that could drift from the record.
"""

from typing import Any, Final

from django.contrib.auth.models import AbstractUser
from django.db import models

__all__ = ["ROLES", "Account", "Invitation"]

ROLES: Final = {
    "handler": "case handler",
    "evaluator": "evaluator",
    "access": "access team",
    "expert": "independent expert",
    "administrator": "administrator",
}
"""Role → what a page calls it."""


class Account(AbstractUser):
    """Somebody who signs in."""

    role: Any = models.CharField(max_length=16, choices=list(ROLES.items()))
    organisation: Any = models.CharField(max_length=200, blank=True)
    """The party that the account acts for, as a case's opening names it."""
    person: Any = models.CharField(max_length=64, blank=True)
    """The pseudonym under which entries name this person; empty for who is never named."""
    invited_by: Any = models.CharField(max_length=150, blank=True)
    mark: Any = models.CharField(max_length=16, blank=True, default="")
    """Random digits by which entries name this account; empty until it enters something."""

    class Meta:
        verbose_name = "account"

    def __str__(self) -> str:
        return self.get_full_name() or self.username

    @property
    def role_said(self) -> str:
        """The role in words."""
        return ROLES.get(self.role, str(self.role))


class Invitation(models.Model):
    """A one-time link to sign in with. Only the digest of its secret is kept."""

    digest: Any = models.CharField(max_length=64, primary_key=True)
    account: Any = models.ForeignKey(Account, on_delete=models.CASCADE)
    expires: Any = models.DateTimeField()
    used: Any = models.DateTimeField(null=True)
