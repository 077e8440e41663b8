"""Settings of the tests: local, with hashes that cost little."""

from typing import Any

from comity.portal.house import House
from comity.portal.settings.deploy import local

__all__ = ["test"]


def test(house: House, **more: Any) -> dict[str, Any]:
    """A portal for the test client and for browsers on this machine."""
    return local(house) | {
        "ALLOWED_HOSTS": ["localhost", "127.0.0.1", "testserver"],
        "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
        **more,
    }
