"""Themes: the plain one is what is written, and another shuts nobody out either."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsers import faults_of, keep_picture, open_chromium
from packages import archive_of
from page_list import PAGES

import comity.portal
from comity.portal.themes import CLASS, START, THEMES, dressed
from comity.portal.vendored import PARTS

TEMPLATES = sorted((Path(comity.portal.__file__).parent / "templates").rglob("*.html"))
ECL = "ecl-ec"
SHOWN = {"portfolio-sample": "ecl-portfolio", "access": "ecl-access", "act-finding": "ecl-act"}
"""Page → the picture of it in the theme."""


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_dressing_adds_class_names_and_nothing_else(path: Path) -> None:
    """Without the added names a dressed template is the template, and no table leaves it untouched."""
    source = path.read_text()
    classes = THEMES[ECL].classes
    again = dressed(source, classes)
    for more in sorted(set(classes.values()), key=len, reverse=True):
        again = again.replace(f' class="{more}"', "").replace(f"{more} ", "")

    assert source == again and source == dressed(source, {})


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("<button>", '<button class="x">'),
        ('<button class="primary">', '<button class="y primary">'),
        ('<button{% if a %} class="primary"{% endif %}>', '<button{% if a %} class="y primary"{% endif %}>'),
        ('<button class="{% if a %}b{% endif %} primary">', '<button class="y {% if a %}b{% endif %} primary">'),
        ("<buttons>", "<buttons>"),
        ('<a href="/">', '<a href="/">'),
        ('<a class="button wide" href="/">', '<a class="z button wide" href="/">'),
    ],
)  # fmt: skip
def test_a_component_gets_the_names_of_its_class(source: str, wanted: str) -> None:
    """The entry for a component's class counts before the one for its tag."""
    assert wanted == dressed(source, {"button": "x", "button.primary": "y", "a.button": "z"})


def test_every_entry_of_a_table_names_something_that_pages_have() -> None:
    """A component that no template has any more stands in no table."""
    found = set()
    for path in TEMPLATES:
        for tag, attributes in START.findall(path.read_text()):
            own = CLASS.search(attributes)
            found |= {tag, *(f"{tag}.{name}" for name in (own[1].split() if own else ()))}

    assert not {name for theme in THEMES.values() for name in theme.classes} - found


@pytest.mark.slow
def test_the_names_and_tokens_are_the_librarys() -> None:
    """Every class name of the table and every token of our sheet is in the sheet that is fetched, and no logo is."""
    sheet = fetched_sheet()
    own = (Path(comity.portal.__file__).parent / "static" / "portal" / "ecl.css").read_text()
    names = {name for more in THEMES[ECL].classes.values() for name in more.split()}
    tokens = set(re.findall(r"var\((--ecl-[a-z0-9-]+)\)", own))

    assert not [name for name in names if f".{name}" not in sheet]
    assert len(tokens) > 20 and not [token for token in tokens if f"{token}:" not in sheet]
    assert not [place for package in PARTS[ECL].packages for place in package.files.values() if "logo" in place]


def fetched_sheet() -> str:
    import io
    import tarfile

    (package,) = PARTS[ECL].packages
    with tarfile.open(fileobj=io.BytesIO(archive_of(package)), mode="r:gz") as archive:
        opened = archive.extractfile("package/dist/styles/ecl-ec.css")
        assert opened is not None
        return opened.read().decode()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The house of the other tests in this theme; a process sets Django up once."""
    for package in PARTS[ECL].packages:
        archive_of(package)
    folder = tmp_path_factory.mktemp("themed")
    script = Path(__file__).with_name("themed_house.py")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, script, folder, ECL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=environment,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.communicate("", timeout=30)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_chromium() as opened:
        yield opened


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium here; Debian's package is chromium")
def test_no_page_shuts_anybody_out(house: dict[str, Any], browser: Any) -> None:
    """axe-core finds nothing in light and dark, nothing sticks out, and no font is asked for elsewhere."""
    told, asked = [], set()
    for name, (who, path) in sorted(PAGES.items()):
        context = browser.new_context(bypass_csp=True, viewport={"width": 1280, "height": 900})
        if who:
            context.add_cookies([{"name": "comity", "value": house["cookies"][who], "url": house["url"]}])
        page = context.new_page()
        page.on("request", lambda request: asked.add(request.url))
        page.goto(house["url"] + path)
        page.evaluate("document.fonts.ready")
        if name in SHOWN:
            keep_picture(page, SHOWN[name])
        told += [f"{name}: {fault}" for fault in faults_of(page)]
        context.close()

    assert not told, "\n".join(told)
    assert not [url for url in asked if not url.startswith(house["url"])]
    assert [url for url in asked if url.partition("?")[0].endswith(".woff2")]
