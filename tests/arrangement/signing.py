"""A certificate authority, a stamping service and signers, made for the tests; and PDFs signed by them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from typing import Any, NamedTuple

from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers, timestamps
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

BEGINS = datetime(2026, 1, 1, tzinfo=UTC)
ENDS = datetime(2028, 1, 1, tzinfo=UTC)
SIGNED = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)
CHECKED = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)


class Holder(NamedTuple):
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def asn1(self) -> Any:
        return asn1_x509.Certificate.load(self.certificate.public_bytes(serialization.Encoding.DER))

    @property
    def asn1_key(self) -> Any:
        der = self.key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return asn1_keys.PrivateKeyInfo.load(der)


def _usage(**allowed: bool) -> x509.KeyUsage:
    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: allowed.get(name, False) for name in names})


def _name(called: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.COUNTRY_NAME, "BE"), x509.NameAttribute(NameOID.COMMON_NAME, called)]
    )


@cache
def authority(called: str = "Root of Trust") -> Holder:
    """A root."""
    key = ec.generate_private_key(ec.SECP256R1())
    built = (
        x509.CertificateBuilder()
        .subject_name(_name(called)).issuer_name(_name(called)).public_key(key.public_key()).serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC)).not_valid_after(datetime(2040, 1, 1, tzinfo=UTC))
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )  # fmt: skip
    return Holder(built.sign(key, hashes.SHA256()), key)


@cache
def signer(called: str, *, by: Holder | None = None, until: datetime = ENDS, stamps: bool = False) -> Holder:
    """Somebody with a certificate for signing, or a service that stamps."""
    issuer = by or authority()
    # pyHanko's stamping service for tests signs with RSA alone.
    key = rsa.generate_private_key(65_537, 2_048) if stamps else ec.generate_private_key(ec.SECP256R1())
    public = issuer.key.public_key()
    built = (
        x509.CertificateBuilder()
        .subject_name(_name(called)).issuer_name(issuer.certificate.subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(BEGINS).not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=stamps, content_commitment=not stamps), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .add_extension(
            x509.CRLDistributionPoints(
                [x509.DistributionPoint([x509.UniformResourceIdentifier("http://crl.example/1")], None, None, None)]
            ),
            critical=False,
        )
    )  # fmt: skip
    if stamps:
        built = built.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    return Holder(built.sign(issuer.key, hashes.SHA256()), key)


def revocations(*revoked: Holder, by: Holder | None = None, on: datetime = datetime(2026, 11, 20, tzinfo=UTC)) -> bytes:
    """A list of revoked certificates, good from November 2026 to January 2027."""
    issuer = by or authority()
    built = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(datetime(2026, 11, 24, tzinfo=UTC)).next_update(datetime(2027, 1, 1, tzinfo=UTC))
        .add_extension(x509.CRLNumber(1), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False
        )
    )  # fmt: skip
    for holder in revoked:
        one = x509.RevokedCertificateBuilder().serial_number(holder.certificate.serial_number).revocation_date(on)
        built = built.add_revoked_certificate(one.build())
    return built.sign(issuer.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def sign(
    pdf: bytes,
    holder: Holder,
    field: str = "Signature1",
    *,
    stamper: Holder | None = None,
    stamped: datetime = SIGNED,
    crls: Sequence[bytes] = (),
    box: tuple[int, int, int, int] | None = None,
    chain: Sequence[Holder] = (),
    strict: bool = True,
) -> bytes:
    """The PDF with one more signature in one more revision, as a signing program would add it."""
    writer = IncrementalPdfFileWriter(BytesIO(pdf), strict=strict)
    store = SimpleCertificateStore.from_certs([one.asn1 for one in (authority(), *chain)])
    made = signers.SimpleSigner(
        signing_cert=holder.asn1, signing_key=holder.asn1_key, cert_registry=store, embed_roots=False
    )
    context = None
    if crls:
        roots = [authority().asn1]
        context = ValidationContext(trust_roots=roots, crls=list(crls), allow_fetching=False, moment=stamped)
    meta = signers.PdfSignatureMetadata(
        field_name=field,
        md_algorithm="sha256",
        subfilter=fields.SigSeedSubFilter.PADES,
        embed_validation_info=bool(crls),
        validation_context=context,
    )
    stamps = None
    if stamper is not None:
        stamps = timestamps.DummyTimeStamper(stamper.asn1, stamper.asn1_key, store, fixed_dt=stamped)
    spec = fields.SigFieldSpec(field, on_page=0, box=box) if box else None
    out = signers.sign_pdf(writer, meta, signer=made, timestamper=stamps, new_field_spec=spec)
    return bytes(out.getvalue())
