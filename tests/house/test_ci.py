"""CI runs all of it: what is skipped on a desk fails there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tree import ROOT

SKIPPING = '''
import pytest

def test_needs_a_tool():
    """Something that needs a tool."""
    pytest.skip("no such tool here")
'''


@pytest.mark.slow
@pytest.mark.parametrize(("everything_required", "status"), [("1", 1), ("", 0)], ids=["in CI", "on a desk"])
def test_a_skip_is_a_failure_in_ci_alone(tmp_path: Path, everything_required: str, status: int) -> None:
    """A visitor without Go still gets a green run; a green run in CI means that everything ran."""
    (tmp_path / "conftest.py").write_bytes((ROOT / "tests" / "conftest.py").read_bytes())
    (tmp_path / "test_skipping.py").write_text(SKIPPING)
    environment = {**os.environ, "COMITY_CI": everything_required}

    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(tmp_path)],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert ran.returncode == status, ran.stdout
    assert ("requires every test to run" in ran.stdout) is bool(status)


@pytest.mark.parametrize("script", [".ci/run", "tools/find-python", "tools/pin"])
def test_the_scripts_are_executable_and_parse(script: str) -> None:
    """A script that CI or make runs is fit to run before it is needed."""
    path = ROOT / script
    shell = path.read_text().splitlines()[0].rsplit("/", 1)[-1].split()[-1]

    assert os.access(path, os.X_OK)
    subprocess.run([shell, "-n", str(path)], check=True, capture_output=True)


def test_python_without_ensurepip_is_told_its_debian_package(tmp_path: Path) -> None:
    """Where Debian left out what a virtual environment needs, make names the package that brings it."""
    (tmp_path / "ensurepip.py").write_text("raise ImportError\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHON": sys.executable}

    ran = subprocess.run(
        [ROOT / "tools" / "find-python"], env=environment, capture_output=True, text=True, check=False
    )

    assert ran.returncode == 1
    assert f"apt-get install python{sys.version_info[0]}.{sys.version_info[1]}-venv" in ran.stderr
