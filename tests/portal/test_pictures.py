"""Every page of the portal has its picture in the documentation, and every picture is of a page."""

import re
from pathlib import Path
from typing import Any

from browsers import IMAGES, MAX_IMAGE, SHOWING
from houses import World
from test_permissions import OF_A_CASE, OF_A_FINDING, OF_AN_ARRANGEMENT, OPEN

NO_PAGE = frozenset((
    "terms_file", "access_stand", "static", "language", "deliver", "checking_page", "opened", "enter",
    "sealed", "certificate",
))  # fmt: skip
"""Addresses that answer with a file, a part of a page, or another page; and the two that a person sees once."""

SHOWS = {
    "portfolio": "portfolio", "inbox": "inbox", "open_case": "open", "case": "case", "timeline": "timeline",
    "entry": "entry", "clocks": "clocks", "adequacy": "adequacy", "duties": "duties", "documentation": "documentation",
    "finding": "finding", "case_file": "case-file", "acts": "acts", "act": "act-finding", "terms": "terms",
    "terms_offer": "terms-offer", "terms_counter": "terms-counter", "terms_send": "terms-send",
    "terms_receive": "terms-arrived", "terms_sign": "terms-sign", "access": "access",
    "access_act": "stop", "run": "run", "plans": "plans", "calls": "calls", "call": "call-opened", "closing": "closing",
    "register": "register", "register_case": "register-case", "people": "people", "person": "person",
    "accessibility": "accessibility",
}  # fmt: skip
"""Page → the picture of it."""


def test_every_page_has_a_picture(world: World) -> None:
    """A page that the matrix of permissions lists and no picture shows fails here, and so does one without its file."""
    pages: set[str] = (OF_A_CASE | OF_AN_ARRANGEMENT | OF_A_FINDING | set(OPEN)) - NO_PAGE
    shown = {name for text in map(Path.read_text, SHOWING) for name in re.findall(r"portal-([a-z-]+)\.png", text)}

    assert pages == set(SHOWS)
    assert set(SHOWS.values()) <= shown
    assert not [name for name in shown if not (IMAGES / f"portal-{name}.png").exists()]


def test_no_picture_is_left_behind_or_too_large() -> None:
    """Each file is shown somewhere, and none is heavier than the limit."""
    texts = "".join(map(Path.read_text, SHOWING))
    files: Any = sorted(IMAGES.glob("portal-*.png"))

    assert files and not [file.name for file in files if file.name not in texts]
    assert not [file.name for file in files if file.stat().st_size >= MAX_IMAGE]
