"""The fence around the projections: read everywhere, written by the projector alone.

Three things keep it.  Pages read through the connection `projections`, which SQLite opens with `mode=ro` and PostgreSQL
as a role that may only SELECT: there the database itself refuses.  The models refuse `save` and `delete`, and their
manager hands out no way to write, so that a mistake fails with a sentence and not with a locked file.  A system check
refuses a projection that has a way around.

The projector opens the same tables as `projector`, and a rebuild others: aliases that no web process has.
"""

from typing import Any, Final, NoReturn

from django.db import DatabaseError, models

__all__ = ["PROJECTOR", "READ", "ReadOnly", "Router", "WrittenByTheProjectorAlone", "tables_are_missing"]

READ: Final = "projections"
PROJECTOR: Final = "projector"
LABEL: Final = "projections"
MISSING: Final = ("42P01", "42703", "42501")
"""What PostgreSQL says of a table or a column that is not there, and of one that the reader was not given yet."""


class WrittenByTheProjectorAlone(RuntimeError):
    """A page tried to write a projection. What a page wants to change, it appends as an entry."""


class ReadOnlyQuerySet(models.QuerySet[Any]):
    """Reads; every way to write refuses unless the projector's own connection is named."""

    def _writes(self) -> None:
        if self._db in (None, READ):  # type: ignore[attr-defined]
            _refuse()

    def create(self, **named: Any) -> NoReturn:
        """Refuses."""
        _refuse()

    def bulk_create(self, objs: Any, *arguments: Any, **named: Any) -> Any:
        """The projector's way in."""
        self._writes()
        return super().bulk_create(objs, *arguments, **named)

    def update(self, **named: Any) -> int:
        """The projector's alone."""
        self._writes()
        return super().update(**named)

    def delete(self) -> Any:
        """The projector's alone."""
        self._writes()
        return super().delete()

    def get_or_create(self, *arguments: Any, **named: Any) -> NoReturn:
        """Refuses."""
        _refuse()

    def update_or_create(self, *arguments: Any, **named: Any) -> NoReturn:
        """Refuses."""
        _refuse()


class ReadOnly(models.Manager.from_queryset(ReadOnlyQuerySet)):  # type: ignore[misc]
    """The manager of every projection."""


class Router:
    """Sends projections to their own database, and keeps migrations away from it."""

    def db_for_read(self, model: type[models.Model], **hints: Any) -> str | None:
        """Projections are read through the connection that cannot write."""
        return READ if model._meta.app_label == LABEL else None

    def db_for_write(self, model: type[models.Model], **hints: Any) -> str | None:
        """Even who tries to write is led to the connection that refuses."""
        return READ if model._meta.app_label == LABEL else None

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        """The projector makes its tables itself; everything else lives in the default database."""
        return db == "default" and app_label != LABEL


def tables_are_missing(fault: BaseException) -> bool:
    """Whether a page failed because the projector has not made the tables yet, or not those of this release."""
    if not isinstance(fault, DatabaseError):
        return False
    return getattr(fault.__cause__, "sqlstate", None) in MISSING or f"no such table: {LABEL}_" in str(fault)


def _refuse() -> NoReturn:
    raise WrittenByTheProjectorAlone(
        "projections follow from entries: append an entry to the ledger, and the projector writes the rows"
    )
