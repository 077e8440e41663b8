"""Packs: strict and total reading, every reference resolved, every fault at once, further packs without code."""

import shutil
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_law import FIRST, PACKS, made

from comity.law import (
    PackRefused,
    PackUnknown,
    classify,
    crosswalk_faults,
    duty_members,
    known_packs,
    load_folder,
    load_pack,
    pack_members,
)
from comity.law.classify import Facts

SECOND = "2026-07-01"
FILES = sorted(path.name for path in (PACKS / "test-law" / FIRST).iterdir())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the made pack to spoil."""
    shutil.copytree(PACKS / "test-law", tmp_path / "test-law")
    return tmp_path / "test-law" / FIRST


def spoil(folder: Path, name: str, old: str, new: str) -> None:
    """Change one place of one file."""
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_pack_is_read_into_values() -> None:
    """Each file's content is there, typed, with its source and mark."""
    pack = made()

    assert (pack.name, pack.version, pack.jurisdiction) == ("test-law", FIRST, "Nowhere")
    assert list(pack.duties)[:3] == ["T-1", "T-2", "T-3"]
    assert str(pack.duty("T-1").deadline) == "due:STARTED+P2W & without_undue_delay"
    assert pack.duty("T-3").confidence == "unconfirmed"
    assert pack.dates[0].date == date(2026, 1, 1)
    assert pack.incidents[0].starts == ("T-3", "T-4", "T-5", "T-15")
    assert pack.classification is not None
    assert pack.classification.indicator("systemic").flop == Fraction(10**25)
    assert pack.classification.counting[0].counts == "included"
    (form,) = pack.forms
    assert [(field.id, field.recipients, field.required, field.confidence) for field in form.fields] == [
        ("S.1", ("aio", "dp"), True, "secondary"),
        ("S.2", ("office",), False, "unconfirmed"),
    ]
    assert form.duties == ("T-1",)
    assert (pack.levels[0].id, pack.access[0].id) == ("api", "logits")
    assert (pack.crosswalk[0].pack, pack.crosswalk[0].relation) == ("other-law", "broader")


def test_a_version_may_be_stated_as_a_difference() -> None:
    """What is given replaces the base's, what is not given is the base's, and what is named is gone."""
    pack = made(SECOND)

    assert pack.duty("T-1").title == "Tell the office sooner"
    assert "T-2" not in pack.duties and "T-14" in pack.duties
    assert pack.duty("T-3") == made().duty("T-3")
    assert pack.roles == made().roles
    assert pack.incidents == made().incidents
    assert pack.classification is not None and pack.classification.indicators == ()
    assert classify(pack, Facts()) == ()


def test_versions_stand_side_by_side_and_the_newest_is_the_default() -> None:
    """A case keeps the version that it was begun under."""
    assert known_packs([PACKS])["test-law"] == (FIRST, SECOND)
    assert load_pack("test-law", None, [PACKS]).version == SECOND
    assert load_pack("test-law", FIRST, [PACKS]).version == FIRST


def test_a_pack_that_is_not_there_is_refused_with_those_that_are() -> None:
    """A misspelt name leads to the list."""
    with pytest.raises(PackUnknown, match=r"expected one of the packs at hand \(.*test-law.*\); got 'tset-law'"):
        load_pack("tset-law", None, [PACKS])
    with pytest.raises(PackUnknown, match="expected a version of test-law at hand"):
        load_pack("test-law", "1999-01-01", [PACKS])


