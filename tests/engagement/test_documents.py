"""Documents of a case: sealed before the disk, durable with their entry, shown by their own key, erased for good."""

import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from stories import ENGAGEMENT, Story

from comity.cli.main import main
from comity.engagement import CaseMoved, NotACase, open_book
from comity.engagement.documents import (
    MAX_DOCUMENT,
    Cabinet,
    DocumentRefused,
    Enclosed,
    check_shown,
    format_shown,
    parse_shown,
)
from comity.ledger import Ledger, create_ledger, generate_key, open_ledger, parse_vkey
from comity.records import DocumentAttached, MeetingRecorded, to_bytes
from comity.vault import CannotOpen, generate_recipient, parse_recipient

AT = datetime(2026, 10, 1, 9, tzinfo=UTC)
WORDS = b"Minutes: Dr Canary Kestrel said that the weights are in Antwerp."
KEY = generate_recipient(os.urandom)
RECOVERY = generate_recipient(os.urandom)
STRANGER = generate_recipient(os.urandom)
RECIPIENTS = [parse_recipient("authority", KEY.public_text()), parse_recipient("archive", RECOVERY.public_text())]
PARTY = generate_key("ed25519", "office.example", os.urandom)
MINUTES = Enclosed(content=WORDS, name="kestrel-minutes.txt", part="minutes", title="Minutes", media_type="text/plain")


class Office:
    """A case with one meeting, its ledger and its cabinet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        story = Story()
        self.meeting = story.tell(MeetingRecorded, on="2026-08", form="remote", count="1")
        self.ledger: Ledger = create_ledger(folder / "ledger.sqlite", origin=f"office.example/e/{ENGAGEMENT}")
        self.ledger.append([to_bytes(record) for record in story.records], tags=("case",))
        self.cabinet = Cabinet(folder, self.ledger, os.urandom)

    def attach(self, one: Enclosed = MINUTES, **how: Any) -> str:
        """Attach a file to the meeting; returns the document's id."""
        (index,) = self.cabinet.enter([], [(self.meeting, one)], RECIPIENTS, AT, **how)
        record = open_book(self.ledger).entries[index].record
        assert isinstance(record, DocumentAttached)
        return str(record.document)

    def at_rest(self) -> bytes:
        """Every byte that the folder holds, names of files included."""
        found = [path for path in self.folder.rglob("*") if path.is_file()]
        return b"\n".join(str(path.relative_to(self.folder)).encode() + b"\n" + path.read_bytes() for path in found)


def opened(folder: Path) -> Path:
    """An authority's home with one case."""
    home, run = folder / "home", CliRunner()
    run.invoke(main, ["init", str(home), "--role", "authority", "--name", "Office", "--host", "office.example"])
    opening = ("engagement", "open", "--provider", "Aurora", "--initiated-by", "provider", "--summary", "s")
    assert 0 == run.invoke(main, ["--home", str(home), *opening]).exit_code
    return home


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """An office with a case."""
    return Office(tmp_path)


@pytest.mark.parametrize("key", [KEY, RECOVERY], ids=["own", "recovery"])
def test_each_recipient_opens_a_document(office: Office, key: Any) -> None:
    """The home's own key and the institution's open it, with the name that the file had."""
    document = office.attach()

    assert (WORDS, "kestrel-minutes.txt") == office.cabinet.open(open_book(office.ledger), document, key)


def test_nobody_else_opens_it(office: Office) -> None:
    """Another key is told so, and learns nothing."""
    document = office.attach()
    with pytest.raises(CannotOpen, match="is no recipient of the item"):
        office.cabinet.open(open_book(office.ledger), document, STRANGER)


def test_nothing_of_a_document_lies_readable_at_rest(office: Office) -> None:
    """Neither its words, nor the name of the file, nor the person in it, stand anywhere in the folder."""
    office.attach()
    office.ledger.close()
    rest = office.at_rest()

    for canary in (b"Canary", b"Kestrel", b"Antwerp", b"kestrel", WORDS[:16]):
        assert canary not in rest
    assert b"Minutes" in rest, "the public title is in the entry"


