"""PAdES: the signatures in a PDF, read with pyHanko and told as our own facts.

Signatures are CMS (RFC 5652) in a PDF (ISO 32000-2, section 12.8; ETSI EN 319 142-1); certificate paths follow
RFC 5280.  Nothing is fetched: revocation is judged by what the file embeds, in its document security store or in the
signature itself.

A certificate is checked at the time of a stamp (RFC 3161), where the file bears one that holds and leads to a given
root, and else at the time of the check: a signer's own clock proves nothing.

What came after a signature is judged by pyHanko's rules for signing and form filling.  What came before the first
one is ours to compare (`outside_signature_pages`), because those rules begin with a signature: a page that was
changed before it was signed is found as well as one that was changed after.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from typing import Any, Final

from comity.arrangement.errors import ContractRefused
from comity.arrangement.outside_signature import MAX_PDF, Coverage, OutsideSignature, Revocation, Since
from comity.arrangement.outside_signature_pages import changed_before

__all__ = ["read_signatures"]

MILLIMETRES: Final = 25.4 / 72
"""Of one point, the unit of a page."""

USAGES: Final = ("non_repudiation", "digital_signature")
"""Either makes a certificate one for signing; authorities issue both."""

PROBLEMS: Final = {
    "NO_CERTIFICATE_CHAIN_FOUND": "its certificate leads to none of the given roots",
    "NO_CERTIFICATE_CHAIN_FOUND_NO_POE": "its certificate leads to none of the given roots",
    "OUT_OF_BOUNDS_NO_POE": "its certificate was not valid at the time at which it was checked",
    "OUT_OF_BOUNDS_NOT_REVOKED": "its certificate was not valid at the time at which it was checked",
    "EXPIRED": "its certificate had expired at the time at which it was checked",
    "NOT_YET_VALID": "its certificate was not valid yet at the time at which it was checked",
    "REVOKED_NO_POE": "its certificate was revoked",
    "REVOKED": "its certificate was revoked",
    "REVOKED_CA_NO_POE": "a certificate above its own was revoked",
    "CHAIN_CONSTRAINTS_FAILURE": "its certificate is not one for signing",
    "CRYPTO_CONSTRAINTS_FAILURE_NO_POE": "its cryptography is too weak",
    "TRY_LATER": "information on revocation is missing",
}
"""pyHanko's names for why a certificate is not trusted (ETSI EN 319 102-1), in our words."""

NOT_ASKED: Final = "not looked at, because the signature is not intact"


def read_signatures(
    pdf: bytes, roots: Sequence[bytes], at: datetime, *, rendered: bytes
) -> tuple[bool, str, tuple[OutsideSignature, ...]]:
    """Whether the file keeps the syntax of PDF, what was added to the pages, and each signature in the file's order.

    Raises `ContractRefused`.  A file that does not begin with the rendered pages is not compared with them.
    """
    if len(pdf) > MAX_PDF:
        raise ContractRefused(f"expected a signed contract of at most {MAX_PDF} bytes; got {len(pdf)}")
    try:
        from pyhanko.pdf_utils.misc import PdfStrictReadError
    except ImportError:
        raise ContractRefused(
            "reading a signature needs pyHanko, which is not installed: pip install 'comity[contract]'"
        ) from None
    anchors = [_certificate(root) for root in roots]
    try:
        with _silent():
            try:
                return True, *_read(pdf, anchors, at, rendered, strict=True)
            except PdfStrictReadError:
                return False, *_read(pdf, anchors, at, rendered, strict=False)
    except Exception as error:  # somebody else's file in somebody else's reader: whatever it raises, it is refused
        raise ContractRefused(f"the file cannot be read as a signed PDF: {type(error).__name__}: {error}") from None


def _read(
    pdf: bytes, anchors: Sequence[Any], at: datetime, rendered: bytes, *, strict: bool
) -> tuple[str, tuple[OutsideSignature, ...]]:
    from pyhanko.pdf_utils.reader import PdfFileReader

    reader = PdfFileReader(BytesIO(pdf), strict=strict)
    embedded = reader.embedded_regular_signatures
    found = tuple(_one(reader, one, anchors, at) for one in embedded)
    signed = embedded[0].signed_revision if embedded else reader.xrefs.total_revisions - 1
    additions = ""
    if pdf.startswith(rendered):
        additions = changed_before(reader, PdfFileReader(BytesIO(rendered)), signed)
    return additions, found


@contextmanager
def _silent() -> Iterator[None]:
    """pyHanko tells its log what it finds, and whom; the verdict says it instead, and no log line names a person."""
    loggers = [logging.getLogger(name) for name in ("pyhanko", "pyhanko_certvalidator")]
    before = [logger.disabled for logger in loggers]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.disabled = True
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, disabled, level in zip(loggers, before, levels, strict=True):
            logger.disabled = disabled
            logger.setLevel(level)


