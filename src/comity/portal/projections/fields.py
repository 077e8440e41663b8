"""Columns that hold the same, and come in the same order, in SQLite and in PostgreSQL.

| column | PostgreSQL by itself | here |
|---|---|---|
| text | is in the locale's order, refuses NUL | is in the order of its bytes, NUL becomes U+FFFD |
| short text | refuses what is longer than the column | enforces no length, as SQLite |
| JSON | `jsonb` sorts members, refuses NUL | is the text as it was written |

Integers have 64 bits in both.
"""

import json
import re
from typing import Any, Final

from django.db import models
from django.db.models import lookups

__all__ = ["JsonText", "Text", "Words"]

NO_TEXT: Final = re.compile("[\0\ud800-\udfff]")
"""What a page cannot show and one of the databases refuses: NUL, and halves of surrogate pairs."""
BYTEWISE: Final = "C"
"""PostgreSQL's collation that compares bytes, as SQLite does."""


class _Bytewise(models.Field):  # type: ignore[type-arg]
    """Text in the order of its bytes."""

    def db_type(self, connection: Any) -> str | None:
        """`text` in PostgreSQL, whatever the length."""
        return "text" if connection.vendor == "postgresql" else super().db_type(connection)

    def db_parameters(self, connection: Any) -> Any:
        """With the collation, which only PostgreSQL has to be told."""
        found = super().db_parameters(connection)
        return {**found, "collation": BYTEWISE} if connection.vendor == "postgresql" else found

    def get_prep_value(self, value: Any) -> Any:
        """The text as both databases take it, in a row and in a question about rows."""
        value = super().get_prep_value(value)
        return NO_TEXT.sub("\ufffd", value) if isinstance(value, str) else value


class _SameButForCase(lookups.IExact):
    """Equal but for the case of ASCII's letters, as SQLite compares."""

    prepare_rhs = True

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """Both sides by the same collation: the locale's own would fold more letters, and on one side alone."""
        (column, named), (value, given) = self.process_lhs(compiler, connection), self.process_rhs(compiler, connection)
        return f'{column} = UPPER({value} COLLATE "{BYTEWISE}")', [*named, *given]


_Bytewise.register_lookup(_SameButForCase)


class Words(_Bytewise, models.CharField):  # type: ignore[type-arg]
    """A short text."""


class Text(_Bytewise, models.TextField):  # type: ignore[type-arg]
    """A text of any length."""


class JsonText(models.JSONField):
    """JSON that is read as a whole: its members stay in the order in which they were written."""

    def db_type(self, connection: Any) -> str:
        """Text in both."""
        return "text"

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """ASCII, in which every text of JSON can be written."""
        return None if value is None else json.dumps(value)
