"""What others wrote comes from pinned packages alone, and from nothing else."""

import base64
import io
import tarfile
from collections.abc import Mapping
from hashlib import sha512
from pathlib import Path

import pytest
from click.testing import CliRunner
from packages import part_into

from comity.cli.main import main
from comity.portal.vendored import PARTS, CannotVendor, Package, Part, held, unpack


def archive(files: Mapping[str, bytes]) -> bytes:
    """A package as a registry has it."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return made.getvalue()


def part(content: bytes, files: Mapping[str, str]) -> Part:
    digest = base64.b64encode(sha512(content).digest()).decode()
    rewrites = (("from far", "from here"),)
    return Part(
        licence="MIT",
        packages=(Package(name="@a/b", version="1.0.0", integrity=digest, files=files, rewrites=rewrites),),
    )


def test_the_pinned_archive_is_unpacked_and_rewritten(tmp_path: Path) -> None:
    """Listed files come to their places, unlisted ones do not come."""
    content = archive({"a.js": b"import x from far", "b.js": b"left", "LICENSE": b"MIT"})
    files = unpack(part(content, {"a.js": "x/a.js", "LICENSE": "LICENSE"}), lambda package: content, tmp_path / "n")

    assert [tmp_path / "n/LICENSE", tmp_path / "n/x/a.js"] == files
    assert b"import x from here" == (tmp_path / "n/x/a.js").read_bytes()
    assert 2 == len([path for path in (tmp_path / "n").rglob("*") if path.is_file()])


def test_another_archive_and_a_missing_file_write_nothing(tmp_path: Path) -> None:
    """A changed archive, one without a listed file, and one with a link in its place are refused whole."""
    content = archive({"a.js": b"x"})
    link = io.BytesIO()
    with tarfile.open(fileobj=link, mode="w:gz") as tar:
        one = tarfile.TarInfo("package/a.js")
        one.type, one.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(one)
    for pinned, came in (
        (part(content, {"a.js": "a.js"}), archive({"a.js": b"y"})),
        (part(content, {"a.js": "a.js", "b.js": "b.js"}), content),
        (part(link.getvalue(), {"a.js": "a.js"}), link.getvalue()),
    ):
        with pytest.raises(CannotVendor):
            unpack(pinned, lambda package, came=came: came, tmp_path / "n")
        assert not (tmp_path / "n").exists()


def test_places_stay_in_their_folder() -> None:
    """No listed file leads out of its part's folder, every part brings its licence, and every pin is a SHA-512."""
    for one in PARTS.values():
        for package in one.packages:
            assert "LICENSE" in package.files and 64 == len(base64.b64decode(package.integrity))
            assert not [place for place in package.files.values() if place.startswith("/") or ".." in place]


def test_a_missing_archive_is_told_in_one_sentence(tmp_path: Path) -> None:
    """`--from` names what it looked for, and a home without a part does not say that it holds it."""
    home = tmp_path / "home"
    run = CliRunner().invoke
    words = ["--name", "Office", "--role", "authority", "--host", "office.example"]
    assert 0 == run(main, ["--home", str(home), "init", str(home), *words]).exit_code
    (tmp_path / "empty").mkdir()
    answer = run(main, ["--home", str(home), "portal", "fetch", "opening", "--from", str(tmp_path / "empty")])

    assert 1 == answer.exit_code and "noble-post-quantum-0.7.1.tgz is not in empty/" in answer.output
    assert "Traceback" not in answer.output and not held(home / "portal", "opening")
    served = run(main, ["--home", str(home), "portal", "serve", "--theme", "ecl-ec", "--listen", "127.0.0.1:0"])
    assert 1 == served.exit_code and "comity portal fetch ecl-ec" in served.output


@pytest.mark.slow
def test_the_real_packages_are_the_pinned_ones(tmp_path: Path) -> None:
    """What the registry serves has the digests that are written down, and the scripts name no package any more."""
    files = part_into("opening", tmp_path / "vendor")

    assert held(tmp_path, "opening")
    lines = [line for path in files if path.suffix == ".js" for line in path.read_text().splitlines()]
    imports = [line for line in lines if line.startswith(("import ", "export ", "} from "))]
    assert [line for line in imports if "../hashes/" in line] and not [line for line in imports if "'@noble" in line]
