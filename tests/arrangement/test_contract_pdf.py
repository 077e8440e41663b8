"""The contract as PDF: the same bytes for the same terms, with the digest on every page."""

import re
import subprocess
import sys
from io import BytesIO
from typing import Any

import pytest
from pyhanko.pdf_utils.reader import PdfFileReader
from specimen import VALUE, changed, terms

from comity.arrangement import ContractRefused, Terms, contract_of, parse_terms_json
from comity.arrangement.contract_pdf import FORM, render_contract
from comity.records import canonical_bytes


def parsed(value: dict[str, Any]) -> Terms:
    return parse_terms_json(canonical_bytes(value))


def text_of(pdf: bytes, *options: str) -> str:
    """The text as another program extracts it."""
    try:
        done = subprocess.run(
            ["pdftotext", *options, "-", "-"], input=pdf, capture_output=True, check=True, timeout=60
        )
    except FileNotFoundError:
        pytest.skip("needs pdftotext; Debian has it in poppler-utils")
    return done.stdout.decode()


def test_the_same_terms_make_the_same_bytes() -> None:
    """Whoever holds the terms makes the file again and compares; other terms make another file."""
    made = render_contract(terms())

    assert made == render_contract(parse_terms_json(terms().raw))
    assert made != render_contract(terms("budget.calls", 399))


def test_the_bytes_do_not_hang_on_the_process() -> None:
    """Another process at another time, in another time zone and language, draws the same file."""
    code = (
        "import sys, hashlib; from comity.arrangement import parse_terms_json; "
        "from comity.arrangement.contract_pdf import render_contract; "
        "print(hashlib.sha256(render_contract(parse_terms_json(sys.stdin.buffer.read()))).hexdigest())"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            input=terms().raw,
            env={"TZ": zone, "LC_ALL": language, "SOURCE_DATE_EPOCH": epoch},
            capture_output=True,
            check=True,
        ).stdout
        for zone, language, epoch in (("UTC", "C", "0"), ("Asia/Tokyo", "de_DE.UTF-8", "1700000000"))
    }

    assert 1 == len(seen)


def test_every_page_bears_id_version_and_digest() -> None:
    """A page that is torn out still says of which terms it is."""
    pages = text_of(render_contract(terms()), "-layout").removesuffix("\f").split("\f")

    assert len(pages) > 3
    for page in pages:
        head = " ".join(page.splitlines()[:2])
        assert f"arrangement {terms().id}, version 1" in head
        assert f"sha256 {terms().digest}" in head
    assert 2 <= pages[0].count(terms().digest)
    assert FORM in pages[0]


def test_every_provision_and_every_clause_is_in_the_text() -> None:
    """What is signed on paper is the whole contract: sentences, numbers, and names of clauses."""
    contract = contract_of(terms())
    text = text_of(render_contract(terms()), "-raw")
    flat = re.sub(r"[\s-]", "", text)

    for number, provision in contract.numbered():
        assert re.sub(r"[\s-]", "", provision.text) in flat, number
        assert number in text
    for name in contract.said_by():
        assert name in text
    for schedule in contract.schedules:
        for table in schedule.tables:
            for cell in (cell for row in table.rows for cell in row):
                assert re.sub(r"[\s-]", "", cell) in flat, cell


def test_the_file_can_be_kept_and_read_aloud() -> None:
    """PDF/A-2a and PDF/UA-1: tagged, in English, titled, dated by the terms and by no clock."""
    pdf = PdfFileReader(BytesIO(render_contract(terms())))
    metadata = pdf.root["/Metadata"].data.decode()

    assert "en-GB" == pdf.root["/Lang"]
    assert pdf.root["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in pdf.root
    assert re.search(r"pdfaid:part>2<.*pdfaid:conformance>A<", metadata, flags=re.DOTALL)
    assert re.search(r"pdfuaid:part>1<", metadata)
    assert "2026-11-23" in metadata
    assert "Evaluation of factual recall" in metadata


def test_an_authors_words_are_never_read_as_markup() -> None:
    """Text that looks like the drawing language is printed as it stands."""
    wild = '#panic("no") *bold* $x$ @ref \\ // <label> = Heading ` " }'
    pdf = render_contract(terms("publication.text", wild))

    assert re.sub(r"\s", "", wild) in re.sub(r"\s", "", text_of(pdf, "-raw"))


def test_a_long_contract_is_drawn_whole() -> None:
    """Many people and long names run on over pages without loss."""
    people = [{"id": f"evaluator-{number}", "role": "evaluator", "eligible": True} for number in range(300)]
    value = changed("people", people) | {"title": "T" * 180, "basis": "word " * 1_500}
    text = text_of(render_contract(parsed(value)), "-raw")

    assert all(f"evaluator-{number} " in text for number in range(300))
    assert 1_500 <= text.count("word")


def test_a_character_that_cannot_be_drawn_is_refused() -> None:
    """A contract with a hole in it is not made; the refusal names the character."""
    with pytest.raises(ContractRefused, match="could not be displayed"):
        render_contract(terms("title", "评估"))


def test_what_is_missing_is_named_with_the_way_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the command says which one to install."""
    monkeypatch.setitem(sys.modules, "typst", None)

    with pytest.raises(ContractRefused, match=r"pip install 'comity\[contract\]'"):
        render_contract(terms())


def test_composed_and_decomposed_names_are_drawn_alike() -> None:
    """A letter written as two characters reads as one letter; the terms keep it as it was signed."""
    value = {**VALUE, "title": "Re\u0301vision"}

    assert "R\u00e9vision" in text_of(render_contract(parsed(value)), "-raw")
    assert "Re\u0301vision" == parsed(value).title
