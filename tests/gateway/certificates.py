"""Certificate authorities that live for one test, and what they certify."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


@dataclass
class Pair:
    """A certificate and its key, in files."""

    certificate: Path
    key: Path


class Authority:
    """A certificate authority of one test."""

    def __init__(self, folder: Path, common: str) -> None:
        self.folder, self.name, self.key = folder, name(common), ec.generate_private_key(ec.SECP256R1())
        built = self._begin(self.name, self.key, 1, 1).add_extension(x509.BasicConstraints(True, 0), critical=True)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        self.certificate = built.add_extension(usage, critical=True).sign(self.key, hashes.SHA256())
        self.file = folder / f"{common}.pem"
        self.file.write_bytes(self.certificate.public_bytes(Encoding.PEM))

    def _begin(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, since: int, until: int
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        begun = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key.public_key())
        begun = begun.serial_number(x509.random_serial_number())
        begun = begun.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        begun = begun.add_extension(issuer, critical=False)
        return begun.not_valid_before(now - timedelta(days=since)).not_valid_after(now + timedelta(days=until))

    def pair(
        self,
        common: str,
        *,
        client: bool = False,
        since: int = 1,
        until: int = 1,
        hosts: tuple[str, ...] = ("127.0.0.1", "localhost"),
        locked: KeySerializationEncryption | None = None,
    ) -> Pair:
        """A certificate for a server on this machine, or for a client."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.IPAddress(ip_address(h)) if h[0].isdigit() else x509.DNSName(h) for h in hosts]
        use = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        built = self._begin(name(common), key, since, until)
        built = built.add_extension(x509.SubjectAlternativeName(names), critical=False)
        built = built.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        made = Pair(self.folder / f"{common}.pem", self.folder / f"{common}.key")
        made.certificate.write_bytes(built.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM))
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked or NoEncryption())
        made.key.touch(0o600)
        made.key.write_bytes(private)
        return made
