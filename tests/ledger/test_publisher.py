"""Publishing: one history whatever fails, and only checkpoints that the policy's quorum cosigned."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import apsw
import pytest
from world import ORIGIN, World, seeded

from comity.ledger import (
    AwaitingQuorum,
    HeadMoved,
    HistoryChanged,
    LedgerError,
    NotPublished,
    Published,
    Publisher,
    TileDirectory,
    Unchanged,
    create_ledger,
    generate_key,
    open_checkpoint,
    parse_policy,
    receipt,
    root_of,
)
from comity.ledger.add_checkpoint import AddCheckpoint, format_request
from comity.ledger.publish_files import DiskFolder, Folder
from comity.ledger.transport import Answer


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def numbered(start: int, stop: int) -> list[bytes]:
    return [b"entry %d" % number for number in range(start, stop)]


def published(world: World) -> Published:
    outcome = world.publisher.publish_once()
    assert isinstance(outcome, Published), outcome
    return outcome


def test_an_empty_ledger_publishes_nothing(world: World) -> None:
    """Before the first entry there is no checkpoint, and asking for a receipt is not an error."""
    assert Unchanged(size=0) == world.publisher.publish_once()
    assert None is world.publisher.receipt(0)
    with pytest.raises(NotPublished, match="checkpoint"):
        world.directory.checkpoint()


@pytest.mark.parametrize("sizes", [(1, 2, 3), (255, 256, 257), (1, 600), (512, 513)])
def test_every_published_size_can_be_checked_from_the_files_alone(world: World, sizes: tuple[int, ...]) -> None:
    """After each round all tiles, entries and receipts lead to the cosigned root, across tile boundaries."""
    size = 0
    for wanted in sizes:
        world.append(numbered(size, wanted))
        size = wanted
        assert size == published(world).size
        assert size == world.check_everything()
    assert Unchanged(size=size) == world.publisher.publish_once()


@pytest.mark.slow
def test_a_tree_of_three_levels_is_published(world: World) -> None:
    """66,000 entries make tiles of level 2; partial tiles of published sizes exist and full ones supersede
    them.
    """
    world.append(numbered(0, 65_530))
    published(world)
    public = world.path / "public"
    assert (public / "tile/0/255.p/250").exists()
    world.append(numbered(65_530, 66_000))
    published(world)
    assert 66_000 == world.check_everything()
    assert (public / "tile/2/000.p/1").exists()
    assert not (public / "tile/0/255.p").exists()
    assert not (public / "tile/entries/255.p").exists()
    world.restart()
    world.append([b"one more"])
    published(world)
    assert 66_001 == world.check_everything()


def test_a_reader_of_an_older_checkpoint_falls_back_to_full_tiles(world: World) -> None:
    """Who holds the checkpoint of size 5 can still prove its entries when the tree has grown to 300."""
    world.append(numbered(0, 5))
    old = open_checkpoint(published(world).checkpoint, world.policy).head
    world.append(numbered(5, 300))
    published(world)
    assert old.root == root_of(5, world.directory.hashes(5))
    assert tuple(numbered(0, 5)) == world.directory.entries(0, 5, size=5)


def test_only_what_the_quorum_cosigned_is_published(world: World) -> None:
    """With one witness away nothing is published and it is named; when it is back the newest head is."""
    world.append(numbered(0, 3))
    world.away = {"provider"}
    outcome = world.publisher.publish_once()
    assert isinstance(outcome, AwaitingQuorum)
    assert ("provider",) == outcome.missing
    assert ("provider: provider is away",) == outcome.reasons
    assert None is world.publisher.receipt(0)

    world.append(numbered(3, 9))
    assert isinstance(world.publisher.publish_once(), AwaitingQuorum)
    world.away = set()
    assert 9 == published(world).size
    assert 9 == world.check_everything()


def test_an_older_checkpoint_stands_while_a_witness_is_away(world: World) -> None:
    """Receipts for what is held by both stay available; newer entries wait."""
    world.append(numbered(0, 3))
    published(world)
    world.append(numbered(3, 9))
    world.away = {"authority"}
    world.publisher.publish_once()
    assert 3 == world.check_everything()
    assert None is world.publisher.receipt(3)
    assert None is not world.publisher.receipt(2)


def test_without_a_quorum_a_checkpoint_is_published_at_once(tmp_path: Path) -> None:
    """Under `quorum none` witnesses are asked but not waited for."""
    world = World(tmp_path, quorum="none")
    world.away = {"authority", "provider"}
    world.append(numbered(0, 3))
    published(world)
    assert 3 == world.check_everything()
    world.close()


def test_a_witness_that_knows_another_size_is_proved_from_there(world: World) -> None:
    """A new publisher guesses the witness's size, is told it,
    and proves consistency from it in the same round.
    """
    world.append(numbered(0, 7))
    published(world)
    world.append(numbered(7, 20))
    world.away = {"provider"}
    world.publisher.publish_once()
    world.away = set()
    world.append(numbered(20, 300))
    world.restart()
    world.asked.clear()
    assert 300 == published(world).size
    assert 2 == world.asked.count("authority")
    assert 1 == world.asked.count("provider")


def test_a_false_cosignature_is_not_published(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A witness that answers something else than its own valid cosignature does not count."""
    world.append(numbered(0, 3))
    real = world.ask

    def forged(url: str, body: bytes) -> Answer:
        answer = real(url, body)
        if "provider" not in url:
            return answer
        other = world.witnesses["authority"].add_checkpoint(b"old 3\n\n" + body.partition(b"\n\n")[2])
        return Answer(status=200, content_type="text/plain", body=other.body)

    monkeypatch.setattr(world, "ask", forged)
    outcome = world.new_publisher().publish_once()
    assert isinstance(outcome, AwaitingQuorum)
    assert ("provider",) == outcome.missing
    assert "answered no cosignature by provider.example/w" in outcome.reasons[0]


