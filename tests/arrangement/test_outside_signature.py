"""Outside signatures: what a signature made elsewhere over the contract establishes, fact by fact."""

import logging
import re
import socket
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from signing import CHECKED, SIGNED, authority, revocations, sign, signer
from specimen import terms

from comity.arrangement import ContractRefused, Terms
from comity.arrangement.contract_pdf import render_contract
from comity.arrangement.outside_signature import LEVEL, OutsideVerdict, judge

ADA, BO = signer("Ada Officer"), signer("Bo Counsel")
STAMPS = signer("Stamping Service", stamps=True)
STRANGER = authority("Root of Nobody")
SHORT = signer("Cy Former", until=datetime(2026, 11, 25, 12, tzinfo=UTC))


@cache
def pages() -> bytes:
    return render_contract(terms())


@cache
def once() -> bytes:
    return sign(pages(), ADA)


def judged(pdf: bytes, of: Terms | None = None, roots: tuple[bytes, ...] = ()) -> OutsideVerdict:
    return judge(pdf, of or terms(), roots or (authority().pem,), CHECKED)


def changed(pdf: bytes, mend: Any) -> bytes:
    """The PDF with one more revision in which `mend` changed something."""
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    mend(writer)
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def test_a_good_signature_is_told_fact_by_fact() -> None:
    """Intact, whole file, trusted to which root, when and by which clock, who, and no level that was not shown."""
    verdict = judged(once())
    (signature,) = verdict.signatures

    assert () == verdict.problems()
    assert (terms().id, 1, terms().digest) == (verdict.arrangement, verdict.version, verdict.digest)
    assert signature.intact and verdict.strict
    assert ("the whole file", "nothing", "") == (signature.coverage, signature.since, signature.mark)
    assert "Root of Trust" in signature.root
    assert "Ada Officer" in signature.who
    assert (None, "", CHECKED) == (signature.stamped, signature.stamp_problem, signature.checked_at)
    assert "no information in the file" == signature.revocation
    assert "advanced; qualified is not established offline" == LEVEL
    facts = dict(signature.facts())
    assert LEVEL == facts["level"]
    assert facts["signed"].startswith("the signer's own clock says ")
    assert f"digest       {terms().digest}" in verdict.lines()
    assert "   intact      yes" in verdict.lines()


def test_a_stamp_tells_the_time_and_the_certificate_is_checked_then() -> None:
    """A certificate that ended since was good when it signed, if a trusted stamp says when that was."""
    (signature,) = judged(sign(pages(), SHORT, stamper=STAMPS)).signatures

    assert (SIGNED, SIGNED) == (signature.stamped, signature.checked_at)
    assert signature.trusted
    assert "25 November 2026, 10:30 UTC, by a trusted stamp" == dict(signature.facts())["signed"]


def test_a_certificate_that_ended_is_not_trusted_without_a_stamp() -> None:
    """The signer's own clock does not prove that the certificate was good in its day."""
    verdict = judged(sign(pages(), SHORT))

    assert verdict.signatures[0].intact
    assert not verdict.signatures[0].trusted
    assert (
        "the signature Signature1 is not trusted: its certificate was not valid at the time at which it was checked",
    ) == verdict.problems()
    assert "none established" == dict(verdict.signatures[0].facts())["level"]


def test_an_unknown_root_is_not_trusted() -> None:
    """A certificate counts only under a root that the reader gave."""
    verdict = judged(once(), roots=(STRANGER.pem,))

    assert (
        "the signature Signature1 is not trusted: its certificate leads to none of the given roots",
    ) == verdict.problems()
    assert "" == verdict.signatures[0].root_digest


def test_a_stamp_under_an_unknown_root_does_not_count() -> None:
    """Who stamps decides what the time is worth; a stranger's stamp is a problem and no time."""
    stranger = signer("Stamping Stranger", by=STRANGER, stamps=True)
    verdict = judged(sign(pages(), ADA, stamper=stranger, chain=(STRANGER,)))

    assert verdict.signatures[0].stamped is None
    assert (
        "the signature Signature1 bears a stamp that does not count: "
        "its certificate leads to none of the given roots",
    ) == verdict.problems()


def test_revocation_is_judged_by_what_the_file_brings() -> None:
    """A list embedded with the signature shows that the certificate stands; its lack shows nothing."""
    verdict = judged(sign(pages(), ADA, stamper=STAMPS, crls=[revocations()]))

    assert () == verdict.problems()
    assert "not revoked" == verdict.signatures[0].revocation
    assert "signatures" == verdict.signatures[0].since
    assert "no information in the file" == judged(once()).signatures[0].revocation


