"""Coverage-guided fuzzing itself: it starts for every target, ends clean, and finds a planted fault."""

import sys
from pathlib import Path

import pytest
from fuzz_targets import TARGETS

from fuzz import guide

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.version_info >= (3, 14), reason="needs Atheris, which has no release for this Python"),
]


def test_a_planted_fault_is_found_within_seconds(tmp_path: Path) -> None:
    """A reader that believes a length beyond its bytes is broken from nothing, and the input that does it is kept."""
    pytest.importorskip("atheris", reason="needs Atheris, which is there for Linux")

    assert guide(["planted"], 20, work=tmp_path) == 1
    [found] = (tmp_path / "crashes").iterdir()
    data = found.read_bytes()
    assert data[:2] == b"v1" and data[2] > len(data) - 3


def test_every_target_is_fuzzed_for_a_moment_and_holds(tmp_path: Path) -> None:
    """Each target, instrumented, with its corpus and its words: none breaks."""
    pytest.importorskip("atheris", reason="needs Atheris, which is there for Linux")

    broken = guide([*TARGETS], 1, runs=1_000, work=tmp_path)

    assert not broken, [path.name for path in (tmp_path / "crashes").iterdir()]
    assert {path.name for path in (tmp_path / "work").iterdir() if path.is_dir()} == {*TARGETS}
