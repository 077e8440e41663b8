"""Described: what each member of a kind means, as its class states it.

The sentence under a member is its documentation, and the reference page and the commands' help repeat it.
It is read out of the source, because Python keeps no docstring of a member.
"""

import ast
import inspect
from collections.abc import Iterator

from comity.records.casework_items import CaseItem
from comity.records.record import Record

__all__ = ["described"]


def described(cls: type[Record]) -> Iterator[tuple[str, ast.expr, str]]:
    """Name, annotation and meaning (on one line, maybe empty) of each member of a kind, without `at`."""
    if issubclass(cls, CaseItem) and cls is not CaseItem:
        yield from described(CaseItem)
    body = ast.parse(inspect.getsource(cls)).body[0]
    if not isinstance(body, ast.ClassDef):
        raise AssertionError(f"{cls} is no class")
    for place, node in enumerate(body.body):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            after = body.body[place + 1] if place + 1 < len(body.body) else None
            meaning = ""
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                meaning = " ".join(str(after.value.value).split())
            yield node.target.id, node.annotation, meaning