def test_the_caller_s_folder_wins(folder: Path) -> None:
    """A mended copy of a pack takes the place of the one that it mends."""
    spoil(folder, "pack.yaml", "title: A law made for tests", "title: A mended law")

    assert load_pack("test-law", FIRST, [PACKS, folder.parents[1]]).title == "A mended law"


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("duties-all.yaml", "who: [maker]", "who: [taker]", "duties[0].who[0]: expected one of maker, office"),
        ("duties-all.yaml", "who: [maker]", "who: []", "duties[0].who: expected a list of 1 or more"),
        ("duties-all.yaml", "applies: all_things", "applies: some_things", "expected one of all_things"),
        ("duties-all.yaml", "due:STARTED+P2W", "due:BEGUN+P2W", "expected events of pack.yaml; got 'BEGUN'"),
        ("duties-all.yaml", "due:STARTED+P2W", "due:STARTED+2W", "expected a deadline of the grammar; got expected a"),
        ("duties-all.yaml", "within:planning", "within:doing", "expected phases of pack.yaml; got 'doing'"),
        ("duties-all.yaml", "[note.s1, receipt]", "[note.s2]", "one of note.s1, receipt; got the text 'note.s2'"),
        ("duties-all.yaml", "[note.s1, receipt]", "[receipt, receipt]", "expected each word once"),
        ("duties-all.yaml", "instrument: law", "instrument: act", "expected one of law, code"),
        ("duties-all.yaml", "src: [T1]", "src: [T9]", "expected one of T1, T2"),
        ("duties-all.yaml", "src: [T1]", "src: []", "duties[0].src: expected a list of 1 or more"),
        ("duties-all.yaml", "trigger: STARTED", "trigger: HAS_BEGUN", "expected words, or an event of pack.yaml"),
        ("duties-all.yaml", "confidence: primary", "confidence: sure", "expected one of unconfirmed, secondary"),
        ("duties-all.yaml", "force: binding", "force: strong", "expected one of binding, code"),
        ("duties-all.yaml", "{id: T-2,", "{id: T-1,", "expected each duty once; got 'T-1' again"),
        ("duties-all.yaml", "says: Two weeks.", "syas: Two weeks.", "duties[0].syas: expected one of id, ref"),
        ("duties-all.yaml", "title: Tell the office,", "", "duties[0].title: expected this member to be stated"),
        ("duties-all.yaml", 'link: "https://law', 'link: "ftp://law', "expected a web address"),
        ("incidents.yaml", "starts: [T-4]", "starts: [T-44]", "classes[1].starts[0]: expected one of T-1"),
        ("incidents.yaml", "starts: [T-4]", "starts: [T-1]", "one duty or more whose deadline counts from NOTICED"),
        ("incidents.yaml", "event: NOTICED", "event: SEEN", "classes[0].event: expected one of STARTED"),
        ("incidents.yaml", "kinds: [death, health]", "kinds: [illness]", "expected one of critical-infrastructure"),
        ("classification.yaml", 'flop: "1e23"', "flop: 1.0e+23", "indicators[0].flop: expected a number in quotes"),
        ("classification.yaml", 'share: "1/3"', 'share: "0.33"', "modifier.share: expected a share in quotes"),
        ("classification.yaml", "unless: [systemic]", "unless: [sistemic]", "expected one of general, systemic"),
        ("classification.yaml", "relieves: [T-1, T-2]", "relieves: [T-0]", "open_source.relieves[0]: expected one of"),
        ("classification.yaml", "{id: systemic, ", "{id: general, ", "expected each id once; got 'general' again"),
        ("classification.yaml", "id: paid", "id: licence", "expected each id once; got 'licence' again"),
        ("documents.yaml", "duties: [T-1]", "duties: [T-x]", "forms[0].duties[0]: expected one of"),
        ("documents.yaml", "recipients: [office]", "recipients: [press]", "one of aio, nca, dp, maker, office"),
        ("documents.yaml", "required: false", "required: no", "required: expected true or false"),
        ("crosswalk.yaml", "from: T-4", "from: T-44", "maps[0].from: expected one of"),
        ("crosswalk.yaml", "broader", "greater", "expected one of similar, broader, narrower, same"),
        ("access.yaml", "levels:", "layers:", "layers: expected one of levels, items; got an unknown member"),
        ("pack.yaml", "schema: 1", "schema: 2", "schema: expected 1; got the integer 2"),
        ("pack.yaml", "pack: test-law", "pack: best-law", "expected the name of its folder, 'test-law'"),
        ("pack.yaml", "STARTED: some", "started: some", "expected an event's name in capitals"),
        ("pack.yaml", "about: Has", "about: &a Has", "expected no anchors; got &a"),
        ("pack.yaml", "about: Has", "about: !!str Has", "expected no tags"),
        ("pack.yaml", "schema: 1", "schema: 1\nschema: 1", "schema: expected each member once; got it again"),
        ("pack.yaml", "date: 2026-01-01", "date: 2026-02-30", "dates[0].date: expected a date such as 2026-08-02"),
        ("pack.yaml", "schema: 1", "schema: 1\nbase: \"2026-01-01\"", "expected a version that has no base itself"),
        ("pack.yaml", "schema: 1", "schema: 1\nwithout: [T-1]", "expected a base that has what is left out"),
        ("pack.yaml", "scopes: {all_things: every thing}", "", "scopes: expected this member to be stated"),
        ("pack.yaml", "schema: 1", "schema: 1\n---\n", "expected one document"),
        ("pack.yaml", "schema: 1", "schema: [", "expected YAML"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_place(folder: Path, name: str, old: str, new: str, message: str) -> None:
    """The author reads the file, the line, the member, what was expected and what came."""
    spoil(folder, name, old, new)
    with pytest.raises(PackRefused) as refused:
        load_folder(folder)

    assert message in str(refused.value)
    assert any(fault.file == f"test-law/{FIRST}/{name}" for fault in refused.value.faults)


def test_every_fault_is_named_at_once(folder: Path) -> None:
    """An author mends a file in one go, in the order of files and lines."""
    spoil(folder, "pack.yaml", "schema: 1", "schema: 2")
    spoil(folder, "duties-all.yaml", "who: [maker]", "who: [taker]")
    spoil(folder, "duties-all.yaml", "instrument: code", "instrument: act")
    with pytest.raises(PackRefused) as refused:
        load_folder(folder)

    assert [(fault.file.rpartition("/")[2], fault.line) for fault in refused.value.faults] == [
        ("duties-all.yaml", 2),
        ("duties-all.yaml", 9),
        ("pack.yaml", 1),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("maps: " + "[" * 20 + "]" * 20, "expected at most 12 levels of nesting; got more"),
        ("maps: [" + "a," * 60_001 + "]", "expected at most 60000 values; got more"),
        ("#" * 1_048_577, "expected at most 1048576 bytes; got 1048577"),
        ("", "expected an object; got an empty file"),
        ("- maps", "expected an object with maps; got a list of 1"),
        ("maps: *a", "expected the value itself; got the alias *a"),
        ("maps: {from: 1.5}", "expected a list; got an object"),
        ('maps: [{from: T-4, to: {pack: o, duty: O-1}, relation: same, note: "a\\u0007b"}]', "got U+0007"),
        ("maps: [{from: T-4, to: {pack: o, duty: O-1}, relation: same, note: " + "n" * 1_001 + "}]", "1 to 1000"),
        ("maps: [{from: T-4, to: {pack: o, duty: O-1}, relation: same, note: 12}]", "write a text in quotes"),
    ],
    ids=["deep", "many", "large", "empty", "list", "alias", "object", "unprintable", "long", "number"],
)
def test_a_file_has_bounds(folder: Path, text: str, message: str) -> None:
    """What a reader spends on a file is bounded, and a text looks like what it is."""
    (folder / "crosswalk.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(PackRefused) as refused:
        load_folder(folder)

    assert message in str(refused.value)


def test_a_file_that_is_no_text_is_refused(folder: Path) -> None:
    """Bytes that are not UTF-8 are named by their place."""
    (folder / "crosswalk.yaml").write_bytes(b"maps: [\xff]")
    with pytest.raises(PackRefused, match="expected text in UTF-8; got byte 7 that is not"):
        load_folder(folder)


def test_a_file_of_another_name_is_refused(folder: Path) -> None:
    """A file that nobody reads would be believed by whoever wrote it."""
    (folder / "duty-more.yaml").write_text("duties: []\n", encoding="utf-8")
    with pytest.raises(PackRefused, match="got a file of another name"):
        load_folder(folder)


def test_a_base_that_is_not_there_is_refused(folder: Path) -> None:
    """A difference needs what it differs from."""
    shutil.rmtree(folder)
    with pytest.raises(PackRefused, match="expected a version of this pack that lies beside this one"):
        load_folder(folder.parent / SECOND)


def test_a_pack_without_duties_is_refused(folder: Path) -> None:
    """A law that asks for nothing is a folder where something was forgotten."""
    (folder / "duties-all.yaml").unlink()
    with pytest.raises(PackRefused, match=r"expected at least one file duties-NAME\.yaml"):
        load_folder(folder)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.sampled_from(FILES), st.data())