def test_a_revoked_certificate_is_not_trusted() -> None:
    """A list in the file that names the certificate ends its trust."""
    from pyhanko.sign.validation.dss import DocumentSecurityStore
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    out = BytesIO(once())
    from asn1crypto import crl

    DocumentSecurityStore.add_dss(
        output_stream=out,
        sig_contents=None,
        certs=SimpleCertificateStore.from_certs([authority().asn1]),
        crls=[crl.CertificateList.load(revocations(ADA))],
    )
    verdict = judged(out.getvalue())

    assert "revoked" == verdict.signatures[0].revocation
    assert any("was revoked" in problem for problem in verdict.problems())


def test_two_signers_sign_one_after_the_other() -> None:
    """The second signature covers the first; each has its own facts, in the order in which they were made."""
    verdict = judged(sign(once(), BO, "Signature2", stamper=STAMPS))
    first, second = verdict.signatures

    assert () == verdict.problems()
    assert ("the whole file of its day", "signatures") == (first.coverage, first.since)
    assert ("the whole file", "nothing") == (second.coverage, second.since)
    assert ["Ada Officer" in first.who, "Bo Counsel" in second.who] == [True, True]


def test_one_bad_signature_of_two_is_a_problem() -> None:
    """A good signature does not carry another that nobody trusts."""
    other = signer("Di Stranger", by=STRANGER)
    verdict = judged(sign(once(), other, "Signature2", chain=(STRANGER,)))

    assert [True, False] == [signature.trusted for signature in verdict.signatures]
    assert 1 == len(verdict.problems())


def test_the_pages_are_those_of_these_terms() -> None:
    """A signature over another arrangement's contract, or over another version, is none over this one."""
    verdict = judged(once(), terms("budget.calls", 399))

    assert verdict.signatures[0].intact
    assert not verdict.same_pages
    assert "does not begin with the contract that these terms render to" in verdict.problems()[0]


@pytest.mark.parametrize("where", [1_000, 60_000, -200])
def test_a_file_that_was_altered_after_signing_is_not_intact(where: int) -> None:
    """One bit of the pages or of the signed revision is enough."""
    altered = bytearray(once())
    place = where if where > 0 else len(pages()) + 40
    altered[place] ^= 1
    try:
        verdict = judged(bytes(altered))
    except ContractRefused:
        return

    assert not any(signature.intact for signature in verdict.signatures)
    assert verdict.problems()


def test_the_unsigned_contract_bears_no_signature() -> None:
    """The pages alone are nobody's signature."""
    assert ("the file bears no signature",) == judged(pages()).problems()


def _another_page_size(writer: Any) -> None:
    page = writer.root["/Pages"]["/Kids"][0].get_object()
    while page["/Type"] != "/Page":
        page = page["/Kids"][0].get_object()
    page["/MediaBox"] = generic.ArrayObject([generic.NumberObject(n) for n in (0, 0, 100, 100)])
    writer.update_container(page)


def _a_note_on_the_page(writer: Any) -> None:
    page = writer.root["/Pages"]["/Kids"][0].get_object()
    while page["/Type"] != "/Page":
        page = page["/Kids"][0].get_object()
    note = generic.DictionaryObject(
        {
            generic.pdf_name("/Type"): generic.pdf_name("/Annot"),
            generic.pdf_name("/Subtype"): generic.pdf_name("/FreeText"),
            generic.pdf_name("/Rect"): generic.ArrayObject([generic.NumberObject(n) for n in (0, 0, 500, 500)]),
            generic.pdf_name("/Contents"): generic.TextStringObject("Other words"),
        }
    )
    page["/Annots"] = generic.ArrayObject([writer.add_object(note)])
    writer.update_container(page)


def _another_title_page(writer: Any) -> None:
    writer.root["/Names"] = generic.DictionaryObject()
    writer.update_root()


def _other_content(writer: Any) -> None:
    page = writer.root["/Pages"]["/Kids"][0].get_object()
    while page["/Type"] != "/Page":
        page = page["/Kids"][0].get_object()
    page["/Contents"].strip_filters()
    page["/Contents"]._data = b"BT ET"
    page["/Contents"]._encoded_data = None
    writer.mark_update(page.raw_get("/Contents"))


