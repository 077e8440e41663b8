"""Examples in docstrings run, so that a specification cannot drift from its module."""

import doctest
import importlib
from pathlib import Path

import pytest
from tree import module_of, python_files

WITH_EXAMPLES = [path for path in python_files("src") if ">>> " in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=module_of)
def test_the_examples_in_a_docstring_hold(path: Path) -> None:
    """What a docstring shows is what the module answers."""
    outcome = doctest.testmod(importlib.import_module(module_of(path)), optionflags=doctest.ELLIPSIS)

    assert outcome.attempted > 0
    assert outcome.failed == 0