def test_any_bytes_are_a_pack_or_refused(folder: Path, name: str, data: st.DataObject) -> None:
    """Whatever a file holds, a value or the room's error comes out."""
    path = folder / name
    original = path.read_bytes()
    at = data.draw(st.integers(0, len(original)))
    length = data.draw(st.integers(0, 40))
    path.write_bytes(original[:at] + data.draw(st.binary(max_size=20)) + original[at + length :])
    try:
        load_folder(folder)
    except PackRefused as error:
        assert error.faults
    finally:
        path.write_bytes(original)


def test_a_crosswalk_that_leads_nowhere_is_named() -> None:
    """The other pack need not be at hand to read this one; whoever has both can check."""
    assert crosswalk_faults([made()]) == (
        "test-law 2026-01-01: T-4 leads to O-1 of other-law, which is not at hand",
    )


def test_a_pack_says_how_much_of_it_is_sure() -> None:
    """The marks are counted, so nobody takes a second-hand pack for the text."""
    members = pack_members(made(), (FIRST, SECOND))

    assert members["marks"] == {"primary": 12, "secondary": 1, "unconfirmed": 1}
    assert members["versions"] == [FIRST, SECOND]
    assert duty_members(made().duty("T-2"))["note"] == "the earlier one counts"


@pytest.mark.parametrize("name", sorted(known_packs()))
def test_every_pack_that_ships_is_read(name: str) -> None:
    """All versions load, and each line of a crosswalk leads to a duty that is there."""
    packs = [load_pack(one) for one in known_packs()]
    versions = [load_pack(name, version) for version in known_packs()[name]]

    assert all(pack.duties for pack in versions)
    assert not crosswalk_faults([*packs, *versions][: len(packs)])