def _another_field(writer: Any) -> None:
    field = generic.DictionaryObject(
        {generic.pdf_name("/FT"): generic.pdf_name("/Tx"), generic.pdf_name("/T"): generic.TextStringObject("Sum")}
    )
    fields = generic.ArrayObject([writer.add_object(field)])
    writer.root["/AcroForm"] = generic.DictionaryObject({generic.pdf_name("/Fields"): fields})
    writer.update_root()


def _a_field_that_acts(writer: Any) -> None:
    page = writer.root["/Pages"]["/Kids"][0].get_object()
    field = generic.DictionaryObject(
        {
            generic.pdf_name("/Subtype"): generic.pdf_name("/Widget"),
            generic.pdf_name("/FT"): generic.pdf_name("/Sig"),
            generic.pdf_name("/AA"): generic.DictionaryObject(),
        }
    )
    page["/Annots"] = generic.ArrayObject([writer.add_object(field)])
    writer.update_container(page)


@pytest.mark.parametrize(
    ("mend", "says"),
    [
        (_another_field, "the form holds other fields than those of signatures"),
        (_a_field_that_acts, "something other than a signature was put on a page"),
        (_another_page_size, "a page was changed in /MediaBox"),
        (_a_note_on_the_page, "something other than a signature was put on a page"),
        (_another_title_page, "the catalogue was changed in /Names"),
        (_other_content, "was replaced"),
    ],
)
def test_pages_that_were_changed_before_they_were_signed_are_found(mend: Any, says: str) -> None:
    """A file that begins with our pages and shows others is refused, though its signature covers all of it."""
    verdict = judged(sign(changed(pages(), mend), ADA))

    assert verdict.same_pages
    assert verdict.signatures[0].intact
    assert says in verdict.additions
    assert any(says in problem for problem in verdict.problems())


@pytest.mark.parametrize("mend", [_another_page_size, _a_note_on_the_page, _other_content])
def test_pages_that_were_changed_after_they_were_signed_are_found(mend: Any) -> None:
    """A signature covers the file of its day; what came after it is not signed."""
    verdict = judged(changed(once(), mend))

    assert "changes" == verdict.signatures[0].since
    assert ("the signature Signature1 covers pages that were changed after it was made",) == verdict.problems()


def test_bytes_after_the_end_are_found() -> None:
    """Bytes that belong to no revision are covered by no signature."""
    assert "changes" == judged(once() + b"\n% more\n").signatures[0].since


def appended(*, prev: bool, root: bool, freed: bool = False, generation: int = 0) -> bytes:
    """The pages with a revision written by hand: three objects of another file, in front of a table of them."""
    pdf, first = pages(), 9_000
    objects = [
        b"%d 0 obj\n<</Type/Catalog/Pages %d 0 R>>\nendobj\n" % (first, first + 1),
        b"%d 0 obj\n<</Type/Pages/Kids[%d 0 R]/Count 1>>\nendobj\n" % (first + 1, first + 2),
        b"%d 0 obj\n<</Type/Page/Parent %d 0 R/MediaBox[0 0 9 9]>>\nendobj\n" % (first + 2, first + 1),
    ]
    body, places = b"\n", []
    for one in objects:
        places.append(len(pdf) + len(body))
        body += one.replace(b" 0 obj", b" %d obj" % generation)
    table = b"xref\n0 1\n0000000000 65535 f \n" + (b"5 1\n0000000000 00001 f \n" if freed else b"")
    table += b"%d 3\n" % first + b"".join(b"%010d %05d n \n" % (place, generation) for place in places)
    before = re.findall(rb"startxref\s+(\d+)", pdf)[-1]
    catalogue = re.findall(rb"/Root (\d+ 0 R)", pdf)[-1]
    trailer = b"trailer\n<</Size 9003/Root %s" % (b"%d 0 R" % first if root else catalogue)
    trailer += (b"/Prev %s" % before if prev else b"") + b">>\nstartxref\n%d\n%%%%EOF\n" % (len(pdf) + len(body))
    return pdf + body + table + trailer


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"prev": False, "root": True}, "what follows the pages does not build on them"),
        ({"prev": True, "root": True}, "the file has another catalogue than the pages"),
        ({"prev": True, "root": False, "freed": True}, "objects of the pages were removed"),
    ],
)
def test_another_file_behind_the_pages_is_found(how: dict[str, bool], says: str) -> None:
    """A file that only begins with our pages, and shows others or less of them, is not ours."""
    verdict = judged(sign(appended(**how), ADA))

    assert verdict.same_pages
    assert says == verdict.additions


