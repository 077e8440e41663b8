"""System checks of the portal, with ids and hints as Django's own.

| id | says |
|---|---|
| `portal.E001` | a projection can be written around the fence |
| `portal.E002` | the connection of the projections can write |
| `portal.E003` | a page's script or style may come from elsewhere, or stand in the page |
| `portal.E004` | a table is neither a projection nor a local table that is listed |
| `portal.E005` | a session would not ask for a second factor |
"""

from collections.abc import Sequence
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import register as enrol
from django.db import DatabaseError, connections

from comity.portal.house import the_house
from comity.portal.projections.fence import READ, ReadOnly
from comity.portal.projections.models import Projection
from comity.portal.projections.roles import HINT, why_it_could_write
from comity.portal.settings.base import CSP

__all__ = ["LOCAL_TABLES", "register"]

LOCAL_TABLES: Final = frozenset((
    "accounts.Account", "accounts.Invitation", "account.EmailAddress", "account.EmailConfirmation",
    "auth.Group", "auth.Permission", "contenttypes.ContentType", "mfa.Authenticator", "sessions.Session",
    "socialaccount.SocialAccount", "socialaccount.SocialApp", "socialaccount.SocialToken",
))  # fmt: skip
"""Tables that are no projections: who signs in, how, and until when. Anything about a case is a projection."""


def register() -> None:
    """Enrol the checks with Django, once."""
    for check in (projections_are_fenced, projections_are_read_only, pages_load_their_own, tables_are_listed, two):
        enrol(check)


def projections_are_fenced(app_configs: Any, **named: Any) -> Sequence[CheckMessage]:
    """No projection has a manager or a `save` of its own."""
    found: list[CheckMessage] = []
    for model in apps.get_app_config("projections").get_models():
        fenced = issubclass(model, Projection) and type(model._default_manager) is ReadOnly
        if not fenced or model.save is not Projection.save or model.delete is not Projection.delete:
            found.append(
                Error(
                    f"{model.__name__} can be written without the projector",
                    hint="derive it from Projection, with its manager, and leave save and delete alone",
                    obj=model, id="portal.E001",
                )
            )  # fmt: skip
    return found


def projections_are_read_only(app_configs: Any, **named: Any) -> Sequence[CheckMessage]:
    """SQLite opens the projections with `mode=ro`; PostgreSQL says of the pages' role that it could not write them."""
    database = settings.DATABASES[READ]
    if "postgresql" in database["ENGINE"]:
        return _role_is_read_only()
    if "mode=ro" in str(database["NAME"]) and database.get("OPTIONS", {}).get("uri"):
        return []
    return [Error("a page could write the projections", hint="open the file with mode=ro", id="portal.E002")]


def _role_is_read_only() -> Sequence[CheckMessage]:
    try:
        with connections[READ].cursor() as cursor:
            cursor.execute("SELECT session_user")
            (role,) = cursor.fetchone()
            why = why_it_could_write(cursor, role, connections[READ].settings_dict["SCHEMA"])
    except DatabaseError as fault:
        told = str(fault).strip().split("\n")[0]
        hint = "see that the database answers to the address in keys/projections-reader"
        return [Error(f"nobody can say whether pages could write the projections: {told}", hint=hint, id="portal.E002")]
    if not why:
        return []
    return [Error(f"the role {role}, under which pages read, {why}", hint=HINT, id="portal.E002")]


def pages_load_their_own(app_configs: Any, **named: Any) -> Sequence[CheckMessage]:
    """The Content-Security-Policy is the strict one."""
    policy = getattr(settings, "CONTENT_SECURITY_POLICY", {}).get("DIRECTIVES", {})
    one = the_house().institution
    also = {"form-action": {one.origin}} if one is not None else {}
    loose = [name for name, own in CSP.items() if set(policy.get(name, ["*"])) - set(own) - also.get(name, set())]
    if not loose:
        return []
    hint = "serve scripts, styles and fonts from the portal's own files"
    return [Error(f"pages may load more than their own files: {', '.join(loose)}", hint=hint, id="portal.E003")]


def tables_are_listed(app_configs: Any, **named: Any) -> Sequence[CheckMessage]:
    """Every table that is no projection is one of `LOCAL_TABLES`."""
    others = {model._meta.label for model in apps.get_models() if not issubclass(model, Projection)} - LOCAL_TABLES
    hint = "make it a projection; or, if it is about no case, list it in comity.portal.checks"
    return [Error(f"{name} is a table that nobody listed", hint=hint, id="portal.E004") for name in sorted(others)]


def two(app_configs: Any, **named: Any) -> Sequence[CheckMessage]:
    """The gate is in place, and no deployed portal lets a link stand for two factors."""
    gate = "comity.portal.accounts.gate.SecondFactorGate" in settings.MIDDLEWARE
    if gate and not (settings.LINK_IS_ENOUGH and settings.SESSION_COOKIE_SECURE):
        return []
    hint = "keep SecondFactorGate in MIDDLEWARE and LINK_IS_ENOUGH to the demo"
    return [Error("somebody with one factor would see cases", hint=hint, id="portal.E005")]
