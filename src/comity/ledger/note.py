"""Signed notes: text, and who signed it (c2sp.org/signed-note).

    text, ending in a newline
    (an empty line)
    — <name> <base64(4-byte key ID || signature)>        one or more; U+2014, single spaces

The whole is UTF-8 without control characters below U+0020 other than the newline.
The text may hold empty lines; the last empty line of the note ends it.
A key is known by its name and its ID *together*.

Vocabulary: a *signer* holds a private key, a *verifier* a public one; the *blob* is what follows the
key ID inside the base64 (for a cosignature it begins with a time; see `cosignature`).

The rule of `open_note`: a signature by an unknown key is ignored, a signature by a known key that
fails rejects the whole note, and so does the absence of any known key. Of two lines with the same
name and ID the first counts, as in Go.

Stricter than the specification: base64 must be the canonical spelling.
Limits, both Go's: a note has at most 1,000,000 bytes and 100 signatures (the specification asks for at
least 16).

Not promised: that text came from whom it names. Only what `OpenedNote.verified` lists is established.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Protocol

from comity.ledger.encoding import decode_base64, encode_base64
from comity.ledger.errors import BadSignature, MalformedNote, NotSigned

MAX_NOTE_BYTES: Final = 1_000_000
MAX_SIGNATURES: Final = 100
KEY_ID_SIZE: Final = 4
SIGNATURE_MARK: Final = "\N{EM DASH} "

_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")

KeyKind = Literal["ed25519", "ed25519-cosigner", "mldsa44-cosigner"]
"""Signature types 01, 04 and 06 of signed-note."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteSignature:
    """One signature line, not yet checked."""

    name: str
    key_id: bytes
    blob: bytes
    """What follows the key ID."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note as parsed: nothing in it is established until `open_note`."""

    text: str
    signatures: tuple[NoteSignature, ...]


class Verifier(Protocol):
    """A public key under a name."""

    @property
    def name(self) -> str: ...
    @property
    def key_id(self) -> bytes: ...
    @property
    def kind(self) -> KeyKind: ...
    @property
    def public(self) -> bytes: ...
    @property
    def vkey(self) -> str: ...
    def check(self, text: str, blob: bytes) -> datetime | None:
        """Raise `BadSignature`, or answer the time inside the signature (None where it states none)."""
        ...


