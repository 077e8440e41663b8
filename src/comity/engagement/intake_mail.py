"""Mail: what an `.eml` says of a message (RFC 5322), as far as a case needs it.

Read with the standard library.  Words, names and addresses stay in the file, which is sealed with its attachments;
in the clear stand digests and what whoever takes it in says.

| in the file | is |
|---|---|
| `Message-ID`, `In-Reply-To` | SHA-256 of each, because an id may hold an address |
| no `Message-ID` | SHA-256 of the whole file in its place |
| `Date` | the instant in UTC, where it states a zone; else nothing |
| `From`, `To`, `Cc` | the domains of the addresses, to find the parties by; they reach no entry |
| parts with a file's name, or of another type than text | attachments |

Limits: 32 MiB, 500 parts, 20 levels of parts, 100 attachments.

Not promised: that whoever is named as sender sent it.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses, parsedate_to_datetime
from hashlib import sha256
from typing import Final

from comity.engagement.documents import MAX_DOCUMENT
from comity.engagement.intake_calendar import IntakeRefused

__all__ = ["Attachment", "Mail", "read_mail"]

MAX_PARTS: Final = 500
MAX_DEPTH: Final = 20
MAX_ATTACHMENTS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that came with a message."""

    name: str = field(repr=False)
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One message."""

    message_id: str
    """SHA-256 in hex."""
    in_reply_to: str
    """SHA-256 in hex; empty where it answers none."""
    at: datetime | None
    sender: str = field(repr=False)
    """The domain of the sender's address; empty where there is none."""
    receivers: tuple[str, ...] = field(repr=False)
    attachments: tuple[Attachment, ...]


def read_mail(source: bytes) -> Mail:
    """Read one message; raises `IntakeRefused`, and never repeats its words."""
    if len(source) > MAX_DOCUMENT:
        raise IntakeRefused(f"expected a message of at most {MAX_DOCUMENT} bytes; got {len(source)}")
    try:
        message = message_from_bytes(source, policy=policy.default)
        headers = {name.lower() for name in message.keys()}
        if not isinstance(message, EmailMessage) or not headers & {"from", "date", "message-id"}:
            raise IntakeRefused("expected a message with From, Date or Message-ID; this file has none of them")
        return _read(message, source)
    except IntakeRefused:
        raise
    except Exception as fault:  # the parser is lenient, and its late errors may hold the message's words
        raise IntakeRefused(f"expected a message (RFC 5322); this one is not read ({type(fault).__name__})") from None


def _read(message: EmailMessage, source: bytes) -> Mail:
    named = str(message.get("Message-ID", "")).strip()
    replied = str(message.get("In-Reply-To", "")).strip()
    senders = _domains(message, "From")
    return Mail(
        message_id=sha256(named.encode("utf-8", "replace") if named else source).hexdigest(),
        in_reply_to=sha256(replied.encode("utf-8", "replace")).hexdigest() if replied else "",
        at=_date(message),
        sender=senders[0] if senders else "",
        receivers=tuple(dict.fromkeys([*_domains(message, "To"), *_domains(message, "Cc")])),
        attachments=_attachments(message),
    )


def _domains(message: EmailMessage, header: str) -> list[str]:
    found = getaddresses([str(value) for value in message.get_all(header, [])])
    return [address.rpartition("@")[2].strip("> ").lower() for _, address in found if "@" in address]


def _date(message: EmailMessage) -> datetime | None:
    try:
        at = parsedate_to_datetime(str(message.get("Date", "")))
    except (TypeError, ValueError, OverflowError):
        return None
    return at.astimezone(UTC) if at.tzinfo is not None else None


def _attachments(message: EmailMessage) -> tuple[Attachment, ...]:
    found: list[Attachment] = []
    waiting: list[tuple[EmailMessage, int]] = [(message, 0)]
    seen = 0
    while waiting:
        part, depth = waiting.pop()
        seen += 1
        if seen > MAX_PARTS or depth > MAX_DEPTH:
            raise IntakeRefused(f"expected at most {MAX_PARTS} parts in {MAX_DEPTH} levels; got more")
        if part.get_content_type() == "message/rfc822" or not part.is_multipart():
            name = part.get_filename() or ""
            if part is not message and (name or part.get_content_maintype() != "text"):
                found.append(Attachment(name=name, media_type=part.get_content_type(), content=_content(part)))
            continue
        waiting += [(one, depth + 1) for one in part.get_payload() if isinstance(one, EmailMessage)]
    if len(found) > MAX_ATTACHMENTS:
        raise IntakeRefused(f"expected at most {MAX_ATTACHMENTS} attachments; got {len(found)}")
    return tuple(reversed(found))


def _content(part: EmailMessage) -> bytes:
    if part.get_content_type() == "message/rfc822":
        return b"".join(bytes(one) for one in part.get_payload() if isinstance(one, EmailMessage))
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""
