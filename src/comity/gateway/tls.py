"""TLS: the contexts of both sides of a gateway, each with certificates for both ends where that is wanted.

TLS 1.2 and 1.3 alone.  Towards callers a gateway shows its certificate, and where
`callers` names a file of authorities it takes nobody without a certificate of
one of them.  Towards a provider the certificate is always verified for the
endpoint's name, against the system's authorities or a file of the operator's,
and a certificate of our own is shown where one is given.

A private key lies in a file that its owner alone can read, without a passphrase:
a gateway starts unattended.

Not promised: that a certificate revoked by its authority is noticed.
"""

import ssl
import stat
from pathlib import Path
from typing import Final

__all__ = ["ServerTLS", "UnfitTLS", "client_context"]

EXPOSED: Final = stat.S_IRWXG | stat.S_IRWXO


class UnfitTLS(Exception):
    """A certificate, key or authority file cannot be used; the text names the file and what to do."""


def client_context(
    *, authorities: Path | None = None, certificate: Path | None = None, key: Path | None = None
) -> ssl.SSLContext:
    """The context for calls to a provider; raises `UnfitTLS`.

    Without `authorities` those of the system are trusted.
    """
    try:
        context = ssl.create_default_context(cafile=authorities)
    except (OSError, ssl.SSLError):
        raise UnfitTLS(f"{authorities}: expected a PEM file of certificate authorities") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if (certificate is None) != (key is None):
        raise UnfitTLS("expected a client certificate and its key together, got one of them")
    if certificate is not None and key is not None:
        _load(context, certificate, key)
    return context


class ServerTLS:
    """A gateway's own certificate, which can be read anew while it serves."""

    def __init__(self, *, certificate: Path, key: Path, callers: Path | None = None) -> None:
        """Raises `UnfitTLS`; with `callers`, a caller must show a certificate of one of these authorities."""
        self._certificate, self._key, self._callers = certificate, key, callers
        self.context = self._make()

    def _make(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION
        context.set_alpn_protocols(["http/1.1"])
        if self._callers is not None:
            try:
                context.load_verify_locations(cafile=self._callers)
            except (OSError, ssl.SSLError):
                raise UnfitTLS(f"{self._callers}: expected a PEM file of certificate authorities") from None
            context.verify_mode = ssl.CERT_REQUIRED
        _load(context, self._certificate, self._key)
        return context

    def reload(self) -> None:
        """Read certificate and key anew for the connections to come; raises `UnfitTLS` and then keeps the old ones."""
        self._make()  # a pair that does not fit must not replace half of the one in use
        _load(self.context, self._certificate, self._key)


def _load(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    try:
        mode = key.stat().st_mode
        if mode & EXPOSED:
            raise UnfitTLS(f"{key}: others than its owner can read this private key; run chmod 600 on it")
        context.load_cert_chain(certificate, key, password=_no_passphrase)
    except (OSError, ssl.SSLError) as error:
        raise UnfitTLS(
            f"{certificate}, {key}: expected a PEM certificate chain and the private key of its first certificate, "
            f"without a passphrase ({type(error).__name__})"
        ) from None


def _no_passphrase() -> bytes:
    """OpenSSL would otherwise ask at the terminal, and a gateway would wait there for ever."""
    raise OSError("a passphrase is wanted")
