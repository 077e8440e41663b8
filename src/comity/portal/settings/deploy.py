"""Settings by place: behind TLS, and on this machine alone."""

from collections.abc import Sequence
from typing import Any, Final

from comity.portal.house import House
from comity.portal.settings.base import base

__all__ = ["deploy", "local"]

YEAR: Final = 31_536_000


def deploy(house: House, hosts: Sequence[str]) -> dict[str, Any]:
    """A portal that browsers reach over TLS, under names that are listed.

    The proxy before it ends TLS and states `X-Forwarded-Proto`; it must drop what a visitor sends under that name.
    """
    return base(house) | {
        "ALLOWED_HOSTS": list(hosts),
        "CSRF_TRUSTED_ORIGINS": [f"https://{host}" for host in hosts],
        "SECURE_SSL_REDIRECT": True,
        "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
        "SECURE_HSTS_SECONDS": YEAR,
        "SECURE_HSTS_INCLUDE_SUBDOMAINS": True,
        "SECURE_HSTS_PRELOAD": True,
        "SESSION_COOKIE_SECURE": True,
        "SESSION_COOKIE_NAME": "__Host-comity",
        "CSRF_COOKIE_SECURE": True,
        "CSRF_COOKIE_NAME": "__Host-comity-form",
    }


def local(house: House, *, link_is_enough: bool = False) -> dict[str, Any]:
    """A portal on this machine alone, where no TLS stands between browser and server.

    `link_is_enough` lets a one-time link of the terminal stand for both factors: the demo's, and nobody else's.
    """
    return base(house) | {
        "ALLOWED_HOSTS": ["localhost", "127.0.0.1"],
        "SESSION_COOKIE_NAME": "comity",
        "CSRF_COOKIE_NAME": "comity-form",
        "MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN": True,
        "LINK_IS_ENOUGH": link_is_enough,
    }
