"""Parts of a page that are kept: what was drawn from the same rows is not drawn again.

    {% kept "timeline" entries case.engagement %} … {% endkept %}

A part is found again by the digest of everything that it is drawn from: each value of each row, the language, and a
time to the minute.  So it is never older than its rows, nothing has to be told when they change, and two people get the
same part only where both were about to be shown the same rows.  Nothing that is somebody's own may stand inside: no
form, no token, no name of who is signed in.

Most of what a page costs is drawing it; its rows come from an index and cost little.
"""

from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from django import template
from django.core.cache import cache
from django.db.models import Model
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from comity import __version__

__all__ = ["register"]

register = template.Library()
SECONDS: Final = 600


class Kept(template.Node):
    """A part and what it is drawn from."""

    def __init__(self, drawn: template.NodeList, values: list[Any]) -> None:
        self.drawn, self.values = drawn, values

    def render(self, context: template.Context) -> SafeString:
        """The part as it was drawn from the same rows, or drawn now."""
        told = [_told(value.resolve(context)) for value in self.values]
        key = sha256(repr((__version__, get_language(), told)).encode()).hexdigest()
        found: str | None = cache.get(key)
        if found is None:
            found = self.drawn.render(context)
            cache.set(key, str(found), SECONDS)
        return mark_safe(found)  # drawn by the template engine, which escaped what stands in it


def _told(value: Any) -> Any:
    """Everything that can be seen of a value."""
    if isinstance(value, Model):
        loaded = {name: one for name, one in value.__dict__.items() if name != "_state"}
        return (type(value).__name__, _told(loaded))
    if isinstance(value, dict):
        return [(name, _told(one)) for name, one in value.items()]
    if isinstance(value, (list, tuple)):
        return [_told(one) for one in value]
    if isinstance(value, datetime):
        return value.isoformat(timespec="minutes")
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise AssertionError(f"a part that is kept is drawn from rows and plain values; got {type(value).__name__}")


@register.tag
def kept(parser: Any, token: Any) -> Kept:
    """Keep what stands until `endkept`; the first value names the part."""
    _, *words = token.split_contents()
    drawn = parser.parse(("endkept",))
    parser.delete_first_token()
    return Kept(drawn, [parser.compile_filter(word) for word in words])
