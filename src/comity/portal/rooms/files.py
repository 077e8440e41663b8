"""The portal's files: style, script, those of django-allauth and what was fetched, served from an allow-list.

The list is made once, from the folders of the installed apps; a name that is not in it is 404, whatever lies on the
disk.  An address ends in the digest of its file, so a browser may keep it for a year, and a new file is a new address.

`verify.html`, which checks a report in a reader's browser, is handed over to be saved and not shown: opened from the
disk it is nobody's page but the reader's, once its digest was compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from django.contrib.staticfiles import finders
from django.core.files.storage import Storage
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from comity.report.verify_page import PAGE_NAME, verify_page

__all__ = ["FILES_OF", "Named", "checking_page", "files", "static_file"]

FILES_OF: Final = ("portal/", "vendor/", "mfa/js/", "account/js/")
TYPES: Final = {
    ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
    ".html": "text/html; charset=utf-8", ".woff2": "font/woff2",
}  # fmt: skip
YEAR: Final = 31_536_000


@dataclass(frozen=True, slots=True)
class File:
    """One file that is served."""

    content: bytes = field(repr=False)
    kind: str
    digest: str


@cache
def files() -> Mapping[str, File]:
    """Every file that the portal serves, by its name."""
    found: dict[str, File] = {}
    for finder in finders.get_finders():
        for name, storage in finder.list([]):
            full = f"{getattr(storage, 'prefix', None)}/{name}" if getattr(storage, "prefix", None) else name
            if full.startswith(FILES_OF) and Path(full).suffix in TYPES:
                content = Path(storage.path(name)).read_bytes()
                found[full] = File(content, TYPES[Path(full).suffix], sha256(content).hexdigest()[:16])
    return found


class Named(Storage):
    """Writes the address of a file for `{% static %}`."""

    def url(self, name: str | None) -> str:
        """The address, with the digest of what is there now."""
        if name is None or name not in files():
            raise AssertionError(f"no file of the portal is called {name}")
        return f"/static/{name}?v={files()[name].digest}"


@require_safe
def static_file(request: HttpRequest, name: str) -> HttpResponse:
    """One file of the list."""
    found = files().get(name)
    if found is None:
        raise Http404("no such file")
    answer = HttpResponse(found.content, content_type=found.kind)
    kept = request.GET.get("v") == found.digest
    answer["Cache-Control"] = f"public, max-age={YEAR}, immutable" if kept else "no-cache"
    return answer


@require_safe
def checking_page(request: HttpRequest) -> HttpResponse:
    """The page that checks a report, to be saved."""
    answer = HttpResponse(verify_page(), content_type=TYPES[".html"])
    answer["Content-Disposition"] = f'attachment; filename="{PAGE_NAME}"'
    answer["Cache-Control"] = "no-cache"
    return answer