class Signer(Protocol):
    """A private key under a name."""

    @property
    def name(self) -> str: ...
    @property
    def key_id(self) -> bytes: ...
    @property
    def kind(self) -> KeyKind: ...
    @property
    def vkey(self) -> str: ...
    @property
    def verifier(self) -> Verifier: ...
    def sign_note(self, text: str, at: datetime | None = None) -> NoteSignature:
        """Sign; a cosigner must be told the time, a plain key must not."""
        ...

    def private_text(self) -> str:
        """The line that a key file holds."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedSignature:
    """A signature that verified, the key it verified under, and the time it states."""

    verifier: Verifier
    signature: NoteSignature
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedNote:
    """A note that at least one known key signed."""

    text: str
    verified: tuple[VerifiedSignature, ...]
    unknown: tuple[NoteSignature, ...]


def is_key_name(name: str) -> bool:
    """Whether a key may bear this name: not empty, no Unicode space, no plus, nothing a note cannot hold."""
    return name != "" and not any(
        c == "+" or c < " " or c.isspace() or "\ud800" <= c <= "\udfff" for c in name
    )


def parse_note(data: bytes) -> Note:
    """Read a note, or raise `MalformedNote` and nothing else."""
    if len(data) > MAX_NOTE_BYTES:
        raise MalformedNote(f"a note has at most {MAX_NOTE_BYTES} bytes, {len(data)} came")
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError as e:
        raise MalformedNote(f"not UTF-8 at byte {e.start}", line=data.count(b"\n", 0, e.start) + 1) from None
    _refuse_controls(whole)
    split = whole.rfind("\n\n")
    if split < 0:
        raise MalformedNote("no empty line between text and signatures")
    text, signed = whole[: split + 1], whole[split + 2 :]
    first = text.count("\n") + 2
    if not signed.endswith("\n"):
        raise MalformedNote(
            "signature lines are expected after the last empty line, each ending in a newline",
            line=first + signed.count("\n"),
        )
    lines = signed[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise MalformedNote(f"a note has at most {MAX_SIGNATURES} signatures, {len(lines)} came")
    return Note(text=text, signatures=tuple(parse_signature(line, first + n) for n, line in enumerate(lines)))


def format_note(note: Note) -> bytes:
    """The bytes of a note. `parse_note` gives the same note back."""
    if not note.text.endswith("\n"):
        raise MalformedNote("the text of a note ends in a newline")
    if not 1 <= len(note.signatures) <= MAX_SIGNATURES:
        raise MalformedNote(f"a note has 1 to {MAX_SIGNATURES} signatures, not {len(note.signatures)}")
    _refuse_controls(note.text)
    whole = note.text + "\n" + "".join(format_signature(s) for s in note.signatures)
    try:
        data = whole.encode("utf-8")
    except UnicodeEncodeError:
        raise MalformedNote("the text holds a lone surrogate, which UTF-8 cannot carry") from None
    if len(data) > MAX_NOTE_BYTES:
        raise MalformedNote(f"a note has at most {MAX_NOTE_BYTES} bytes, this has {len(data)}")
    return data


def parse_signature(line: str, number: int | None = None) -> NoteSignature:
    """Read one signature line without its newline; `number` is the line to name in an error."""
    if not line.startswith(SIGNATURE_MARK):
        raise MalformedNote("a signature line begins with an em dash (U+2014) and a space", line=number)
    name, space, encoded = line.removeprefix(SIGNATURE_MARK).partition(" ")
    if not space or not is_key_name(name):
        raise MalformedNote(
            "a signature line is '— <name> <base64>', the name without spaces or plus", line=number
        )
    try:
        blob = decode_base64(encoded)
    except ValueError as e:
        raise MalformedNote(f"signature of {name!r}: {e}", line=number) from None
    if len(blob) <= KEY_ID_SIZE:
        raise MalformedNote(
            f"signature of {name!r} has {len(blob)} bytes; a 4-byte key ID and more is expected", line=number
        )
    return NoteSignature(name=name, key_id=blob[:KEY_ID_SIZE], blob=blob[KEY_ID_SIZE:])


def format_signature(signature: NoteSignature) -> str:
    """The line of one signature, with its newline."""
    if not is_key_name(signature.name) or len(signature.key_id) != KEY_ID_SIZE or not signature.blob:
        raise MalformedNote(f"{signature!r} cannot be written as a signature line")
    return f"{SIGNATURE_MARK}{signature.name} {encode_base64(signature.key_id + signature.blob)}\n"


def sign_note(text: str, signers: Iterable[Signer], at: datetime | None = None) -> bytes:
    """The bytes of `text` signed by each signer in turn; cosigners state the time `at`."""
    return format_note(
        Note(
            text=text,
            signatures=tuple(s.sign_note(text, None if s.kind == "ed25519" else at) for s in signers),
        )
    )


def open_note(data: bytes, verifiers: Iterable[Verifier]) -> OpenedNote:
    """Read a note and establish who among `verifiers` signed it.

    Raises `MalformedNote`; `BadSignature` if a known key's signature fails; `NotSigned` if no known
    key signed.
    """
    known: dict[tuple[str, bytes], Verifier] = {}
    for verifier in verifiers:
        other = known.setdefault((verifier.name, verifier.key_id), verifier)
        if other.vkey != verifier.vkey:
            raise AssertionError(
                f"two keys share the name {verifier.name!r} and the ID {verifier.key_id.hex()}"
            )
    note = parse_note(data)
    verified: list[VerifiedSignature] = []
    unknown: list[NoteSignature] = []
    seen: set[tuple[str, bytes]] = set()
    for signature in note.signatures:
        identity = (signature.name, signature.key_id)
        key = known.get(identity)
        if key is None:
            unknown.append(signature)
        elif identity not in seen:
            seen.add(identity)
            try:
                at = key.check(note.text, signature.blob)
            except BadSignature as e:
                raise BadSignature(f"signature of {key.name!r} ({key.key_id.hex()}): {e}") from None
            verified.append(VerifiedSignature(verifier=key, signature=signature, at=at))
    if not verified:
        wanted = ", ".join(f"{name}+{key_id.hex()}" for name, key_id in known) or "none"
        came = ", ".join(f"{s.name}+{s.key_id.hex()}" for s in unknown)
        raise NotSigned(f"no known key signed this note: known are {wanted}; it is signed by {came}")
    return OpenedNote(text=note.text, verified=tuple(verified), unknown=tuple(unknown))


def _refuse_controls(text: str) -> None:
    if found := _CONTROL.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise MalformedNote("a note holds no control character but the newline", line=line)