def test_equal_documents_have_unequal_commitments(office: Office) -> None:
    """A short text cannot be guessed from its entry."""
    office.attach()
    office.attach()
    told = open_book(office.ledger)

    assert 2 == len({one.record.commitment for one in told.documents.values()})


@pytest.mark.parametrize("fault", [OSError("the power went"), KeyboardInterrupt()], ids=["fault", "interruption"])
@pytest.mark.parametrize("persisted", [False, True], ids=["lost", "kept"])
def test_a_failure_between_file_and_entry_leaves_no_entry_without_its_file(
    office: Office, monkeypatch: pytest.MonkeyPatch, persisted: bool, fault: BaseException
) -> None:
    """Whether the entry failed to be written or was written and not told of, what is in the ledger can be opened."""
    real = Ledger.append

    def failing(self: Ledger, *args: Any, **more: Any) -> Any:
        if persisted:
            real(self, *args, **more)
        raise fault

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "append", failing)
        with pytest.raises(type(fault)):
            office.attach()
    told = open_book(office.ledger)

    assert persisted == bool(told.documents)
    assert [] == office.cabinet.missing(told)
    for document in told.documents:
        assert WORDS == office.cabinet.open(told, document, KEY)[0]
    assert (0 if persisted else 1) == office.cabinet.sweep()


def test_a_file_without_an_entry_is_swept(office: Office) -> None:
    """What a crash left before its entry is removed with the next document, and what stands is not."""
    office.attach()
    left = office.folder / "documents" / ("0" * 32 + ".json")
    left.write_bytes(b"{}")
    assert 1 == office.cabinet.sweep()

    left.write_bytes(b"{}")
    office.attach()
    assert 2 == len(list((office.folder / "documents").iterdir()))
    assert [] == office.cabinet.missing(open_book(office.ledger))


def test_an_erasure_that_was_cut_off_is_carried_out(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry says that the bytes are gone, so the next one to work in the folder removes them."""
    first = office.attach()
    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", lambda self, missing_ok=False: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            office.cabinet.erase(first, because="purpose ended", at=AT)
    second = office.attach()

    assert [f"{second}.json"] == [path.name for path in (office.folder / "documents").iterdir()]


def test_nobody_clears_away_what_another_is_about_to_enter(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second officer's sweep waits for the entry of a file that lies there already."""
    swept: list[int] = []
    sweeper = threading.Thread(target=lambda: swept.append(Cabinet(office.folder, office.ledger, os.urandom).sweep()))
    real = Ledger.append

    def slowly(self: Ledger, *args: Any, **more: Any) -> Any:
        sweeper.start()
        sweeper.join(0.3)
        assert [] == swept
        return real(self, *args, **more)

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "append", slowly)
        office.attach()
    sweeper.join(10)

    assert [0] == swept
    assert [] == office.cabinet.missing(open_book(office.ledger))


def test_officers_in_many_processes_lose_no_document(tmp_path: Path) -> None:
    """Six commands attach at once: whoever is told so tries again, and every entry has its file."""
    home, run = opened(tmp_path), CliRunner()
    (tmp_path / "minutes.txt").write_bytes(WORDS)
    words = ("--home", str(home), "engagement", "attach", "aurora", "0", str(tmp_path / "minutes.txt"), "--title", "M")
    assert 0 == run.invoke(main, words).exit_code, "the home's key is made"
    command = [sys.executable, "-m", "comity", *words]
    began = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(6)]
    ended = [process.communicate(timeout=60)[1].decode() for process in began]
    done = sum(process.returncode == 0 for process in began)

    assert all("Traceback" not in told for told in ended), ended
    (folder,) = (home / "engagements").iterdir()
    with open_ledger(folder / "ledger.sqlite") as ledger:
        told = open_book(ledger)
        assert done >= 1
        assert done + 1 == len(told.documents) == len(list((folder / "documents").iterdir()))
        assert [] == Cabinet(folder, ledger, os.urandom).missing(told)


def test_two_officers_do_not_write_over_each_other(office: Office) -> None:
    """Who looked before somebody else entered something is refused, and no file of theirs stays."""
    office.attach()
    with pytest.raises(CaseMoved):
        office.attach(seen=2)

    assert 1 == len(list((office.folder / "documents").iterdir()))


