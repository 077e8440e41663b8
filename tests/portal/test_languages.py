"""English and French: every word of the pages' own in both, and one catalogue, written and compiled."""

import gettext
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from houses import RICH, World

import comity.portal
from comity.engagement.brief import ROWS

PORTAL = Path(comity.portal.__file__).parent
CATALOGUE = PORTAL / "locale" / "fr" / "LC_MESSAGES"
LITERAL = re.compile(r"""\{% trans (?:"([^"]+)"|'([^']+)')""")
STRING = r'((?:"(?:[^"\\]|\\.)*"\n?)+)'


def literals() -> set[str]:
    """Every text that a template states to be translated."""
    texts = (path.read_text() for path in (PORTAL / "templates").rglob("*.html"))
    return {one or other for text in texts for one, other in LITERAL.findall(text)}


def words() -> Iterator[str]:
    """Words that code hands to templates."""
    from comity.portal.accounts.models import ROLES
    from comity.portal.projections.entry_text import TITLES as KINDS
    from comity.portal.rooms.acting import GROUPS, TITLES
    from comity.portal.rooms.portfolio import STAGES

    yield from ROLES.values()
    yield from KINDS.values()
    yield from TITLES.values()
    yield from STAGES
    yield from (title for title, _ in GROUPS)
    yield from (title[:1].upper() + title[1:] for title, _ in ROWS.values())


def french() -> gettext.GNUTranslations:
    with (CATALOGUE / "django.mo").open("rb") as file:
        return gettext.GNUTranslations(file)


def test_french_is_complete_for_the_pages_own_words(world: World) -> None:
    """Every text of a template and every word that code hands to one has a French one."""
    told = french()
    wanted = literals() | set(words())

    assert len(wanted) > 350
    assert not sorted(one for one in wanted if told.gettext(one) == one and one not in alike())


def alike() -> set[str]:
    """Texts that the written catalogue states to be the same."""
    source = (CATALOGUE / "django.po").read_text()
    pairs = re.findall(rf"^msgid {STRING}msgstr {STRING}", source, re.MULTILINE)
    return {plain(one) for one, other in pairs if plain(one) == plain(other)}


def plain(quoted: str) -> str:
    parts = re.findall(r'"((?:[^"\\]|\\.)*)"', quoted)
    return "".join(parts).replace('\\"', '"').replace("\\n", "\n")


def test_the_catalogue_that_is_read_follows_from_the_one_that_is_written() -> None:
    """Each entry of the text file is in the compiled one, to the letter."""
    source, told = (CATALOGUE / "django.po").read_text(), french()
    single = re.findall(rf"^msgid {STRING}msgstr {STRING}", source, re.MULTILINE)
    plural = re.findall(rf"^msgid {STRING}msgid_plural {STRING}msgstr\[0\] {STRING}msgstr\[1\] {STRING}", source, re.M)

    assert len(single) > 400 and len(plural) > 8
    assert not [one for one, other in single if plain(one) and told.gettext(plain(one)) != plain(other)]
    for one, many, first, second in plural:
        assert [plain(first), plain(second)] == [told.ngettext(plain(one), plain(many), n) for n in (1, 2)]


def test_a_page_is_french_and_its_facts_are_as_they_were_entered(world: World, visit: Callable[[str], Any]) -> None:
    """Headings change with the language; what an entry says is never translated."""
    browser = visit("handler")
    browser.post("/language/", {"language": "fr", "next": f"/case/{RICH}/"})
    page = browser.get(f"/case/{RICH}/").content.decode()

    for heading in ("Délais", "Accès : promis, fourni, utilisé, refusé", "Dernières inscriptions", "Se déconnecter"):
        assert heading in page
    assert "access requested: nova-5, by source_code, gradients" in page and "System prompt" in page
    assert "35 jours de retard" in page