def test_a_program_that_bends_the_syntax_is_told() -> None:
    """Some signing programs number their objects wrongly; the signature counts, and the reader is told."""
    bent = judged(sign(appended(prev=True, root=False, generation=1), ADA, strict=False))

    assert () == bent.problems()
    assert not bent.strict
    assert "syntax       broken in places; another reader may show it otherwise" in bent.lines()


def test_a_signature_over_a_part_of_the_file_is_found() -> None:
    """A signature whose ranges leave more out than itself signs who knows what."""
    pdf = once()
    found = re.search(rb"/ByteRange \[\s*(\d+) (\d+) (\d+) (\d+)\s*\]", pdf)
    assert found is not None
    numbers = [int(number) for number in found.groups()]
    numbers[1] -= 50
    written = b"/ByteRange [%d %d %d %d" % tuple(numbers)
    part = pdf[: found.start()] + written.ljust(len(found[0]) - 1) + b"]" + pdf[found.end() :]
    verdict = judged(part)

    assert len(pdf) == len(part)
    assert "a part of the file" == verdict.signatures[0].coverage
    assert any("covers only a part of the file" in problem for problem in verdict.problems())


def test_a_visible_mark_is_told_with_its_size() -> None:
    """A mark on a page may hide what it covers, so the reader is told to look."""
    verdict = judged(sign(pages(), ADA, box=(100, 100, 300, 160)))

    assert () == verdict.problems()
    assert "71 × 21 mm" == verdict.signatures[0].mark


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate names where its revocations are published, and nobody is asked."""
    asked: list[object] = []

    def answer(*names: object, **_: object) -> None:
        asked.append(names)
        raise OSError("no network")

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    monkeypatch.setattr(socket.socket, "connect", answer)
    judged(sign(pages(), ADA, stamper=STAMPS))

    assert [] == asked


def test_nothing_is_logged_of_the_signers(caplog: pytest.LogCaptureFixture) -> None:
    """Names of persons stand in the file and on the screen, and in no log line."""
    with caplog.at_level(logging.DEBUG):
        judged(once(), roots=(STRANGER.pem,))

    assert "Ada" not in caplog.text
    assert not logging.getLogger("pyhanko").disabled


@pytest.mark.parametrize("root", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_root_that_is_none_is_refused(root: bytes) -> None:
    """Trust begins with a certificate that can be read."""
    with pytest.raises(ContractRefused, match="expected a root certificate"):
        judged(once(), roots=(root,))


def test_what_is_missing_is_named_with_the_way_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the check says which one to install."""
    pdf = once()
    monkeypatch.setitem(sys.modules, "pyhanko.pdf_utils.misc", None)

    with pytest.raises(ContractRefused, match=r"needs pyHanko.*pip install 'comity\[contract\]'"):
        judged(pdf)


def broken() -> Iterator[bytes]:
    """Files that are no signed contract."""
    yield b""
    yield b"%PDF-1.7\n"
    yield once()[:-400]
    yield pages()[:5_000]


@pytest.mark.parametrize("pdf", list(broken()), ids=["empty", "head", "cut", "half"])
def test_a_file_that_is_no_pdf_is_refused(pdf: bytes) -> None:
    """Reading a stranger's file ends in facts or in a refusal."""
    try:
        verdict = judged(pdf)
    except ContractRefused:
        return

    assert verdict.problems()


@pytest.mark.slow
@given(st.integers(0, 10**6), st.binary(min_size=1, max_size=4))
@settings(max_examples=60)
def test_whatever_is_changed_in_a_signed_file_is_seen(place: int, put: bytes) -> None:
    """Any change of the bytes ends in a problem or a refusal; a file that passes is the file that was signed."""
    pdf = once()
    at = place % (len(pdf) - len(put))
    altered = pdf[:at] + put + pdf[at + len(put) :]
    try:
        verdict = judged(altered)
    except ContractRefused:
        return

    assert altered == pdf or verdict.problems() or _only_padding(pdf, at, len(put))


def _only_padding(pdf: bytes, at: int, length: int) -> bool:
    """Whether the place lies in the signature's own container, whose rest is zeros that nobody signs."""
    start = pdf.rindex(b"/Contents <")
    return start <= at and at + length <= pdf.index(b">", start) + 1