def test_a_document_of_no_item_is_refused(office: Office) -> None:
    """It belongs to something that the case knows."""
    with pytest.raises(NotACase, match="expected to to name an item of this case"):
        office.cabinet.enter([], [("f" * 32, MINUTES)], RECIPIENTS, AT)

    assert [] == list((office.folder / "documents").iterdir())


def test_a_document_has_a_size(office: Office) -> None:
    """More than the limit is refused before anything is sealed."""
    large = Enclosed(content=bytes(MAX_DOCUMENT + 1), name="x", part="notes", title="x", media_type="x")
    with pytest.raises(DocumentRefused, match=f"at most {MAX_DOCUMENT} bytes"):
        office.attach(large)


def test_an_erased_document_is_gone_and_its_entry_stays(office: Office) -> None:
    """Its file is not there, opening says by which entry, and the ledger is as long as before and one more."""
    document = office.attach()
    office.cabinet.erase(document, because="purpose ended", at=AT)
    told = open_book(office.ledger)

    assert [] == list((office.folder / "documents").iterdir())
    with pytest.raises(DocumentRefused, match=r"was erased \(entry 3\)"):
        office.cabinet.open(told, document, KEY)
    assert not told.stands(document)
    assert [] == office.cabinet.missing(told)


def test_a_swapped_or_lost_file_is_told(office: Office) -> None:
    """A file of another document is not taken for this one, and one that is not there is named."""
    first, second = office.attach(), office.attach()
    folder = office.folder / "documents"
    (folder / f"{first}.json").write_bytes((folder / f"{second}.json").read_bytes())
    told = open_book(office.ledger)
    with pytest.raises(DocumentRefused, match="its commitment differs"):
        office.cabinet.open(told, first, KEY)
    (folder / f"{first}.json").unlink()
    with pytest.raises(DocumentRefused, match="it is not there"):
        office.cabinet.open(told, first, KEY)

    assert [2] == office.cabinet.missing(told)


def test_a_document_is_shown_and_checked_by_others(office: Office) -> None:
    """The reader needs the file and the side's public key, and nothing else."""
    document = office.attach()
    shown, index = office.cabinet.show(
        open_book(office.ledger), document, key=KEY, signer=PARTY, shown_to="provider", because="right of reply", at=AT
    )
    read = parse_shown(format_shown(shown))
    record, content, name, signer = check_shown(read, [parse_vkey(PARTY.vkey)])

    assert (WORDS, "kestrel-minutes.txt", "office.example", document) == (content, name, signer, record.document)
    assert "document.disclosed" == open_book(office.ledger).entries[index].record.kind


@pytest.mark.parametrize("bent", ["entry", "note", "content", "ledger", "key"])
def test_what_was_bent_on_its_way_does_not_hold(office: Office, bent: str) -> None:
    """Another entry, a note by nobody known, other bytes or another ledger: each is refused."""
    document = office.attach()
    told = open_book(office.ledger)
    how: dict[str, Any] = {"key": KEY, "signer": PARTY, "shown_to": "p", "because": "b", "at": AT}
    shown, _ = office.cabinet.show(told, document, **how)
    members = json.loads(format_shown(shown))
    if bent == "entry":
        members["entry"] = members["entry"].replace("Minutes", "Minuten")
    elif bent == "note":
        members["note"] = members["note"].replace("\n2\n", "\n3\n")
    elif bent == "content":
        text = members["disclosure"]["items"][0]["ciphertext"]
        members["disclosure"]["items"][0]["ciphertext"] = ("B" if text[0] == "A" else "A") + text[1:]
    elif bent == "ledger":
        members["disclosure"]["ledger"] = "other.example/e/" + "0" * 32
    else:
        text = members["disclosure"]["items"][0]["content_key"]
        members["disclosure"]["items"][0]["content_key"] = ("B" if text[0] == "A" else "A") + text[1:]
    with pytest.raises(DocumentRefused):
        check_shown(parse_shown(json.dumps(members).encode()), [parse_vkey(PARTY.vkey)])


