"""A copied ledger: whatever byte of it changes, verification fails and says in which file."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.arrangement import specimen
from tests.verify.specimen import BEGIN, POLICY, Story, publish

from comity.ledger import parse_policy, sign_note
from comity.verify import Verdict, verify_directory

ENTRIES = Story().whole().entries()


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish(tmp_path_factory.mktemp("small"), ENTRIES[:5], ENTRIES[5:])


@pytest.fixture
def copy(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "copy"))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two full tiles and a partial one, so that the tree has a second level."""
    many = [*ENTRIES, *(b'{"at":"2026-12-01T09:00:00.000Z","kind":"probe","v":%d}' % n for n in range(520))]
    return publish(tmp_path_factory.mktemp("large"), many[:300], many[300:])


def failing(folder: Path) -> Verdict:
    verdict = verify_directory(folder, POLICY)
    assert not verdict.stands
    return verdict


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_what_was_published_stands(original: Path, large: Path) -> None:
    """A ledger as its operator published it has no failing fact, small or with several levels of tiles."""
    for folder in (original, large):
        verdict = verify_directory(folder, POLICY)
        assert verdict.stands, verdict.failures
        for name in ("checkpoint", "log signatures", "cosignatures", "quorum", "entries", "tiles", "root", "files"):
            assert verdict.fact(name).holds is True


@pytest.mark.slow
def test_every_flipped_byte_of_every_file_is_found_and_its_file_named(copy: Path) -> None:
    """Each byte of each file, changed by one bit, makes the verdict fail and name that file."""
    for path in files(copy):
        content = path.read_bytes()
        name = path.relative_to(copy).as_posix()
        for at in range(0, len(content), 1 if name != "tile/entries/000.p/16" else 7):
            path.write_bytes(content[:at] + bytes([content[at] ^ (1 << at % 8)]) + content[at + 1 :])
            verdict = verify_directory(copy, POLICY)
            assert not verdict.stands, f"{name} byte {at}"
            assert any(name in fact.where for fact in verdict.failures), f"{name} byte {at}: {verdict.failures}"
        path.write_bytes(content)
    assert verify_directory(copy, POLICY).stands


def test_a_flipped_byte_in_an_entry_names_the_entry_and_its_bytes(copy: Path) -> None:
    """The reader learns which entry differs and where in the file it lies."""
    path = copy / "tile/entries/000.p/16"
    content = bytearray(path.read_bytes())
    begin = sum(2 + len(entry) for entry in ENTRIES[:7])
    content[begin + 20] ^= 1
    path.write_bytes(content)
    first = failing(copy).failures[0]

    assert "tile/entries/000.p/16" == first.where
    assert f"entry 7 (bytes {begin} to {begin + 1 + len(ENTRIES[7])}) does not match its leaf hash" == first.detail


@pytest.mark.parametrize("at", [0, 1, 255, 256, 511, 512, 535])
def test_in_a_large_ledger_the_blame_falls_on_the_file_that_changed(large: Path, tmp_path: Path, at: int) -> None:
    """An entry's change is told from a tile's change, in full tiles and partial ones."""
    folder = Path(shutil.copytree(large, tmp_path / "copy"))
    bundle = next(p for p in files(folder) if p.relative_to(folder).as_posix() in _bundle_of(at))
    tile = folder / bundle.relative_to(folder).as_posix().replace("entries", "0")
    for path, fact in ((bundle, "entries"), (tile, "tiles")):
        content = bytearray(path.read_bytes())
        if fact == "tiles":
            content[at % 256 * 32] ^= 1
        else:
            content[_begin(bytes(content), at % 256) + 5] ^= 1
        keep = path.read_bytes()
        path.write_bytes(content)
        first = failing(folder).failures[0]
        assert (fact, path.relative_to(folder).as_posix()) == (first.name, first.where)
        assert f"entry {at} " in first.detail if fact == "entries" else f"hash {at % 256} " in first.detail
        path.write_bytes(keep)


def _bundle_of(at: int) -> set[str]:
    return {f"tile/entries/{at // 256:03}", f"tile/entries/{at // 256:03}.p/24"}


def _begin(bundle: bytes, number: int) -> int:
    at = 0
    for _ in range(number):
        at += 2 + int.from_bytes(bundle[at : at + 2], "big")
    return at


def test_a_changed_hash_on_the_second_level_is_found(large: Path, tmp_path: Path) -> None:
    """Tiles above the leaves are recomputed too."""
    folder = Path(shutil.copytree(large, tmp_path / "copy"))
    path = folder / "tile/1/000.p/2"
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content)

    assert "tile/1/000.p/2" == failing(folder).fact("tiles").where


