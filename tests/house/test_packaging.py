"""What a visitor installs: every dependency explained, pinned, and the same in each file."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from tree import ROOT, SOURCE, name_of, parsed, python_files

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def pins(name: str) -> dict[str, set[str]]:
    """The versions that one pin file names for each package."""
    found: dict[str, set[str]] = {}
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    for package, version in re.findall(r"^([a-zA-Z0-9._-]+)==([^\s;\\]+)", text, flags=re.MULTILINE):
        found.setdefault(package.lower().replace("_", "-"), set()).add(version)
    return found


def direct(requirements: list[str]) -> set[str]:
    """The packages that a list of requirements names, with those of our own extras."""
    found = set()
    for requirement in requirements:
        if own := re.match(r"comity\[(\w+)\]", requirement):
            found |= direct(EXTRAS[own[1]])
        else:
            package = re.match(r"[A-Za-z0-9._-]+", requirement)
            assert package is not None, requirement
            found.add(package[0].lower().replace("_", "-"))
    return found


def test_every_direct_dependency_is_pinned() -> None:
    """What pyproject.toml asks for is what the pins install, for each purpose."""
    runtime = PROJECT["dependencies"]

    assert direct(runtime) <= set(pins("runtime"))
    assert direct(runtime + EXTRAS["demo"] + EXTRAS["build"]) <= set(pins("demo"))
    assert direct(runtime + EXTRAS["dev"]) <= set(pins("dev"))


def test_the_smaller_pin_files_are_part_of_the_larger() -> None:
    """`make demo` before `make test`, or after it, leads to the same versions."""
    dev, demo = pins("dev"), pins("demo")

    assert {package: dev.get(package) for package in demo} == demo
    assert {package: demo.get(package) for package in pins("runtime")} == pins("runtime")


def test_every_dependency_gives_its_reason() -> None:
    """A dependency is a promise to follow somebody else's releases, so its line says what it is for."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lists = r"^(?:dependencies|evaluation|contract|portal|report|demo|dev|build) = \[\n(.*?)^\]"
    blocks = re.findall(lists, text, flags=re.MULTILINE | re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    unexplained = [line for line in lines if not line.startswith('"comity[') and not re.search(r"#\s+\w+.{8,}", line)]

    assert len(blocks) == 8
    assert not unexplained, "\n".join(unexplained)


def test_what_the_code_imports_is_declared() -> None:
    """Nothing works only because another package happens to bring it along."""
    provided = {
        "cryptography", "apsw", "yaml", "click", "httptools", "uvloop", "uvicorn", "starlette",
        "inspect_ai", "openai", "anthropic", "xllamacpp", "jinja2", "markupsafe", "altair", "vl_convert",
        "psycopg", "prometheus_client", "opentelemetry", "holidays", "typst", "pyhanko", "pyhanko_certvalidator",
        "asn1crypto", "icalendar", "django", "allauth", "rules", "numpy",
    }  # fmt: skip
    foreign = {
        f"{name_of(path)}: {module}"
        for path in python_files("src")
        for module in roots(path)
        if module not in sys.stdlib_module_names | provided | {"comity"} and not module.startswith("gemma3_270m")
    }
    assert not foreign, "\n".join(sorted(foreign))


def roots(path: Path) -> set[str]:
    """The top-level packages that a module imports from outside."""
    found = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_make_explains_itself() -> None:
    """`make` alone lists the targets, each with a line that says what it is for."""
    said = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    for target in ("demo", "test", "check", "bench", "docs", "help"):
        assert re.search(rf"make {target} +[A-Z].{{10,}}", said), target


def test_the_package_is_typed_and_has_a_version() -> None:
    """Who imports Comity gets its types, and a version to name."""
    from comity import __version__

    assert (SOURCE / "py.typed").exists()
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)
