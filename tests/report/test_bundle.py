"""Writing a bundle: the same content gives the same bytes, whole or not at all."""

import zipfile
from pathlib import Path

import pytest
from tests.verify.bundle_world import World, make_world

from comity.report.bundle import BundleRefused, bundle_files, write_bundle, write_files
from comity.verify import Archive, verify_bundle


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A published report."""
    return make_world(tmp_path_factory.mktemp("writing"))


def written(world: World, out: Path, **more: object) -> Path:
    files = world.files
    sealed = {name.removeprefix("sealed/"): data for name, data in files.items() if name.startswith("sealed/")}
    return write_bundle(
        out, terms=files["terms.json"], plan=files["plan.json"], scores=files["scores.json"],
        report=files["report.json"], page=files["report.html"], ledger=world.folder / "public", sealed=sealed, **more,
    )  # type: ignore[arg-type]  # fmt: skip


def test_the_same_content_gives_the_same_bytes(world: World, tmp_path: Path) -> None:
    """Two writings, in whatever order of files, are equal; so a digest of a bundle means something."""
    first = written(world, tmp_path / "first.zip")
    again = write_files(tmp_path / "again.zip", dict(reversed(world.files.items())))

    assert first.read_bytes() == again.read_bytes()
    with zipfile.ZipFile(first) as archive:
        members = archive.infolist()
    assert {member.date_time for member in members} == {(1980, 1, 1, 0, 0, 0)}
    assert [member.filename for member in members[1:]] == sorted(world.files)


def test_what_is_written_verifies(world: World, tmp_path: Path) -> None:
    """The writer's names and limits are the reader's."""
    call = world.rows[1].calls[-1]
    path = written(world, tmp_path / "whole.zip", disclosed={call: world.opened(call)})

    assert verify_bundle(path).verdict.stands
    with Archive(path) as archive:
        assert f"disclosed/{call}.json" in archive.names


def test_only_the_files_that_the_checkpoint_calls_for_go_in(world: World) -> None:
    """Tiles of earlier sizes stay behind."""
    names = set(bundle_files(world.folder / "public"))
    entries = len(world.story.records)

    assert names == {"ledger/checkpoint", f"ledger/tile/0/000.p/{entries}", f"ledger/tile/entries/000.p/{entries}"}


def test_a_bundle_appears_whole_or_not_at_all(world: World, tmp_path: Path) -> None:
    """A refused or failed writing leaves what was there before."""
    out = tmp_path / "bundle.zip"
    out.write_bytes(b"before")
    for name, says in (("sealed/../x", "no file of a bundle is called"), ("report.json", "names its ledger and run")):
        with pytest.raises(BundleRefused, match=says):
            write_files(out, {**world.files, name: b"{}"})
        assert out.read_bytes() == b"before"
    written(world, out)
    assert verify_bundle(out).verdict.stands
    assert [path.name for path in tmp_path.iterdir()] == ["bundle.zip"]


def test_a_folder_that_is_no_copied_ledger_is_refused(tmp_path: Path) -> None:
    """The error says what was expected there."""
    with pytest.raises(BundleRefused, match="expected a copied ledger"):
        bundle_files(tmp_path)
    (tmp_path / "checkpoint").write_bytes(b"nothing\n")
    with pytest.raises(BundleRefused, match="cannot be read"):
        bundle_files(tmp_path)
