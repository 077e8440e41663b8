"""Serving at the end of the demo: what a stranger would look at, on one local address.

    with serve_story(folder, page=…, bundle=…, ledger=…) as address: …

A static server for reading: GET and HEAD alone, from this machine alone, and of nothing but the files it was given when
it started; a name that is not in that list is 404, whatever lies on the disk.  The index is a page of ours that says in
plain words what each file is; no folder is listed.

Every answer forbids scripts, frames and foreign addresses, and none is cached.  `verify.html` alone runs its own
script, which may fetch nothing: it checks the bundle in the reader's browser.

The page on trust is read from the checkout, and left out where there is none.
"""

import contextlib
import html
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from comity.cli.demo.plain_page import plain_page, trust_page
from comity.report.verify_page import PAGE_NAME, page_policy, verify_page

__all__ = ["serve_story", "story_files"]

HOST: Final = "127.0.0.1"
TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".zip": "application/zip",
    ".tlog-proof": "text/plain; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
}
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One thing to look at: where it is asked for, where it lies, and what it is."""

    title: str
    name: str
    words: str
    files: Mapping[str, Path]
    """Every address of it, without the leading slash, and the file behind it."""


def story_files(
    *, page: Path, bundle: Path, ledger: Path, receipts: Sequence[Path] = (), numbers: Path | None = None
) -> tuple[Served, ...]:
    """What the demo shows: the report, the bundle, the copied ledger and receipts."""
    tiles = {
        f"ledger/{path.relative_to(ledger).as_posix()}": path
        for path in sorted(ledger.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }
    shown = [
        Served(
            title="The report",
            name="report.html",
            words="What was found, under which terms, and what departed from the plan. Made to be printed.",
            files={"report.html": page},
        ),
        Served(
            title="The bundle",
            name="bundle.zip",
            words="The report with everything that proves it, in one file. Check it with: comity verify bundle.zip",
            files={"bundle.zip": bundle},
        ),
        Served(
            title="The ledger",
            name="ledger/checkpoint",
            words="The history that both sides cosigned, as files. The link leads to its signed head; "
            "'comity verify' takes the address of the folder.",
            files=tiles,
        ),
    ]
    if numbers is not None:
        shown.insert(1, Served(title="The numbers", name="report.json",
                               words="What the report states, for machines: each follows from the record.",
                               files={"report.json": numbers}))  # fmt: skip
    for receipt in receipts:
        name = f"receipts/{receipt.name}"
        shown.append(Served(title=f"Receipt {receipt.stem}", name=name,
                            words="The proof that one entry is in the ledger, under both cosignatures.",
                            files={name: receipt}))  # fmt: skip
    return tuple(shown)


@contextlib.contextmanager
def serve_story(
    folder: Path,
    *,
    page: Path,
    bundle: Path,
    ledger: Path,
    receipts: Sequence[Path] = (),
    numbers: Path | None = None,
    port: int = 0,
) -> Iterator[str]:
    """Serve the story told in `folder` for as long as the block lasts; gives the address of the index."""
    shown = story_files(page=page, bundle=bundle, ledger=ledger, receipts=receipts, numbers=numbers)
    missing = [str(path) for served in shown for path in served.files.values() if not path.is_file()]
    if missing:
        raise FileNotFoundError(f"not there to be served: {', '.join(missing[:3])}")
    trust = trust_page()
    made = {"": _index(folder.name, shown, trust is not None), PAGE_NAME: verify_page()}
    made |= {} if trust is None else {"trust.html": trust}
    allowed = {name: path for served in shown for name, path in served.files.items()}
    server = ThreadingHTTPServer((HOST, port), _handler(allowed, made))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="story", daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(allowed: Mapping[str, Path], made: Mapping[str, bytes]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers for the names it was given, and for no other."""

        server_version, sys_version = "comity", ""
        protocol_version = "HTTP/1.1"
        timeout = 10

        def do_GET(self) -> None:
            self._answer(body=True)

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def _answer(self, *, body: bool) -> None:
            if not self._from_here():
                self._send(HTTPStatus.FORBIDDEN, TYPES[".txt"], b"this address serves its own host\n", body)
                return
            name = unquote(self.path.partition("?")[0]).removeprefix("/")
            if name in made:
                policy = f"{page_policy()}; frame-ancestors 'none'" if name == PAGE_NAME else ""
                self._send(HTTPStatus.OK, TYPES[".html"], made[name], body, policy=policy)
            elif name in allowed:
                kind = TYPES.get(allowed[name].suffix, "application/octet-stream")
                kind = TYPES[".txt"] if name == "ledger/checkpoint" else kind
                self._send(HTTPStatus.OK, kind, allowed[name].read_bytes(), body)
            else:
                self._send(HTTPStatus.NOT_FOUND, TYPES[".txt"], b"nothing of this name is served here\n", body)

        def _from_here(self) -> bool:
            """Whether the browser means this server: a foreign page's name for it would be another (DNS rebinding)."""
            host = self.headers.get("Host", "")
            return bool(re.fullmatch(r"(127\.0\.0\.1|localhost)(:[0-9]{1,5})?", host))

        def _send(self, status: HTTPStatus, kind: str, content: bytes, body: bool, *, policy: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            for name, value in (HEADERS | ({"Content-Security-Policy": policy} if policy else {})).items():
                self.send_header(name, value)
            self.end_headers()
            if body:
                self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: the terminal belongs to the story."""

    return Handler


def _index(name: str, shown: Sequence[Served], trust: bool) -> bytes:
    items = [(f"/{served.name}", served.title, served.words) for served in shown]
    words = (
        "Save the bundle, and the checking page if you like; drop the bundle onto the page. It recomputes the number, "
        "lists every run and says how far the proof reaches. It uses no network."
    )
    items.insert(next(n for n, (address, _, _) in enumerate(items, 1) if address == "/bundle.zip"),
                 (f"/{PAGE_NAME}", "Check it in the browser", words))  # fmt: skip
    if trust:
        words = "What each side could see, forge or stop, for each placement, and what catches it."
        items.append(("/trust.html", "Who can do what", words))
    rows = "".join(
        f'<li><a href="{html.escape(address)}">{html.escape(title)}</a><p>{html.escape(words)}</p></li>'
        for address, title, words in items
    )
    body = (
        f"<h1>The story, to look at</h1><p>Everything below was made on this machine by the telling "
        f"<code>{html.escape(name)}</code>, and is served to this machine alone until you end it.</p>"
        f'<ul class="shown">{rows}</ul>'
    )
    return plain_page("The story, to look at", body)