def _certificate(source: bytes) -> Any:
    """A root, in pyHanko's type."""
    from asn1crypto import pem, x509

    try:
        der = pem.unarmor(source)[2] if pem.detect(source) else source
        certificate = x509.Certificate.load(der, strict=True)
        certificate.subject.native  # noqa: B018 (parsing is lazy; a broken certificate is refused here)
    except (ValueError, TypeError, KeyError):
        raise ContractRefused("expected a root certificate in PEM or DER; got something else") from None
    return certificate


def _one(reader: Any, embedded: Any, anchors: Sequence[Any], at: datetime) -> OutsideSignature:
    status = _status(reader, embedded, anchors, at, "soft-fail")
    stamp = status.timestamp_validity
    stamped: datetime | None = None
    stamp_problem = ""
    if stamp is not None:
        if stamp.intact and stamp.valid and stamp.trusted:
            stamped = stamp.timestamp.astimezone(UTC)
            status = _status(reader, embedded, anchors, stamped, "soft-fail")
        elif stamp.intact and stamp.valid:
            stamp_problem = _why(stamp)
        else:
            stamp_problem = "it is not intact"
    checked_at = stamped or at
    root = status.validation_path.first if status.trusted and status.validation_path is not None else None
    certificate = embedded.signer_cert
    claimed = status.signer_reported_dt or embedded.self_reported_timestamp
    return OutsideSignature(
        field=_text(embedded.field_name),
        intact=bool(status.intact and status.valid),
        coverage=_coverage(status.coverage),
        who=_text(certificate.subject.human_friendly),
        valid_from=certificate.not_valid_before,
        valid_until=certificate.not_valid_after,
        root=_text(root.subject.human_friendly) if root is not None else "",
        root_digest=sha256(root.dump()).hexdigest() if root is not None else "",
        why_not="" if root is not None else _why(status) if status.intact and status.valid else NOT_ASKED,
        claimed=claimed.astimezone(UTC) if claimed is not None else None,
        stamped=stamped,
        stamp_problem=stamp_problem,
        checked_at=checked_at,
        revocation=_revocation(status, reader, embedded, anchors, checked_at),
        since=_since(status, newest=embedded.signed_revision == reader.xrefs.total_revisions - 1),
        mark=_mark(embedded.sig_field),
    )


def _since(status: Any, *, newest: bool) -> Since:
    """What came after the revision that a signature covers, by pyHanko's rules for signing and form filling.

    Bytes after the newest revision belong to no revision, and nobody knows what another reader makes of them.
    """
    from pyhanko.sign.diff_analysis import ModificationLevel, SuspiciousModification

    if _coverage(status.coverage) == "the whole file":
        return "nothing"
    level = status.modification_level
    kept = not newest and level is not None and level <= ModificationLevel.FORM_FILLING and status.docmdp_ok
    return "signatures" if kept and not isinstance(status.diff_result, SuspiciousModification) else "changes"


def _mark(field: Any) -> str:
    """The size of the visible mark of a signature; empty where it shows none, or shows it apart from its field."""
    rect = [float(number) for number in field.get("/Rect", ())]
    if len(rect) != 4:
        return ""
    width, height = (abs(rect[2] - rect[0]) * MILLIMETRES, abs(rect[3] - rect[1]) * MILLIMETRES)
    return f"{width:.0f} × {height:.0f} mm" if width and height else ""


def _status(reader: Any, embedded: Any, anchors: Sequence[Any], at: datetime, mode: str) -> Any:
    from pyhanko.sign.validation import DocumentSecurityStore, validate_pdf_signature
    from pyhanko.sign.validation.errors import NoDSSFoundError
    from pyhanko.sign.validation.settings import KeyUsageConstraints
    from pyhanko_certvalidator import ValidationContext

    settings: dict[str, Any] = {
        "trust_roots": list(anchors),
        "moment": at,
        "revocation_mode": mode,
        "allow_fetching": False,
    }
    try:
        context = DocumentSecurityStore.read_dss(reader).as_validation_context(settings)
    except NoDSSFoundError:
        context = ValidationContext(**settings, crls=(), ocsps=())
    usage = KeyUsageConstraints(key_usage=USAGES)
    return validate_pdf_signature(embedded, context, key_usage_settings=usage)


def _revocation(status: Any, reader: Any, embedded: Any, anchors: Sequence[Any], at: datetime) -> Revocation:
    """By the information in the file alone: with "require" a path without such information is not trusted."""
    if status.revoked:
        return "revoked"
    if not status.trusted:
        return "no information in the file"
    strict = _status(reader, embedded, anchors, at, "require")
    return "not revoked" if strict.trusted else "no information in the file"


def _why(status: Any) -> str:
    name = getattr(status.trust_problem_indic, "name", "")
    return PROBLEMS.get(name, f"its certificate is not trusted ({name or 'no reason given'})")


def _coverage(level: Any) -> Coverage:
    from pyhanko.sign.validation import SignatureCoverageLevel

    if level == SignatureCoverageLevel.ENTIRE_FILE:
        return "the whole file"
    return "the whole file of its day" if level == SignatureCoverageLevel.ENTIRE_REVISION else "a part of the file"


def _text(raw: object) -> str:
    """A text out of a stranger's file, fit for a terminal."""
    return "".join(mark if mark.isprintable() else "?" for mark in str(raw))[:300]