@given(st.binary(max_size=80))
def test_any_bytes_are_a_shown_document_or_are_refused(source: bytes) -> None:
    """The reader of shown documents raises its one error."""
    with pytest.raises(DocumentRefused):
        parse_shown(source)


def test_the_commands_seal_open_show_and_erase(tmp_path: Path) -> None:
    """Through the terminal: attach, open, show, check, erase; the identity of a contact is sealed."""
    home = tmp_path / "home"

    def run(*words: str, status: int = 0) -> str:
        result = CliRunner().invoke(main, words, catch_exceptions=False)
        assert result.exit_code == status, result.output
        return result.output

    def engagement(*words: str, status: int = 0) -> str:
        return run("--home", str(home), "engagement", *words, status=status)

    run("init", str(home), "--role", "authority", "--name", "Office for AI", "--host", "office.example")
    run("--home", str(home), "key", "show", "--out", str(tmp_path / "card.json"))
    engagement("open", "--provider", "Aurora", "--initiated-by", "provider", "--summary", "s")
    (tmp_path / "minutes.txt").write_bytes(WORDS)
    (tmp_path / "who.txt").write_text("Canary Kestrel, Long Street 1")
    engagement("contact", "aurora", "--as", "contact-1", "--party", "provider", "--function", "policy",
               "--identity", str(tmp_path / "who.txt"))  # fmt: skip
    engagement("meeting", "aurora", "--topic", "access")
    told = engagement("attach", "aurora", "3", str(tmp_path / "minutes.txt"), "--part", "minutes", "--title", "Minutes")
    assert "sealed to this home's key alone" in told
    engagement("document", "aurora", "4", "--out", str(tmp_path / "opened"))
    assert WORDS == (tmp_path / "opened").read_bytes()

    engagement("disclose", "aurora", "4", "--to", "provider", "--because", "reply", "--out", str(tmp_path / "shown"))
    card = str(tmp_path / "card.json")
    run("engagement", "check-document", str(tmp_path / "shown"), "--card", card, "--out", str(tmp_path / "read"))
    assert WORDS == (tmp_path / "read").read_bytes()

    engagement("erase", "aurora", "4", "--because", "purpose ended")
    assert "was erased" in engagement("document", "aurora", "4", "--out", str(tmp_path / "again"), status=1)
    engagement("note", "aurora", "--text", "They are in a hurry.", "--about", "3")
    assert "They are in a hurry." in engagement("notes", "aurora")
    rest = b"".join(p.read_bytes() for p in home.rglob("*") if p.is_file() and "notes" not in p.parts)
    assert b"Kestrel" not in rest and b"hurry" not in rest


def test_an_identity_beyond_the_limit_is_refused_whole(tmp_path: Path) -> None:
    """What comes by standard input is sealed whole or refused; no part of it is dropped in silence."""
    home, run = opened(tmp_path), CliRunner()
    who = ("--as", "contact-1", "--party", "provider", "--function", "policy", "--identity", "-")
    words = ["--home", str(home), "engagement", "contact", "aurora", *who]
    refused = run.invoke(main, words, input=bytes(MAX_DOCUMENT + 1))

    assert (1, True) == (refused.exit_code, f"expected at most {MAX_DOCUMENT} bytes" in refused.output)
    taken = run.invoke(main, [*words, "--json"], input=b"Canary Kestrel")
    assert [1, 2] == json.loads(taken.stdout)["entries"], "the refusal left no entry"


def test_first_notes_at_once_stand_in_one_ledger(tmp_path: Path) -> None:
    """Four officers write the first note in the same moment, and each note is there."""
    home, run = opened(tmp_path), CliRunner()
    command = [sys.executable, "-m", "comity", "--home", str(home), "engagement", "note", "aurora", "--text"]
    began = [subprocess.Popen([*command, f"n{number}"], stderr=subprocess.PIPE) for number in range(4)]
    ended = [process.communicate(timeout=60)[1] for process in began]

    assert [b""] * 4 == ended
    told = json.loads(run.invoke(main, ["--home", str(home), "engagement", "notes", "aurora", "--json"]).stdout)
    assert {"n0", "n1", "n2", "n3"} == {one["text"] for one in told["notes"]}
