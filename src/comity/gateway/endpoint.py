"""Endpoints: where a provider's calls go, as the operator wrote it, and where none may go.

A URL such as `https://api.example/v1` and nothing beside it: no user, no query, no
fragment, no second spelling.  Addresses that a machine's surroundings answer at
(link-local ones, and those under which clouds hand out credentials) are refused
unless the operator allows them, as a name in the URL and again as the address
that the name led to, before a byte is written there (CWE-918).

Not promised: that an address beyond these is the provider's; TLS shows that.
"""

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final
from urllib.parse import urlsplit

__all__ = ["Endpoint", "parse_endpoint", "refuse_address"]

METADATA_NAMES: Final = frozenset(
    ("metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal")
)
METADATA_ADDRESSES: Final = frozenset(
    map(ip_address, ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"))
)
"""Alibaba, Azure, Oracle, Amazon and Google over IPv6; their other addresses are link-local."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One provider's address, in parts."""

    secure: bool
    host: str
    port: int
    authority: str
    """As the `host` header names it."""
    prefix: str
    """What stands before `/v1` in every path."""


def parse_endpoint(url: str, *, link_local: bool = False) -> Endpoint:
    """Read an endpoint's URL; raises `ValueError`, whose text repeats nothing that could be a secret."""
    expected = "expected an upstream such as https://api.example/v1"
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise ValueError(f"{expected}, in printable ASCII without spaces")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"{expected}, got something that is no URL") from None
    if "@" in parts.netloc:
        raise ValueError(f"{expected}, got one with a user; the provider's key is kept in a file of its own")
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError(f"{expected}, got {url!r}")
    if "?" in url or "#" in url:
        raise ValueError(f"{expected}, got one with a query or a fragment")
    if not link_local and (because := refuse_address(host)):
        raise ValueError(because)
    return Endpoint(
        secure=parts.scheme == "https",
        host=host,
        port=port or {"http": 80, "https": 443}[parts.scheme],
        authority=parts.netloc,
        prefix=parts.path.rstrip("/").removesuffix("/v1"),
    )


def refuse_address(host: str) -> str:
    """Why nothing is sent to a name or an address; empty where nothing speaks against it."""
    because = (
        "the upstream leads to an address of this machine's own surroundings, where clouds hand out credentials; "
        "allow link-local upstreams if that is meant"
    )
    if host.rstrip(".").lower() in METADATA_NAMES:
        return because
    try:
        address = ip_address(host)
    except ValueError:
        return ""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return because if address.is_link_local or address in METADATA_ADDRESSES else ""
