"""A bundle's zip file: read without trust in whoever packed it."""

import io
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.verify.bundle_world import World, make_world

from comity.records import canonical_bytes, parse_canonical
from comity.verify import verify_bundle
from comity.verify.archive import Archive, is_bundle_name, read_manifest
from comity.verify.errors import MalformedBundle


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A published report, packed."""
    return make_world(tmp_path_factory.mktemp("archive"))


def repacked(world: World, add: Callable[[zipfile.ZipFile], None], *, without: str = "") -> Path:
    """The bundle with something added that no writer of ours would add."""
    out = world.folder / "tricky.zip"
    with zipfile.ZipFile(world.pack()) as old, zipfile.ZipFile(out, "w") as new:
        for member in old.infolist():
            if member.filename != without:
                new.writestr(member, old.read(member), zipfile.ZIP_DEFLATED)
        add(new)
    return out


def failing(path: Path) -> tuple[str, str, str]:
    found = verify_bundle(path)
    assert not found.verdict.stands
    assert found.rung == 0
    first = found.verdict.failures[0]
    return first.name, first.where, first.detail


@pytest.mark.parametrize(
    "name",
    [
        "../outside.json", "/etc/passwd", "sealed/../../x.json", "ledger/../terms.json", "C:\\terms.json",
        "terms.json/", "sealed\\1-request.json", "ledger/tile/0/000.p/../1", "SEALED/1-request.json",
        "sealed/01-request.json",
        "sealed/1-request.json\0", "disclosed/-1.json", "extra.txt", "ledger/tile/0/0", "./report.json", "",
    ],
)  # fmt: skip
def test_a_name_that_no_bundle_has_is_refused(world: World, name: str) -> None:
    """Whatever leads elsewhere, or is spelled otherwise, is named and nothing else is looked at."""
    assert not is_bundle_name(name)

    def add(archive: zipfile.ZipFile) -> None:
        member = zipfile.ZipInfo("placeholder.txt")
        member.filename = name
        archive.writestr(member, b"x")

    fact, where, _ = failing(repacked(world, add))
    assert fact == "archive"
    assert where or not name


def test_a_name_twice_is_refused(world: World) -> None:
    """Two readers of such a file may each see another report."""
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = repacked(world, lambda archive: archive.writestr("report.json", b"{}"))

    assert failing(path) == ("archive", "report.json", "the name stands twice in the archive")


def test_links_folders_and_devices_are_refused(world: World) -> None:
    """A member is a file."""
    for mode in (stat.S_IFLNK | 0o777, stat.S_IFDIR | 0o755, stat.S_IFCHR | 0o600):

        def add(archive: zipfile.ZipFile, mode: int = mode) -> None:
            member = zipfile.ZipInfo("drawn.json")
            member.create_system, member.external_attr = 3, mode << 16
            archive.writestr(member, b"/etc/passwd")

        fact, where, detail = failing(repacked(world, add))
        assert (fact, where) == ("archive", "drawn.json")
        assert "a link, a folder or a device" in detail


def test_what_unpacks_to_far_more_than_its_size_is_refused_before_it_is_unpacked(world: World) -> None:
    """A bomb is told by its declared sizes."""
    path = repacked(
        world, lambda archive: archive.writestr("sealed/5-request.json", bytes(150 << 20), zipfile.ZIP_DEFLATED, 9)
    )
    fact, where, detail = failing(path)
    assert (fact, where) == ("archive", "sealed/5-request.json")
    assert "no text of ours" in detail


def test_a_size_beyond_what_its_kind_needs_is_refused(world: World) -> None:
    """A report of two megabytes is none."""
    path = repacked(world, lambda archive: archive.writestr("report.json", bytes(2 << 20)), without="report.json")
    fact, where, detail = failing(path)
    assert (fact, where) == ("archive", "report.json")
    assert "at most" in detail


def test_a_false_size_is_caught_when_the_file_is_read(world: World) -> None:
    """Sizes that lie, small in the directory and large in the stream, give an error and not the content."""
    path = world.folder / "lying.zip"
    data = bytearray(world.pack().read_bytes())
    at = data.rfind(b"PK\x01\x02", 0, data.rfind(b"report.html"))
    struct.pack_into("<L", data, at + 24, 10)  # the unpacked size in the central directory
    path.write_bytes(bytes(data))

    fact, where, _ = failing(path)
    assert (fact, where) == ("archive", "report.html")


def test_packing_by_other_methods_and_encryption_are_refused(world: World) -> None:
    """Stored and deflate are all that a reader needs."""
    path = repacked(world, lambda archive: archive.writestr("drawn.json", b"{}" * 9, zipfile.ZIP_BZIP2))
    assert "stored and deflate" in failing(path)[2]
    data = bytearray(world.pack().read_bytes())
    at = data.find(b"PK\x01\x02")
    struct.pack_into("<H", data, at + 8, 1)
    (world.folder / "locked.zip").write_bytes(bytes(data))
    assert "encrypted" in failing(world.folder / "locked.zip")[2]


def test_bytes_before_between_and_behind_the_files_are_refused(world: World) -> None:
    """A bundle is a zip file and no other kind of file beside it."""
    data = world.pack().read_bytes()
    for name, content in (("program.zip", b"#!/bin/sh\n" + data), ("prefixed.zip", b"PK\x03\x04" + data)):
        (world.folder / name).write_bytes(content)
        assert failing(world.folder / name)[0] == "archive"

    def comment(archive: zipfile.ZipFile) -> None:
        archive.comment = b"see also"

    assert "comment" in failing(repacked(world, comment))[2]


def test_too_many_files_are_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of members is bounded, whatever their size."""
    monkeypatch.setattr("comity.verify.archive.MAX_FILES", 10)
    assert "at most 10" in failing(world.pack())[2]


