"""The Django app of the accounts."""

from django.apps import AppConfig

__all__ = ["AccountsConfig"]


class AccountsConfig(AppConfig):
    """Accounts and invitations."""

    name = "comity.portal.accounts"
    label = "accounts"
