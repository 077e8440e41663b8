"""The end of the demo: what was made can be looked at, and nothing else can."""

import http.client
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from comity.cli.demo.plain_page import markdown_body, trust_page
from comity.cli.demo.serving import serve_story


@dataclass
class Served:
    """A server with a secret beside what it serves."""

    address: str
    folder: Path

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        parts = urlsplit(self.address)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    ledger = tmp_path / "ledger"
    (ledger / "tile" / "0").mkdir(parents=True)
    (ledger / "checkpoint").write_text("operator.example/a/1\n")
    (ledger / "tile" / "0" / "000").write_bytes(b"\x00\x01")
    for name in ("report.html", "bundle.zip", "secret", "0.tlog-proof", "report.json"):
        (tmp_path / name).write_text(f"{name}!")
    with serve_story(
        tmp_path, page=tmp_path / "report.html", bundle=tmp_path / "bundle.zip", ledger=ledger,
        receipts=[tmp_path / "0.tlog-proof"], numbers=tmp_path / "report.json",
    ) as address:  # fmt: skip
        yield Served(address=address, folder=tmp_path)


def test_what_was_made_is_served(served: Served) -> None:
    """Report, numbers, bundle, receipts and every file of the ledger come as they are, with their kind."""
    for path, content, kind in (
        ("/report.html", b"report.html!", "text/html; charset=utf-8"),
        ("/report.json", b"report.json!", "application/json"),
        ("/bundle.zip", b"bundle.zip!", "application/zip"),
        ("/receipts/0.tlog-proof", b"0.tlog-proof!", "text/plain; charset=utf-8"),
        ("/ledger/checkpoint", b"operator.example/a/1\n", "text/plain; charset=utf-8"),
        ("/ledger/tile/0/000", b"\x00\x01", "application/octet-stream"),
    ):
        status, headers, body = served.ask(path)
        assert (200, content, kind) == (status, body, headers["content-type"])
        assert served.ask(path, "HEAD")[2] == b""


def test_the_index_leads_to_each_of_them(served: Served) -> None:
    """One printed address is enough: the index names everything in words, and each of its links answers."""
    _, _, body = served.ask("/")
    text = body.decode()

    links = [part.split('"')[0] for part in text.split('<a href="')[1:]]
    assert {"/report.html", "/bundle.zip", "/ledger/checkpoint", "/trust.html"} <= set(links)
    assert [200] * len(links) == [served.ask(link)[0] for link in links]


@pytest.mark.parametrize(
    "path",
    ["/secret", "/../secret", "/ledger/../secret", "/%2e%2e/secret", "/ledger/..%2fsecret", "/ledger/", "/ledger/tile",
     "/report.html/", "/REPORT.html", "/favicon.ico"],
)  # fmt: skip
def test_nothing_else_is_served(served: Served, path: str) -> None:
    """A name that was not given to the server is not found, whatever lies on the disk and however it is spelled."""
    status, _, body = served.ask(path)

    assert (404, True) == (status, b"secret!" not in body)


def test_it_is_for_reading_and_for_this_machine(served: Served) -> None:
    """No method writes, no foreign name reaches it, no answer may run or fetch anything."""
    assert served.address.startswith("http://127.0.0.1:")
    for method in ("POST", "PUT", "DELETE"):
        assert 501 == served.ask("/report.html", method)[0]
    assert 403 == served.ask("/report.html", Host="evil.example")[0]
    _, headers, _ = served.ask("/")
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert ("nosniff", "no-store") == (headers["x-content-type-options"], headers["cache-control"])


def test_a_missing_file_is_said_at_the_start(tmp_path: Path) -> None:
    """What is to be shown is there before the address is printed."""
    (tmp_path / "ledger").mkdir()
    with pytest.raises(FileNotFoundError, match=r"report\.html"):
        with serve_story(tmp_path, page=tmp_path / "report.html", bundle=tmp_path, ledger=tmp_path / "ledger"):
            pass


def test_the_page_on_trust_is_rendered_whole() -> None:
    """Headings and tables of the page on trust arrive as such, and no mark of Markdown is left."""
    page = trust_page()

    assert page is not None
    text = page.decode()
    assert "<h1>Who can do what</h1>" in text and text.count("<table>") >= 6
    assert "**" not in text and "](" not in text and "\n| " not in text


def test_markup_in_a_document_is_text() -> None:
    """A document's own angle brackets are shown."""
    assert "<p>&lt;b&gt; <code>&lt;i&gt;</code> <strong>x</strong></p>" == markdown_body("<b> `<i>` **x**")
