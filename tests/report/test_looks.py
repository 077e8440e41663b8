"""The page as a browser shows it: wide, narrow, printed, and in the dark.

With COMITY_SHOTS=1 the pictures of the documentation are made anew in docs/images/.  They depend on the fonts of the
machine, so the tests compare no pixels: they look at widths, pages and words.
"""

import json
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from tests.report.told import plan_of, tell

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
MAX_IMAGE = 300_000
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--allow-file-access-from-files",
)  # fmt: skip
PHONE = 390

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium here; Debian's package is chromium"),
    pytest.mark.skipif(shutil.which("pdftoppm") is None, reason="no pdftoppm here; Debian's package is poppler-utils"),
]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("looks")
    told = tell(
        right=57, wrong=60, missing=("refused:503", "no-answer", "no-answer"), repeated=1,
        others=("finished", "aborted"), refused=("features.logprobs",), counted=54, plan=plan_of(120),
        guard=(("2026-12-01", 0),),
    )  # fmt: skip
    (folder / "report.html").write_bytes(told.page(folder)[1])
    return folder / "report.html"


def chromium(folder: Path, *arguments: str) -> str:
    """Run the browser once, with a profile of its own that is thrown away."""
    command = ["chromium", *QUIET, f"--user-data-dir={folder / 'profile'}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout


def framed(page: Path, width: int, height: int, top: int = 0) -> str:
    """A page that shows the report in a frame of that width: no window is narrower than 500."""
    frame = page.with_name(f"frame-{width}.html")
    left = max(0, (500 - width) // 2)
    place = f"left:{left}px;top:-{top}px;width:{width}px;height:{top + height}px"
    frame.write_text(
        '<!DOCTYPE html><body style="margin:0;overflow:hidden;background:#c9ced6">'
        f'<iframe src="report.html" style="border:0;position:absolute;{place}"></iframe>'
    )
    return frame.as_uri()


def keep(shot: Path, name: str) -> None:
    assert shot.stat().st_size > 10_000
    if os.environ.get("COMITY_SHOTS") == "1":
        IMAGES.mkdir(exist_ok=True)
        assert shot.stat().st_size < MAX_IMAGE, f"{name}: {shot.stat().st_size} bytes"
        shutil.copyfile(shot, IMAGES / name)


MEASURE = """<!DOCTYPE html><body><iframe id="f" src="report.html" style="border:0;width:%dpx;height:900px"></iframe>
<script>f.onload = () => { const d = f.contentDocument; const w = d.documentElement.clientWidth;
const wide = [...d.body.querySelectorAll('*')].filter(e => !e.closest('.scroll') && !e.closest('pre')
  && !e.closest('svg') && e.getBoundingClientRect().right > w + 1).map(e => e.tagName + ':' + e.className);
document.title = 'done'; const p = document.createElement('p'); p.id = 'said';
p.textContent = JSON.stringify([d.documentElement.scrollWidth, w, wide,
  parseFloat(f.contentWindow.getComputedStyle(d.body).fontSize)]); document.body.append(p); }</script>"""


@pytest.mark.parametrize("width", [320, PHONE, 768, 1280])
def test_nothing_sticks_out_at_any_width(page: Path, tmp_path: Path, width: int) -> None:
    """From a small phone to a desk the page scrolls down alone; wide tables scroll in place; text keeps its size."""
    measure = page.with_name(f"measure-{width}.html")
    measure.write_text(MEASURE % width)

    said = chromium(tmp_path, "--virtual-time-budget=3000", "--dump-dom", measure.as_uri())

    found = re.search(r'<p id="said">(.*?)</p>', said)
    assert found is not None, said[-500:]
    across, inside, wide, size = json.loads(found[1])
    assert ([], True, 16) == (wide, across <= inside, size)


def test_it_reads_on_a_desk(page: Path, tmp_path: Path) -> None:
    """The first screen holds who, what and how sure."""
    shot = tmp_path / "wide.png"
    chromium(tmp_path, "--window-size=1280,1400", f"--screenshot={shot}", page.as_uri())

    keep(shot, "report-wide.png")


def test_it_reads_on_a_phone(page: Path, tmp_path: Path) -> None:
    """The same page, in a column of 390 pixels."""
    shot = tmp_path / "narrow.png"
    chromium(tmp_path, "--window-size=500,1400", f"--screenshot={shot}", framed(page, PHONE, 1400))

    keep(shot, "report-narrow.png")


def test_it_reads_on_paper(page: Path, tmp_path: Path) -> None:
    """A4, with page numbers, the annex on a page of its own, and every word that the screen shows."""
    pdf, shot = tmp_path / "report.pdf", tmp_path / "print"
    chromium(tmp_path, "--no-pdf-header-footer", f"--print-to-pdf={pdf}", page.as_uri())
    size = subprocess.run(["pdfinfo", str(pdf)], capture_output=True, text=True, check=True).stdout
    words = subprocess.run(["pdftotext", "-layout", str(pdf), "-"], capture_output=True, text=True, check=True).stdout

    pages = int(re.findall(r"^Pages: +(\d+)$", size, re.MULTILINE)[0])
    assert "A4" in size
    assert 5 <= pages <= 9
    sheets = words.split("\f")
    assert [n for n, sheet in enumerate(sheets[:pages], 1) if not re.search(rf"{n}\s*/\s*{pages}", sheet)] == []
    assert any(sheet.strip().startswith("Annex: the terms in plain words") for sheet in sheets)
    flat = " ".join(words.split())
    assert "Clopper–Pearson" in flat and "comity verify bundle.zip" in flat and "This report covers 1 of 3 runs" in flat
    draw = ["pdftoppm", "-r", "80", "-png", "-f", "1", "-l", "1", "-singlefile", str(pdf), str(shot)]
    subprocess.run(draw, check=True)
    keep(shot.with_suffix(".png"), "report-print.png")


def test_it_reads_in_the_dark(page: Path, tmp_path: Path) -> None:
    """In a dark setting the paper is dark and the text is light, the chart's too."""
    probe = page.with_name("dark.html")
    probe.write_text(
        '<!DOCTYPE html><body><iframe id="f" src="report.html"></iframe><script>f.onload = () => {'
        "const look = (s) => f.contentWindow.getComputedStyle(f.contentDocument.querySelector(s));"
        "const p = document.createElement('p'); p.id = 'said'; p.textContent = ["
        "look('body').backgroundColor, look('body').color, look('svg.chart text').fill,"
        "look('svg.chart [stroke=\"#1d4f7c\"]').stroke].join('|');"
        "document.body.append(p); }</script>"
    )
    dark = "--blink-settings=preferredColorScheme=0"
    said = chromium(tmp_path, dark, "--virtual-time-budget=3000", "--dump-dom", probe.as_uri())

    found = re.search(r'<p id="said">(.*?)</p>', said)
    assert found is not None, said[-500:]
    shades = [sum(int(part) for part in re.findall(r"\d+", colour)[:3]) for colour in found[1].split("|")]
    assert shades[0] < 120 < 400 < min(shades[1:]), found[1]
    assert ET.fromstring(page.read_bytes()) is not None