@pytest.mark.parametrize("name", ["checkpoint", "tile/0/000.p/16", "tile/entries/000.p/16", "tile/0/000.p/5"])
def test_a_file_cut_short_or_extended_is_found(copy: Path, name: str) -> None:
    """Bytes that are missing at the end, or too many there, fail in that file."""
    path = copy / name
    content = path.read_bytes()
    for changed in (b"", content[:-1], content[: len(content) // 2], content + b"\x00", content + content[-1:]):
        path.write_bytes(changed)
        verdict = failing(copy)
        assert any(name in fact.where for fact in verdict.failures), verdict.failures


@pytest.mark.parametrize("name", ["checkpoint", "tile/0/000.p/16", "tile/entries/000.p/16"])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    """A file that the signed size calls for and that is not there fails by name."""
    (copy / name).unlink()

    assert name in failing(copy).failures[0].where


def test_a_file_that_no_tile_is_called_is_refused_and_what_lies_beyond_the_size_is_said(copy: Path) -> None:
    """Strange names below tile/ fail; tiles that a newer checkpoint would cover are said to be covered by nothing."""
    beyond = copy / "tile/0/000.p/17"
    beyond.write_bytes(bytes(17 * 32))
    verdict = verify_directory(copy, POLICY)
    assert verdict.stands
    assert verdict.fact("beyond").holds is None

    for name in ("tile/0/000.p/016", "tile/8/data/000", "tile/notes.txt", "tile/0/000.p/5.bak"):
        path = copy / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        assert name == failing(copy).fact("files").where
        path.unlink()


def test_an_older_partial_tile_must_be_the_beginning_of_the_present_one(copy: Path) -> None:
    """What an earlier checkpoint covered cannot be rewritten either."""
    path = copy / "tile/entries/000.p/5"
    path.write_bytes(path.read_bytes().replace(b"software", b"softwara"))

    assert "tile/entries/000.p/5" == failing(copy).fact("older tiles").where


def lines(copy: Path) -> list[str]:
    return (copy / "checkpoint").read_text().split("\n")


def rewrite(change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    def apply(copy: Path) -> None:
        (copy / "checkpoint").write_text("\n".join(change(lines(copy))))

    return apply


SIGNATURES = slice(4, 8)
CHANGES = {
    "an extra signature by a stranger": lambda ls: [*ls[:8], f"— stranger.example {ls[4].split(' ')[2]}", *ls[8:]],
    "a signature twice": lambda ls: [*ls[:8], ls[5], *ls[8:]],
    "no provider's cosignature": lambda ls: [*ls[:7], *ls[8:]],
    "no ML-DSA signature": lambda ls: [*ls[:5], *ls[6:]],
    "size and root exchanged": lambda ls: [ls[0], ls[2], ls[1], *ls[3:]],
    "an extension line": lambda ls: [*ls[:3], "extension", *ls[3:]],
    "a size with a leading zero": lambda ls: [ls[0], "016", *ls[2:]],
    "another size": lambda ls: [ls[0], "15", *ls[2:]],
    "another origin": lambda ls: ["operator.example/a/" + "f" * 32, *ls[1:]],
    "Windows line ends": lambda ls: [line + "\r" for line in ls],
    "no last newline": lambda ls: ls[:-1],
    "a space at a line's end": lambda ls: [*ls[:4], ls[4] + " ", *ls[5:]],
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_checkpoint_in_any_other_form_is_refused(copy: Path, change: Callable[[list[str]], list[str]]) -> None:
    """Extra, missing, doubled or moved lines fail in the checkpoint, though a lenient reader would pass some."""
    rewrite(change)(copy)
    first = failing(copy).failures[0]

    assert "checkpoint" == first.name
    assert first.where.startswith("checkpoint")


def test_base64_in_a_second_spelling_is_refused_by_line(copy: Path) -> None:
    """Stray bits in the last base64 character are the same signature and another file."""
    text = lines(copy)
    at, last = next((n, line) for n, line in enumerate(text) if line.endswith("=") and n >= 4)
    stem, pad = last.rstrip("="), last.count("=")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    text[at] = stem[:-1] + alphabet[alphabet.index(stem[-1]) ^ 1] + "=" * pad
    (copy / "checkpoint").write_text("\n".join(text))
    first = failing(copy).failures[0]

    assert f"checkpoint line {at + 1}" == first.where
    assert "second spelling" in first.detail


def test_reordered_signatures_are_the_same_signatures(copy: Path) -> None:
    """The order of signature lines says nothing, and nothing is made of it."""
    rewrite(lambda ls: [*ls[:4], *reversed(ls[4:8]), *ls[8:]])(copy)

    assert verify_directory(copy, POLICY).stands


def test_a_checkpoint_of_another_log_does_not_pass(copy: Path) -> None:
    """Signed by other keys, or by these keys for an older state of the tree: neither fits this directory."""
    text = "\n".join(lines(copy)[:3]) + "\n"
    stranger = sign_note(text, [specimen.STRANGER])
    (copy / "checkpoint").write_bytes(stranger)
    assert "checkpoint" == failing(copy).failures[0].name

    signers = [specimen.LOG, specimen.LOG_PQ, specimen.AUTHORITY_WITNESS, specimen.PROVIDER_WITNESS]
    forked = text.replace(lines(copy)[2], "A" * 43 + "=")
    (copy / "checkpoint").write_bytes(sign_note(forked, signers, BEGIN))
    verdict = failing(copy)
    assert verdict.fact("checkpoint").holds
    assert verdict.fact("root").holds is False


def test_an_older_checkpoint_with_its_own_tiles_stands_for_its_size(tmp_path: Path) -> None:
    """A smaller, validly cosigned checkpoint is no failure: the newer tiles are said to be covered by nothing."""
    first = publish(tmp_path / "first", ENTRIES[:5])
    both = publish(tmp_path / "both", ENTRIES[:5], ENTRIES[5:])
    shutil.copy(first / "checkpoint", both / "checkpoint")
    verdict = verify_directory(both, POLICY)

    assert verdict.stands
    assert "5 entries" in verdict.fact("root").detail
    assert verdict.fact("beyond").holds is None


def test_an_empty_folder_and_a_policy_without_logs_give_facts(tmp_path: Path, copy: Path) -> None:
    """What cannot be checked at all is a failing fact with everything else not established, never a crash."""
    assert "checkpoint" == failing(tmp_path / "nothing").failures[0].where
    assert not verify_directory(copy, parse_policy("quorum none\n")).stands
