"""Checking in the browser: Chromium with `verify.html` open from the disk, files dropped onto it one by one."""

import json
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest
from tests.arrangement import specimen
from tests.verify.specimen import BEGIN, Story

from comity.ledger import TreeHead, leaf_hash, sign_note
from comity.ledger.checkpoint import format_head
from comity.ledger.merkle import Frontier
from comity.ledger.tiles import encode_bundle, encode_tile, new_bundles, tiles_for
from comity.report.verify_page import verify_page

CHROMIUM: Final = shutil.which("chromium")
QUIET: Final = ["--no-sandbox", "--disable-gpu", "--disable-component-update", "--disable-background-networking"]

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here; Debian's package is chromium")


@dataclass
class Checker:
    """The page in a browser, and everything that it complained of or tried to fetch."""

    page: Any
    address: str
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def open(self) -> None:
        """The page as it is when it has just been opened."""
        self.page.goto(self.address)
        self.page.wait_for_selector("html[data-ready]")

    def drop(self, *files: Path) -> None:
        """Give the page files, and wait until it says what it found."""
        self.page.evaluate("document.getElementById('status').replaceChildren()")
        self.page.set_input_files("#files", [str(path) for path in files])
        self.page.wait_for_selector("#status > *", timeout=60_000)

    def verdict(self, *files: Path) -> dict[str, Any]:
        """The verdict on files, as the page prints it; earlier files of the same kinds are replaced by these."""
        self.drop(*files)
        found: dict[str, Any] = json.loads(self.page.text_content("#json"))
        return found


@contextmanager
def checker(folder: Path, **context: Any) -> Iterator[Checker]:
    """A browser with the page open; closed again in the end."""
    sync = pytest.importorskip("playwright.sync_api", reason="needs playwright, which comity[dev] brings")
    (folder / "verify.html").write_bytes(verify_page())
    with sync.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(**{"viewport": {"width": 1280, "height": 900}, "locale": "en-GB"} | context)
        made = Checker(page=page, address=(folder / "verify.html").as_uri())
        page.on("console", lambda message: made.complaints.append(message.text))
        page.on("pageerror", lambda error: made.complaints.append(str(error)))
        page.on("request", lambda request: made.asked.append(request.url))
        made.open()
        try:
            yield made
        finally:
            browser.close()


def ledger_files(story: Story) -> dict[str, bytes]:
    """A signed and cosigned copy of a ledger, without a publisher and witnesses."""
    entries, tree = story.entries(), Frontier.empty()
    rows: dict[int, list[bytes]] = {}
    for entry in entries:
        for level, _, value in tree.completing(leaf_hash(entry)):
            if level % 8 == 0:
                rows.setdefault(level // 8, []).append(value)
    text = format_head(TreeHead(origin=specimen.ORIGIN, size=len(entries), root=tree.root()))
    signers = [specimen.LOG, specimen.LOG_PQ, specimen.AUTHORITY_WITNESS, specimen.PROVIDER_WITNESS]
    found = {"ledger/checkpoint": sign_note(text, signers, BEGIN)}
    for each in (*new_bundles(0, len(entries)), *tiles_for(len(entries))):
        row = entries if each.level == "entries" else rows[each.level]
        encode = encode_bundle if each.level == "entries" else encode_tile
        found[f"ledger/{each.path}"] = encode(row[each.n * 256 : each.n * 256 + each.width])
    return found


def stored(out: Path, files: Mapping[str, bytes], manifest: Mapping[str, Any]) -> Path:
    """A bundle that nobody of ours packed: stored, with the list of digests that is given, digests made to agree."""
    digests = {name: sha256(content).hexdigest() for name, content in files.items()}
    listed = json.dumps({**manifest, "files": digests}, sort_keys=True, separators=(",", ":"))
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("bundle.json", listed)
        for name, content in files.items():
            archive.writestr(name, content)
    return out
