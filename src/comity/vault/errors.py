"""Errors of the vault: one root, and a leaf wherever a caller branches."""


class VaultError(Exception):
    """Root of what this package raises for bad input."""


class MalformedRecipient(VaultError):
    """A recipient's key, public or private, is not in the one form that is known here."""


class MalformedSealed(VaultError):
    """The bytes are not a sealed item (`comity sealed/1`)."""


class MalformedDisclosure(VaultError):
    """The bytes are not a disclosure (`comity disclosure/1`)."""


class CannotOpen(VaultError):
    """The item does not open: another recipient's key, or changed bytes. Which of them cannot be told."""


class NotDisclosed(VaultError):
    """A disclosure does not show what its entry commits to, or does not hold the part that was asked for."""