def test_a_missing_file_and_one_that_the_list_does_not_name_are_told(world: World) -> None:
    """`bundle.json` names every other file, by digest."""
    assert failing(repacked(world, lambda archive: None, without="report.html"))[:2] == ("archive", "report.html")
    assert failing(repacked(world, lambda archive: None, without="bundle.json"))[:2] == ("archive", "bundle.json")
    fact, where, detail = failing(repacked(world, lambda archive: archive.writestr("disclosed/7.json", b"{}")))
    assert (fact, where, detail) == ("manifest", "disclosed/7.json", "bundle.json does not name it")


def test_a_file_changed_without_its_digest_is_named(world: World) -> None:
    """The forger who forgets the list is caught by the list, and by the record too."""
    page = world.files["report.html"].replace(b"71.4%", b"91.4%")
    path = repacked(world, lambda archive: archive.writestr("report.html", page), without="report.html")
    found = verify_bundle(path)
    assert {"manifest", "published", "page"} <= {fact.name for fact in found.verdict.failures}
    assert {"report.html"} == {fact.where for fact in found.verdict.failures}


def test_what_is_no_zip_file_is_said_to_be_none(tmp_path: Path) -> None:
    """An empty file, a text, a cut archive: one failing fact, and no exception."""
    for content in (b"", b"hello", b"PK\x03\x04", b"PK\x05\x06" + bytes(18)):
        path = tmp_path / "none.zip"
        path.write_bytes(content)
        assert failing(path)[0] == "archive"
    assert failing(tmp_path / "absent.zip")[0] == "archive"


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_change_of_bytes_gets_past_or_raises(world: World, data: st.DataObject) -> None:
    """Bytes changed, cut out or put in anywhere: the bundle still verifies to the same content, or a fact fails."""
    whole = bytearray(world.pack("whole.zip").read_bytes())
    at = data.draw(st.integers(0, len(whole) - 1))
    match data.draw(st.sampled_from(["change", "cut", "insert", "truncate"])):
        case "change":
            whole[at] ^= data.draw(st.integers(1, 255))
        case "cut":
            del whole[at : at + data.draw(st.integers(1, 64))]
        case "insert":
            whole[at:at] = data.draw(st.binary(min_size=1, max_size=32))
        case _:
            del whole[at:]
    path = world.folder / "fuzzed.zip"
    path.write_bytes(bytes(whole))
    found = verify_bundle(path)

    if found.verdict.stands:  # a time, a version, a flag that changes no content
        with Archive(path) as archive:
            same = {name: archive.read(name) for name in archive.names if name != "bundle.json"}
        assert same == world.files


@given(st.binary(max_size=400))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_reader_of_archives_is_total(tmp_path: Path, data: bytes) -> None:
    """Whatever the bytes, and whatever a well-formed archive of them holds, the one error comes of it."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("bundle.json", data)
    for content in (data, made.getvalue()):
        path = tmp_path / "any.zip"
        path.write_bytes(content)
        try:
            with Archive(path) as archive_:
                read_manifest(archive_.read("bundle.json"))
        except MalformedBundle:
            pass
        assert not verify_bundle(path).verdict.stands


def test_the_list_of_digests_reads_back(world: World) -> None:
    """It is canonical JSON with exactly its members."""
    with Archive(world.pack()) as archive:
        members = parse_canonical(archive.read("bundle.json"), limit=1 << 20)
    assert read_manifest(canonical_bytes(members)).files == members["files"]
    for change in ({"format": "comity bundle/2"}, {"files": []}, {"run": 1}, {"ledger": None}, {"more": 1}):
        with pytest.raises(MalformedBundle):
            read_manifest(canonical_bytes(members | change))
