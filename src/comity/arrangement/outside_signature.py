"""Outside signatures: a signature made elsewhere over the rendered contract, and what it establishes.

A party may sign the contract's PDF with a certificate, in whatever program and at whatever service it uses (an
advanced or a qualified electronic signature, PAdES).  Such a signature stands beside the machine signature and never
replaces it: nothing runs on it.

`judge` compares and reads, and answers with facts, each on its own:

1. the file begins with exactly the bytes that these terms render to (`contract_pdf`): the pages that were signed
   are this arrangement's, and its digest stands on each of them
2. nothing was added to them but signatures, their form fields, stamps, and information to validate them
3. each signature is intact: its digest and its cryptography hold
4. each covers the whole file as it was when it was made, and what came after it is signatures again
5. each certificate leads to one of the given roots, at the time of signing where a trusted stamp tells that time,
   and else at the time of checking
6. whether the certificate was revoked, as far as the file itself brings information on that

Checking is offline: no certificate, list or answer is fetched.

    verdict = judge(pdf, terms, roots, at)
    verdict.problems()   ()             nothing speaks against keeping it

Not promised: that a signature is *qualified*, which takes the state's list of trusted services; that the name in a
certificate may sign for its party; that a visible mark placed on a page hides nothing of it; that a certificate was
not revoked, where the file brings no information on that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final, Literal

from comity.arrangement.contract_pdf import render_contract
from comity.arrangement.contract_words import counted, moment
from comity.arrangement.terms import Terms

__all__ = ["LEVEL", "MAX_PDF", "OutsideSignature", "OutsideVerdict", "judge"]

MAX_PDF: Final = 16_777_216
"""Bytes of a signed contract: a hundred times the pages, for lists of revoked certificates that signers embed."""

LEVEL: Final = "advanced; qualified is not established offline"
"""The level under the eIDAS Regulation (Art. 3(11) and (12)) that a check without the trusted lists can state."""

TOLERATED: Final = "broken in places; another reader may show it otherwise"

SINCE: Final = {
    "nothing": "nothing was added",
    "signatures": "nothing was added but signatures and what belongs to them",
    "changes": "the file was changed",
}

Coverage = Literal["the whole file", "the whole file of its day", "a part of the file"]
Since = Literal["nothing", "signatures", "changes"]
Revocation = Literal["not revoked", "revoked", "no information in the file"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideSignature:
    """What was established about one signature in the file, each fact on its own."""

    field: str
    """The signature's own name within the file."""
    intact: bool
    """Its digest is that of the bytes it covers, and its cryptography holds. Says nothing about who signed."""
    coverage: Coverage
    who: str
    """The subject of the certificate. It may name a person, so it goes into no entry."""
    valid_from: datetime
    valid_until: datetime
    """When the certificate ends; a signature may be older than that."""
    root: str
    """The given root that the certificate leads to; empty where it leads to none."""
    root_digest: str
    """SHA-256 of that root's certificate, in hex; empty where there is none."""
    why_not: str
    """Why the certificate is not trusted; empty where it is."""
    claimed: datetime | None
    """When the signer's own clock said it was."""
    stamped: datetime | None
    """When a stamp by a service under one of the given roots says that it was; only such a stamp counts."""
    stamp_problem: str
    """Why a stamp that is there does not count."""
    checked_at: datetime
    """The time at which the certificate was checked: the stamp's, or else that of the check."""
    revocation: Revocation
    since: Since
    """What was added to the file after this signature."""
    mark: str
    """The size of its visible mark on a page; empty where it shows none. A mark may hide what it covers."""

    @property
    def trusted(self) -> bool:
        """Whether the certificate leads to a given root at the time at which it was checked."""
        return bool(self.root) and not self.why_not

    def problems(self) -> tuple[str, ...]:
        """What speaks against relying on it."""
        found = []
        if not self.intact:
            found.append("is not intact: the signed bytes or the signature were changed")
        if self.coverage == "a part of the file":
            found.append("covers only a part of the file, so the rest is not signed")
        elif self.since == "changes":
            found.append("covers pages that were changed after it was made")
        if self.intact and not self.trusted:
            found.append(f"is not trusted: {self.why_not or 'its certificate leads to none of the given roots'}")
        if self.stamp_problem:
            found.append(f"bears a stamp that does not count: {self.stamp_problem}")
        return tuple(f"the signature {self.field} {problem}" for problem in found)

    def facts(self) -> tuple[tuple[str, str], ...]:
        """Each fact under its name, for people."""
        signed = "the signer's own clock says " + moment(self.claimed) if self.claimed else "not stated"
        if self.stamped:
            signed = f"{moment(self.stamped)}, by a trusted stamp"
        return (
            ("intact", "yes" if self.intact else "no"),
            ("covers", self.coverage),
            ("since then", SINCE[self.since]),
            ("mark", self.mark or "none on the pages"),
            ("who", self.who),
            ("certificate", f"from {moment(self.valid_from)}, until {moment(self.valid_until)}"),
            ("trusted", f"to {self.root}, at {moment(self.checked_at)}" if self.trusted else f"no: {self.why_not}"),
            ("revoked", self.revocation),
            ("signed", signed),
            ("stamped", "yes" if self.stamped else f"no{f': {self.stamp_problem}' if self.stamp_problem else ''}"),
            ("level", LEVEL if self.intact and self.trusted else "none established"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideVerdict:
    """What was established about a signed contract."""

    arrangement: str
    version: int
    digest: str
    """Of the terms."""
    rendered: str
    """SHA-256 of the PDF that these terms render to, in hex."""
    signed: str
    """SHA-256 of the file that was brought, in hex."""
    strict: bool
    """What was added keeps the syntax of PDF; where it does not, another reader may show it otherwise."""
    same_pages: bool
    """The file begins with exactly the rendered PDF."""
    additions: str
    """What was added to it beside signatures; empty where nothing was."""
    signatures: tuple[OutsideSignature, ...]
    """In the order in which they were made."""

    def problems(self) -> tuple[str, ...]:
        """What speaks against keeping the file; empty where nothing does."""
        found = []
        if not self.same_pages:
            found.append(
                "the file does not begin with the contract that these terms render to: other terms, another release, "
                "or a file that was written anew instead of being added to"
            )
        elif self.additions:
            found.append(f"the pages were changed before they were signed: {self.additions}")
        if not self.signatures:
            found.append("the file bears no signature")
        return (*found, *(problem for signature in self.signatures for problem in signature.problems()))

    def _added(self) -> str:
        if not self.same_pages:
            return "not compared"
        return self.additions or "signatures and what belongs to them, nothing else"

    def lines(self) -> tuple[str, ...]:
        """The facts, one on each line."""
        heads = [
            f"arrangement  {self.arrangement}, version {self.version}",
            f"digest       {self.digest}",
            f"pages        {'those of these terms, byte for byte' if self.same_pages else 'not those of these terms'}",
            f"additions    {self._added()}",
            f"syntax       {'that of PDF' if self.strict else TOLERATED}",
            f"signatures   {counted(len(self.signatures), 'signature')}",
        ]
        for number, signature in enumerate(self.signatures, 1):
            heads.append(f"{number}. {signature.field}")
            heads += [f"   {name:<11} {fact}" for name, fact in signature.facts()]
        return tuple(heads)


def judge(pdf: bytes, terms: Terms, roots: Sequence[bytes], at: datetime) -> OutsideVerdict:
    """What a signed contract establishes about these terms, at a time.

    `roots` are certificates in PEM or DER that the reader trusts, for signers and for stamps.  Raises
    `ContractRefused` for a file that is no PDF, or where pyHanko or Typst is not installed.
    """
    from comity.arrangement.outside_signature_pades import read_signatures

    rendered = render_contract(terms)
    strict, additions, signatures = read_signatures(pdf, roots, at, rendered=rendered)
    return OutsideVerdict(
        arrangement=terms.id,
        version=terms.version,
        digest=terms.digest,
        rendered=sha256(rendered).hexdigest(),
        signed=sha256(pdf).hexdigest(),
        strict=strict,
        same_pages=pdf.startswith(rendered),
        additions=additions,
        signatures=signatures,
    )
