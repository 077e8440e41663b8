"""Pages: whether what was signed are the pages that the terms render to.

A PDF is changed by appending a revision that replaces objects of the file (ISO 32000-2, section 7.5.6).  A signing
program appends one with the signature.  It may replace the catalogue, to add the form; a page, to add the
signature's field; and the descriptions of the file.  Whatever else is replaced, removed or hung up is a change of
the pages, and so is a file whose revisions do not build on the rendered one.

Not promised: that the field's visible mark hides nothing. Its size stands among the facts.
"""

from collections.abc import Iterable
from typing import Any, Final

__all__ = ["changed_before"]

CATALOGUE: Final = frozenset({"/AcroForm", "/DSS", "/Extensions", "/Perms", "/Version"})
"""Members of the catalogue that signing adds or changes; none of them shows anything but fields of the form."""

PAGE: Final = frozenset({"/Annots", "/Tabs", "/LastModified"})


def changed_before(reader: Any, rendered: Any, signed: int) -> str:
    """What changed between the rendered pages and the revision `signed`, beside signing; empty where nothing did.

    `reader` reads the signed file, `rendered` the file that the terms render to, which the other begins with.
    """
    if reader.xrefs.get_startxref_for_revision(0) != rendered.xrefs.get_startxref_for_revision(0):
        return "what follows the pages does not build on them"
    before, after = reader.get_historical_resolver(0), reader.get_historical_resolver(signed)
    if after.root_ref != before.root_ref:
        return "the file has another catalogue than the pages"
    for revision in range(1, signed + 1):
        if reader.xrefs.refs_freed_in_revision(revision):
            return "objects of the pages were removed"
        for ref in sorted(reader.xrefs.explicit_refs_in_revision(revision), key=lambda ref: ref.idnum):
            if reader.xrefs.get_introducing_revision(ref) == 0:
                problem = _changed(ref, before, after)
                if problem:
                    return problem
    return _form(after.root)


def _changed(ref: Any, before: Any, after: Any) -> str:
    old, new = before.get_object(ref), after.get_object(ref)
    if old == new and getattr(old, "data", None) == getattr(new, "data", None):
        return ""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return f"object {ref.idnum} was replaced"
    keys = {key for key in old.keys() | new.keys() if _raw(old, key) != _raw(new, key)}
    if ref == before.root_ref:
        return _outside(keys, CATALOGUE, "the catalogue")
    if _at(old, "/Type") == "/Page":
        return _outside(keys, PAGE, "a page") or _annotations(_at(old, "/Annots"), _at(new, "/Annots"))
    if _is_description(old, new) or _is_info(ref, before):
        return ""
    return f"object {ref.idnum} was replaced"


def _raw(held: Any, key: str) -> Any:
    return held.raw_get(key) if key in held else None


def _at(held: Any, key: str) -> Any:
    """What stands under a key, itself and not a reference to it; `None` where nothing does."""
    found = _raw(held, key)
    return found.get_object() if hasattr(found, "get_object") else found


def _outside(keys: Iterable[str], allowed: frozenset[str], what: str) -> str:
    others = sorted(set(keys) - allowed)
    return f"{what} was changed in {', '.join(others)}" if others else ""


def _is_description(old: Any, new: Any) -> bool:
    return bool(_at(old, "/Type") == "/Metadata" == _at(new, "/Type"))


def _is_info(ref: Any, before: Any) -> bool:
    info = before.trailer_view.raw_get("/Info") if "/Info" in before.trailer_view else None
    return bool(info is not None and getattr(info, "reference", None) == ref)


def _annotations(old: Any, new: Any) -> str:
    held = list(old or ())
    strange = [one for one in new or () if one not in held and not _is_signature_field(one.get_object())]
    return "something other than a signature was put on a page" if strange else ""


def _is_signature_field(widget: Any) -> bool:
    kind = _at(widget, "/FT") or ("/Parent" in widget and _at(_at(widget, "/Parent"), "/FT"))
    return bool(_at(widget, "/Subtype") == "/Widget" and kind == "/Sig" and "/AA" not in widget and "/A" not in widget)


def _form(root: Any) -> str:
    form = _at(root, "/AcroForm")
    if form is None:
        return ""
    if "/XFA" in form or any(_at(field.get_object(), "/FT") != "/Sig" for field in _at(form, "/Fields") or ()):
        return "the form holds other fields than those of signatures"
    return ""
