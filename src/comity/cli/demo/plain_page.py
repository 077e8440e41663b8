"""Plain pages for the end of the demo: a document of ours in the browser, without a renderer of somebody else's.

`plain_page` frames a body with one quiet style sheet.  `markdown_body` renders what the page on trust uses and no more:
headings, paragraphs of one sentence a line, lists, tables, emphasis, strong, code and links.  All text is escaped
first.  Links are kept as words, because what they lead to is not served.
"""

import html
import re
from pathlib import Path
from typing import Final

__all__ = ["markdown_body", "plain_page", "trust_page"]

TRUST: Final = Path(__file__).resolve().parents[4] / "docs" / "explanation" / "trust.md"
"""There in a checkout, which is where the demo is told; a wheel carries no documentation."""

STYLE: Final = """
:root { --paper: #fdfdfe; --ink: #18212c; --soft: #4d5968; --line: #d5dbe3; --wash: #f2f5f9; --data: #1d4f7c; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #11161d; --ink: #e4e8ee; --soft: #a3aebc; --line: #313b48; --wash: #1a212b; --data: #86b6e4; }
}
body { margin: 0 auto; max-width: 52rem; padding: 2.5rem 1.5rem 4rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.6 -apple-system, "Segoe UI", Inter, "Helvetica Neue", "Liberation Sans", Arial, sans-serif; }
h1, h2 { font-family: "Iowan Old Style", Charter, "Charis SIL", Georgia, serif; line-height: 1.2; }
h1 { font-size: 2.2rem; border-bottom: 3px solid var(--ink); padding-bottom: 0.8rem; }
h2 { font-size: 1.4rem; margin-top: 2.6rem; }
p { max-width: 42rem; }
a { color: var(--data); text-underline-offset: 0.15em; }
code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 0.85em; background: var(--wash);
  padding: 0.1em 0.3em; }
table { border-collapse: collapse; width: 100%; font-size: 0.9375rem; }
th, td { text-align: left; vertical-align: top; padding: 0.5rem 1rem 0.5rem 0; border-top: 1px solid var(--line); }
thead th { border-top: 0; color: var(--soft); font-weight: 400; }
tbody td:first-child { color: var(--soft); }
.scroll { overflow-x: auto; }
.shown { list-style: none; padding: 0; }
.shown li { padding: 0.9rem 0; border-top: 1px solid var(--line); }
.shown a { font-weight: 600; font-size: 1.1rem; }
.shown p { margin: 0.1rem 0 0; color: var(--soft); }
"""

_TABLE_LINE: Final = re.compile(r"^\|(.*)\|\s*$")
_RULE: Final = re.compile(r"^\|[\s:|-]+\|\s*$")


def plain_page(title: str, body: str) -> bytes:
    """A whole page; `body` is markup that is escaped already."""
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        f'<meta name="color-scheme" content="light dark"/><title>{html.escape(title)}</title>'
        f'<link rel="icon" href="data:,"/><style>{STYLE}</style></head><body>{body}</body></html>\n'
    ).encode()


def trust_page() -> bytes | None:
    """The page on who can do what, or None outside a checkout."""
    return plain_page("Who can do what", markdown_body(TRUST.read_text("utf-8"))) if TRUST.is_file() else None


def markdown_body(text: str) -> str:
    """Markup for the small Markdown of our own pages."""
    return "\n".join(_block(block) for block in re.split(r"\n\s*\n", text.strip()) if block.strip())


def _block(block: str) -> str:
    lines = block.strip().splitlines()
    if heading := re.match(r"^(#{1,4}) +(.*)$", lines[0]):
        level = len(heading[1])
        rest = f"\n{_block(chr(10).join(lines[1:]))}" if lines[1:] else ""
        return f"<h{level}>{_words(heading[2])}</h{level}>{rest}"
    if all(_TABLE_LINE.match(line) for line in lines) and len(lines) > 1 and _RULE.match(lines[1]):
        return _table(lines)
    if all(line.startswith("- ") for line in lines):
        return "<ul>" + "".join(f"<li>{_words(line[2:])}</li>" for line in lines) + "</ul>"
    return f"<p>{_words(' '.join(lines))}</p>"


def _table(lines: list[str]) -> str:
    head, *rows = [_cells(line) for line in (lines[0], *lines[2:])]
    top = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _cells(line: str) -> list[str]:
    found = _TABLE_LINE.match(line)
    return [_words(cell.strip()) for cell in found[1].split("|")] if found else []


def _words(text: str) -> str:
    """Escape, then code, strong, emphasis; a link becomes its words."""
    escaped = html.escape(text, quote=True)
    parts = re.split(r"`([^`]+)`", escaped)
    for at, part in enumerate(parts):
        if at % 2:
            parts[at] = f"<code>{part}</code>"
            continue
        part = re.sub(r"\[([^\]]+)\]\([^)\s]+\)", r"\1", part)
        part = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", part)
        parts[at] = re.sub(r"\*([^*]+)\*", r"<em>\1</em>", part)
    return "".join(parts)