class BreakingFolder:
    """A folder whose write fails at one step, having taken effect or not."""

    def __init__(self, inner: Folder, step: str, *, persisted: bool) -> None:
        self.inner = inner
        self.step = step
        self.persisted = persisted
        self.broken = 0

    def read(self, name: str) -> bytes | None:
        return self.inner.read(name)

    def write(self, name: str, content: bytes) -> None:
        self._do(name, partial(self.inner.write, name, content))

    def flush(self) -> None:
        self._do("flush", self.inner.flush)

    def remove(self, name: str) -> None:
        self._do("remove", partial(self.inner.remove, name))

    def _do(self, name: str, act: Callable[[], None]) -> None:
        if not name.startswith(self.step):
            return act()
        self.broken += 1
        if self.persisted:
            act()
        raise OSError(f"{name} failed")


FILE_STEPS = ["tile/entries", "tile/0", "tile/1", "flush", "checkpoint", "remove"]


@pytest.mark.parametrize("step", [*FILE_STEPS, "lock", "cosign"])
@pytest.mark.parametrize("persisted", [False, True], ids=["lost", "kept"])
@pytest.mark.parametrize("restarted", [False, True], ids=["same process", "restarted"])
def test_a_failed_write_never_forks_the_ledger(
    step: str, persisted: bool, restarted: bool, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever step fails, and whether or not it took effect, going on yields one history."""
    world.append(numbered(0, 250))
    first = published(world)
    world.append(numbered(250, 520))
    broken = BreakingFolder(world.folder, step if step in FILE_STEPS else "nothing", persisted=persisted)
    world.folder = broken
    world.publisher = world.new_publisher()
    ledger = world.ledger
    with monkeypatch.context() as patch:
        if step == "lock":
            real_swap = ledger.swap_head

            def swap(old: bytes | None, new: bytes) -> None:
                broken.broken += 1
                if persisted:
                    real_swap(old, new)
                raise OSError("lock failed")

            patch.setattr(ledger, "swap_head", swap)
        if step == "cosign":
            real_ask = world.ask

            def ask(url: str, body: bytes) -> Answer:
                broken.broken += 1
                if persisted:
                    real_ask(url, body)
                raise OSError("the network went away")

            patch.setattr(world.publisher, "_ask", ask)
        with pytest.raises(OSError, match="failed|went away"):
            world.publisher.publish_once()
    assert broken.broken

    world.append(numbered(520, 523))
    if restarted:
        world.restart()
    else:
        broken.step = "nothing"
    assert 523 == published(world).size
    assert 523 == world.check_everything()
    assert first.checkpoint != world.directory.checkpoint()


def test_two_publishers_stop_each_other_instead_of_forking(world: World) -> None:
    """A second publisher that signs meanwhile makes the first find another head than it built upon:
    it stops for good.
    """
    world.append(numbered(0, 3))
    published(world)
    second = world.new_publisher()
    world.append(numbered(3, 5))
    second.publish_once()
    world.append(numbered(5, 6))
    for _ in range(2):
        with pytest.raises(HeadMoved, match="restored backup"):
            world.publisher.publish_once()
    assert 5 == world.check_everything()


def test_a_store_restored_from_a_backup_is_refused(world: World) -> None:
    """When the published checkpoint is ahead of the store's signed head nothing more is signed."""
    world.append(numbered(0, 3))
    published(world)
    world.ledger.close()
    backup = (world.path / "ledger.sqlite").read_bytes()
    world.restart()
    world.append(numbered(3, 5))
    published(world)
    world.ledger.close()
    (world.path / "ledger.sqlite").write_bytes(backup)
    world.restart()
    world.append([b"another history"])
    with pytest.raises(HistoryChanged, match="restored from a backup"):
        world.publisher.publish_once()


def test_a_witness_ahead_of_the_store_is_told_to_the_operator(world: World) -> None:
    """A store restored together with its folder cannot be noticed locally;
    the witnesses refuse and say why.
    """
    world.append(numbered(0, 9))
    published(world)
    world.ledger.close()
    (world.path / "ledger.sqlite").unlink()
    other = World.__new__(World)
    other.__dict__ |= world.__dict__
    other.ledger = create_ledger(world.path / "ledger.sqlite", origin=ORIGIN)
    other.folder = DiskFolder(world.path / "public-again")
    other.append(numbered(0, 3))
    outcome = other.new_publisher().publish_once()
    assert isinstance(outcome, AwaitingQuorum)
    assert ("authority", "provider") == outcome.missing
    assert all("restored from a backup?" in reason for reason in outcome.reasons)
    other.ledger.close()


def test_changed_entries_are_noticed_before_anything_is_signed(world: World) -> None:
    """Entries changed behind the store's back do not lead to the signed root:
    the publisher stops for good.
    """
    world.append(numbered(0, 300))
    published(world)
    world.ledger.close()
    file = apsw.Connection(str(world.path / "ledger.sqlite"))
    file.execute("DROP TRIGGER ledger_no_update")
    file.execute("UPDATE ledger_entries SET entry = x'00' WHERE position = 299")
    file.close()
    world.restart()
    world.append([b"next"])
    for _ in range(2):
        with pytest.raises(HistoryChanged, match="mirror"):
            world.publisher.publish_once()
    assert 300 == open_checkpoint(world.ledger.signed_head() or b"", world.policy).head.size


def test_changed_tiles_are_noticed_before_anything_is_signed(world: World) -> None:
    """A partial tile whose hashes were changed does not lead to the signed root."""
    world.append(numbered(0, 300))
    published(world)
    tile = world.path / "public/tile/1/000.p/1"
    tile.write_bytes(bytes(32))
    world.restart()
    world.append([b"next"])
    with pytest.raises(HistoryChanged, match="was signed"):
        world.publisher.publish_once()


def test_lost_tiles_are_made_again_from_the_entries(world: World) -> None:
    """Tiles are derived: without the folder the next round writes them all again, to the same root."""
    world.append(numbered(0, 300))
    published(world)
    for file in sorted((world.path / "public" / "tile").rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    world.restart()
    world.append([b"next"])
    published(world)
    assert 301 == world.check_everything()


def test_a_publisher_refuses_keys_that_the_policy_does_not_name(world: World) -> None:
    """A log key of another name, or one that the policy does not list, is refused at the start."""
    for name, words in (("other.example/log", "this ledger's origin"), (ORIGIN, "does not name the log key")):
        signer = generate_key("ed25519", name, seeded("another"))
        with pytest.raises(LedgerError, match=words):
            Publisher(
                world.ledger, world.folder, signers=[signer], policy=world.policy, clock=world.clock, ask=world.ask
            )


def test_the_publishing_thread_goes_on_until_it_is_stopped(world: World) -> None:
    """`run` publishes at its cadence, reports each round, passes over errors that may pass,
    and ends on `stop`.
    """
    world.append(numbered(0, 3))
    rounds: list[object] = []
    enough = threading.Event()

    def report(outcome: object) -> None:
        rounds.append(outcome)
        if len(rounds) == 3:
            enough.set()

    thread = threading.Thread(target=lambda: world.publisher.run(0.001, report=report))
    thread.start()
    assert enough.wait(5)
    world.publisher.stop()
    thread.join(5)
    assert not thread.is_alive()
    assert isinstance(rounds[0], Published)
    assert Unchanged(size=3) == rounds[1]


def test_a_tile_directory_is_read_over_http_as_from_files(world: World) -> None:
    """The same reader over HTTP gives the same checkpoint, entries and receipts."""
    world.append(numbered(0, 300))
    published(world)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(world.path / "public")))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        far = TileDirectory(f"http://127.0.0.1:{server.server_address[1]}/")
        assert world.directory.checkpoint() == far.checkpoint()
        assert tuple(numbered(250, 260)) == far.entries(250, 260)
        assert receipt(world.directory, 299) == receipt(far, 299)
        assert world.directory.read_hash(8, 0) == far.read_hash(8, 0)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_asking_for_more_entries_than_published_is_refused(world: World) -> None:
    """A range beyond the tree is an error that says so."""
    world.append(numbered(0, 3))
    published(world)
    assert () == world.directory.entries(3, 3)
    with pytest.raises(LedgerError, match="not within the 3"):
        world.directory.entries(2, 4)


def test_the_request_to_a_witness_has_the_form_of_the_specification() -> None:
    """`old`, the proof line by line, an empty line, the checkpoint as it is."""
    request = AddCheckpoint(old=20, proof=(bytes(32), b"\xff" * 32), checkpoint=b"note")
    assert (
        b"old 20\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n//////////////////////////////////////////8=\n\nnote"
    ) == format_request(request)


def test_a_policy_without_addresses_is_never_asked(tmp_path: Path) -> None:
    """Witness lines without a URL are not asked; under a quorum they are reported missing."""
    world = World(tmp_path)
    text = "".join(f"log {signer.vkey}\n" for signer in world.signers)
    text += "".join(f"witness {line.name} {line.key.vkey}\n" for line in world.policy.witnesses)
    world.policy = parse_policy(text + "group both all authority provider\nquorum both\n")
    world.publisher = world.new_publisher()
    world.append([b"a"])
    outcome = world.publisher.publish_once()
    assert isinstance(outcome, AwaitingQuorum)
    assert ("authority", "provider") == outcome.missing
    assert [] == world.asked
    world.close()
