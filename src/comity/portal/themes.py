"""Themes: what pages look like. A style sheet or three, and a table from our components to a theme's class names.

Templates name our own components.  A theme's table adds class names to them while a template is read, once; pages are
then made as ever.  The plain theme has no table, so its templates are what is written.

| theme | is |
|---|---|
| `plain` | our own, without anything foreign |
| `ecl-ec` | the European Commission's component library, as `comity portal fetch ecl-ec` brought it; no logo is in it |
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

__all__ = ["PLAIN", "THEMES", "Theme", "dressed"]

PLAIN: Final = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """One look."""

    part: str = ""
    """What has to be fetched before; empty where nothing has."""
    before: tuple[str, ...] = ()
    """Style sheets that come before our own, by their names among the static files."""
    after: tuple[str, ...] = ()
    classes: Mapping[str, str] = field(default_factory=dict)
    """Component, as `tag` or `tag.class` → the theme's class names."""


THEMES: Final[Mapping[str, Theme]] = {
    PLAIN: Theme(),
    "ecl-ec": Theme(
        part="ecl-ec",
        before=("vendor/ecl-ec/ecl-ec.css",),
        after=("portal/ecl.css",),
        classes={
            "button.primary": "ecl-button ecl-button--primary",
            "button.danger": "ecl-button ecl-button--primary",
            "button.plain": "ecl-link ecl-link--standalone",
            "button": "ecl-button ecl-button--secondary",
            "a.button": "ecl-button ecl-button--secondary",
            "label": "ecl-form-label",
            "legend": "ecl-form-label",
            "div.field": "ecl-form-group",
        },
    ),
}
"""Name → theme."""

TAGS: Final = sorted({name.partition(".")[0] for theme in THEMES.values() for name in theme.classes})
START: Final = re.compile(rf"<({'|'.join(TAGS)})(?=[\s>{{])((?:{{%.*?%}}|{{{{.*?}}}}|[^>])*)>", re.DOTALL)
CLASS: Final = re.compile(r'\sclass="([^"]*)"')


def dressed(source: str, classes: Mapping[str, str]) -> str:
    """A template with a theme's class names beside ours; of several entries for a tag the one for its class counts.

    >>> dressed('<button class="primary">x</button>', {"button.primary": "ecl-button"})
    '<button class="ecl-button primary">x</button>'
    """
    return START.sub(lambda found: _dressed(found, classes), source)


def _dressed(found: re.Match[str], classes: Mapping[str, str]) -> str:
    tag, attributes = found[1], found[2]
    own = CLASS.search(attributes)
    names = re.sub(r"{%.*?%}|{{.*?}}", " ", own[1]).split() if own is not None else []
    more = next((classes[f"{tag}.{name}"] for name in names if f"{tag}.{name}" in classes), classes.get(tag, ""))
    if not more:
        return found[0]
    if own is None:
        return f'<{tag} class="{more}"{attributes}>'
    at = own.start(1)
    return f"<{tag}{attributes[:at]}{more} {attributes[at:]}>"
