"""Witnesses: what they cosign, what they answer otherwise, what they keep; and ledger, publisher,
witness together.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from world import ORIGIN, World, seeded

from comity.ledger import (
    EMPTY_ROOT,
    AwaitingQuorum,
    Frontier,
    HistoryChanged,
    LedgerError,
    Published,
    Signer,
    TreeHead,
    create_ledger,
    format_head,
    generate_key,
    leaf_hash,
    open_note,
    parse_policy,
    prove_consistency,
    sign_note,
)
from comity.ledger.add_checkpoint import AddCheckpoint, MalformedRequest, format_request, parse_request
from comity.ledger.merkle import node_hash
from comity.ledger.publish_files import DiskFolder
from comity.ledger.serve import WitnessServer
from comity.ledger.transport import Answer, Unreachable, post, request
from comity.ledger.witness import LogRefused, Witness

Worlds = Iterator[World]


@pytest.fixture
def world(tmp_path: Path) -> Worlds:
    world = World(tmp_path)
    yield world
    world.close()


@pytest.fixture
def witness(world: World) -> Witness:
    return world.witnesses["authority"]


class Log:
    """A log made by hand, which can also lie."""

    def __init__(self, world: World, story: str = "") -> None:
        self.world = world
        self.leaves = [leaf_hash(f"{story if number >= 4 else ''} {number}".encode()) for number in range(20)]

    def read(self, level: int, n: int) -> bytes:
        if level == 0:
            return self.leaves[n]
        return node_hash(self.read(level - 1, 2 * n), self.read(level - 1, 2 * n + 1))

    def note(self, size: int, *, root: bytes | None = None, signers: list[Signer] | None = None) -> bytes:
        frontier = Frontier.empty()
        for leaf in self.leaves[:size]:
            frontier.append(leaf)
        head = TreeHead(origin=ORIGIN, size=size, root=frontier.root() if root is None else root)
        return sign_note(format_head(head), signers or self.world.signers, self.world.clock())

    def body(self, old: int, size: int) -> bytes:
        proof = prove_consistency(old, size, self.read)
        return format_request(AddCheckpoint(old=old, proof=proof, checkpoint=self.note(size)))


def evidence(world: World) -> list[Path]:
    return sorted(path for path in (world.path / "authority" / "evidence").rglob("*") if path.is_file())


def cosigned(world: World, note: bytes, answer: Answer) -> None:
    """The answer is one valid cosignature line over the note's text."""
    assert 200 == answer.status, answer.body
    key = next(line.key for line in world.policy.witnesses if line.name == "authority")
    opened = open_note(note + answer.body, [key])
    assert None is not opened.verified[0].at


def test_a_growing_log_is_cosigned_step_by_step(world: World, witness: Witness) -> None:
    """Each step with a proof from the size cosigned last gets a valid cosignature over the note's text."""
    log = Log(world)
    for old, size in ((0, 3), (3, 3), (3, 4), (4, 17)):
        cosigned(world, log.note(size), witness.add_checkpoint(log.body(old, size)))
    assert [] == evidence(world)


def test_a_wrong_old_size_is_answered_with_the_right_one(world: World, witness: Witness) -> None:
    """409 with `text/x.tlog.size` and the size cosigned last, also to a log that asks with 0 to learn it."""
    log = Log(world)
    witness.add_checkpoint(log.body(0, 7))
    for old in (0, 3):
        answer = witness.add_checkpoint(log.body(old, 9))
        assert (409, "text/x.tlog.size", b"7\n") == (answer.status, answer.content_type, answer.body)
    assert 409 == Log(world).world.witnesses["provider"].add_checkpoint(log.body(3, 9)).status


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 0\n",
        b"old\n\nnote",
        b"old 00\n\n",
        b"old -1\n\n",
        b"old 1\n" + b"AAAA\n" + b"\n",
        b"old 1\n" + b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" * 64 + b"\n",
        b"old 0\n\nnot a note",
        b"new 0\n\n",
        b"\xff\n\n",
    ],
)
def test_a_malformed_request_is_400(body: bytes, witness: Witness) -> None:
    """Whatever is not an add-checkpoint request is answered 400 with the reason."""
    answer = witness.add_checkpoint(body)
    assert 400 == answer.status
    assert len(answer.body) > 10


def test_an_old_size_beyond_the_checkpoint_is_400(world: World, witness: Witness) -> None:
    """`old` larger than the checkpoint's size is malformed."""
    body = format_request(AddCheckpoint(old=9, proof=(), checkpoint=Log(world).note(7)))
    assert 400 == witness.add_checkpoint(body).status


def test_an_unknown_log_is_404(world: World, witness: Witness) -> None:
    """A log that the witness was not told about is not cosigned."""
    key = generate_key("ed25519", "other.example/log", seeded("other"))
    head = TreeHead(origin="other.example/log", size=0, root=EMPTY_ROOT)
    note = sign_note(format_head(head), [key])
    assert 404 == witness.add_checkpoint(b"old 0\n\n" + note).status


def test_each_key_of_the_log_must_have_signed(world: World, witness: Witness) -> None:
    """403 without one of the keys, with a stranger's alone, or with a signature that fails;
    nothing is kept.
    """
    log = Log(world)
    ed25519, mldsa = world.signers
    stranger = generate_key("ed25519", ORIGIN, seeded("stranger"))
    good = log.note(3)
    for note in (
        log.note(3, signers=[ed25519]),
        log.note(3, signers=[mldsa]),
        log.note(3, signers=[stranger]),
        good.replace(b"\n3\n", b"\n2\n", 1),
    ):
        assert 403 == witness.add_checkpoint(b"old 0\n\n" + note).status
    cosigned(world, good, witness.add_checkpoint(b"old 0\n\n" + log.note(3, signers=[stranger, ed25519, mldsa])))
    assert [] == evidence(world)


def test_a_fork_is_refused_and_what_proves_it_is_kept(world: World, witness: Witness) -> None:
    """A signed checkpoint that does not continue what was cosigned: 422,
    request and held checkpoint are files,
    once per checkpoint, and the witness still holds the first history."""
    honest, forked = Log(world), Log(world, story="forked")
    witness.add_checkpoint(honest.body(0, 7))
    lie = forked.body(7, 9)
    for _ in range(3):
        assert 422 == witness.add_checkpoint(lie).status
    held, kept = evidence(world)
    assert ("held", "request") == (held.name, kept.name)
    assert lie == kept.read_bytes()
    keys = [signer.verifier for signer in world.signers]
    texts = {open_note(held.read_bytes(), keys).text, open_note(kept.read_bytes().partition(b"\n\n")[2], keys).text}
    assert 2 == len(texts)
    cosigned(world, honest.note(9), witness.add_checkpoint(honest.body(7, 9)))


@pytest.mark.parametrize("case", ["same size, other root", "empty with a root", "proof from zero", "cut proof"])
def test_what_no_proof_can_show_is_422(case: str, world: World, witness: Witness) -> None:
    """Equal sizes with other roots, size 0 with a root, a proof from 0, a proof cut short."""
    log = Log(world)
    match case:
        case "same size, other root":
            witness.add_checkpoint(log.body(0, 7))
            body = format_request(AddCheckpoint(old=7, proof=(), checkpoint=log.note(7, root=bytes(32))))
        case "empty with a root":
            body = b"old 0\n\n" + log.note(0, root=bytes(32))
        case "proof from zero":
            body = format_request(AddCheckpoint(old=0, proof=(bytes(32),), checkpoint=log.note(7)))
        case _:
            witness.add_checkpoint(log.body(0, 7))
            cut = prove_consistency(7, 9, log.read)[:-1]
            body = format_request(AddCheckpoint(old=7, proof=cut, checkpoint=log.note(9)))
    assert 422 == witness.add_checkpoint(body).status
    assert 2 == len(evidence(world))


def test_the_empty_tree_can_be_cosigned(world: World, witness: Witness) -> None:
    """Size 0 with the empty root is cosigned, and growth from it needs no proof."""
    log = Log(world)
    cosigned(world, log.note(0), witness.add_checkpoint(log.body(0, 0)))
    cosigned(world, log.note(5), witness.add_checkpoint(log.body(0, 5)))


def test_state_outlives_the_process(world: World, witness: Witness) -> None:
    """A witness that was killed and started again remembers the size and refuses to go back."""
    log = Log(world)
    witness.add_checkpoint(log.body(0, 7))
    key = generate_key("ed25519-cosigner", "authority.example/w", seeded("authority"))
    again = Witness(world.path / "authority", signer=key, clock=world.clock)
    assert (ORIGIN,) == again.origins()
    assert b"7\n" == again.add_checkpoint(log.body(0, 5)).body
    again.close()


def test_of_many_concurrent_requests_the_size_never_goes_back(world: World, witness: Witness) -> None:
    """However requests interleave, each 200 continues the one before, and the last state is the largest."""
    log = Log(world)
    bodies = [log.body(old, size) for old in range(12) for size in range(max(old, 1), 13)]
    answers: list[int] = []
    threads = [
        threading.Thread(
            target=lambda part=bodies[n::8]: answers.extend(witness.add_checkpoint(b).status for b in part)
        )
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {200, 409} >= set(answers)
    latest = witness.latest(sha256(ORIGIN.encode()).hexdigest())
    assert latest is not None
    size = int(latest.split(b"\n")[1])
    assert f"{size}\n".encode() == witness.add_checkpoint(log.body(13, 14)).body


def test_a_log_is_added_once_and_never_changes_its_keys(world: World, witness: Witness) -> None:
    """The same policy again is no change; other keys for a known origin,
    a policy without this witness or without
    a log are refused."""
    witness.add_log(world.policy)
    other = generate_key("ed25519", ORIGIN, seeded("other keys"))
    own = f"witness me {witness.vkey}\n"
    for text, words in (
        (f"log {other.vkey}\n{own}quorum none\n", "other keys"),
        (f"log {other.vkey}\nquorum none\n", "does not name this witness"),
        (f"{own}quorum none\n", "names no log"),
    ):
        with pytest.raises(LogRefused, match=words):
            witness.add_log(parse_policy(text))
    assert 200 == witness.add_checkpoint(Log(world).body(0, 3)).status


def test_a_plain_note_key_cannot_witness(world: World) -> None:
    """A witness signs with a cosigner key, because its signature states a time."""
    with pytest.raises(LedgerError, match="cosigner key"):
        Witness(world.path / "x", signer=world.signers[0], clock=world.clock)


@given(st.binary(max_size=300))
def test_reading_a_request_is_total(body: bytes) -> None:
    """Any bytes are a request or raise `MalformedRequest`, and a request is written back as it came."""
    try:
        found = parse_request(b"old " + body)
    except MalformedRequest:
        return
    assert b"old " + body == format_request(found)


@given(st.integers(0, 2**63 - 1), st.lists(st.binary(min_size=32, max_size=32), max_size=63), st.binary(max_size=99))
def test_a_request_is_read_back_as_written(old: int, proof: list[bytes], note: bytes) -> None:
    """Format and parse are inverse."""
    written = AddCheckpoint(old=old, proof=tuple(proof), checkpoint=note)
    assert written == parse_request(format_request(written))


@pytest.fixture
def server(witness: Witness) -> Iterator[WitnessServer]:
    server = WitnessServer(witness)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_witness_answers_over_http(world: World, server: WitnessServer) -> None:
    """Requests and monitoring over a real socket; status, type and body are those of the witness."""
    log = Log(world)
    answer = post(f"{server.address}add-checkpoint", log.body(0, 7))
    cosigned(world, log.note(7), answer)
    again = post(f"{server.address}add-checkpoint", log.body(0, 8))
    assert (409, "text/x.tlog.size", b"7\n") == (again.status, again.content_type, again.body)

    seen = request("GET", f"{server.address}{sha256(ORIGIN.encode()).hexdigest()}/checkpoint")
    key = next(line.key for line in world.policy.witnesses if line.name == "authority")
    opened = open_note(seen.body, [key, *(signer.verifier for signer in world.signers)])
    assert 3 == len(opened.verified)
    assert opened.text.startswith(f"{ORIGIN}\n7\n")


def test_other_requests_are_refused_over_http(server: WitnessServer) -> None:
    """Unknown paths 404, unknown methods 501, no length 411, too long 413; the server goes on serving."""
    assert 404 == request("GET", f"{server.address}").status
    assert 404 == request("GET", f"{server.address}{'0' * 64}/checkpoint").status
    assert 404 == post(f"{server.address}elsewhere", b"").status
    assert 501 == request("PUT", f"{server.address}add-checkpoint", b"").status
    host, port = server.server_address[:2]
    for head, status in ((b"", b"411"), (b"Content-Length: 9999999\r\n", b"413"), (b"Content-Length: -1\r\n", b"411")):
        with socket.create_connection((str(host), int(port)), timeout=5) as raw:
            raw.sendall(b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n")
            assert status == raw.recv(100).split(b" ")[1]
    assert 400 == post(f"{server.address}add-checkpoint", b"junk").status


def test_nobody_there_is_unreachable() -> None:
    """A refused connection and an address that is none are the same kind of error, with the address in it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}/x", "ftp://x.example/", "nonsense"):
        with pytest.raises(Unreachable):
            post(url, b"")


@pytest.mark.slow
def test_the_witness_command_runs_as_a_process_of_its_own(world: World, tmp_path: Path) -> None:
    """`comity witness` prints one JSON line when it is ready, cosigns over HTTP,
    and ends on SIGTERM with status 0.
    """
    home = tmp_path / "home"
    (home / "keys").mkdir(parents=True)
    key = generate_key("ed25519-cosigner", "authority.example/w", seeded("authority"))
    (home / "keys" / "witness").write_text(key.private_text() + "\n")
    about = {"format": "comity instance/1", "host": "a.example", "name": "A", "role": "authority"}
    (home / "comity.json").write_text(json.dumps(about))
    policy = tmp_path / "policy.txt"
    text = "".join(f"log {signer.vkey}\n" for signer in world.signers) + f"witness authority {key.vkey}\nquorum none\n"
    policy.write_text(text)
    child = subprocess.Popen(
        [sys.executable, "-m", "comity", "--home", str(home), "witness", "--add-log", str(policy)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ},
    )
    assert child.stdout is not None
    try:
        ready = json.loads(child.stdout.readline())
        assert ([ORIGIN], key.vkey) == (ready["logs"], ready["vkey"])
        log = Log(world)
        cosigned(world, log.note(7), post(f"{ready['witness']}add-checkpoint", log.body(0, 7)))
    finally:
        child.send_signal(signal.SIGTERM)
        child.stdout.close()
        assert 0 == child.wait(10)
    assert (home / "witness" / "state.sqlite").exists()


class Life(RuleBasedStateMachine):
    """Ledger, publisher and witnesses through appends, outages, restarts and forks, in any order."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.world = World(Path(self.folder.name))
        self.told: list[bytes] = []
        self.published = 0

    @rule(count=st.integers(1, 300))
    def append(self, count: int) -> None:
        entries = [b"%d" % (len(self.told) + number) for number in range(count)]
        self.world.append(entries)
        self.told += entries

    @rule(away=st.sets(st.sampled_from(["authority", "provider"])))
    def outage(self, away: set[str]) -> None:
        self.world.away = away

    @rule()
    def publish(self) -> None:
        outcome = self.world.publisher.publish_once()
        if isinstance(outcome, AwaitingQuorum):
            assert set(outcome.missing) == self.world.away
        elif isinstance(outcome, Published):
            assert not self.world.away
            assert len(self.told) == outcome.size
            self.published = outcome.size

    @rule()
    def restart(self) -> None:
        self.world.restart()

    @rule()
    def a_forked_head_is_never_cosigned(self) -> None:
        """Even the log's own keys cannot make a witness contradict itself."""
        head = TreeHead(origin=ORIGIN, size=len(self.told) + 1, root=sha256(b"fork").digest())
        note = sign_note(format_head(head), self.world.signers, self.world.clock())
        for witness in self.world.witnesses.values():
            latest = witness.latest(sha256(ORIGIN.encode()).hexdigest())
            if latest is None:
                continue  # the first tree a witness sees needs no proof
            old = int(latest.split(b"\n")[1])
            body = format_request(AddCheckpoint(old=old, proof=(bytes(32),), checkpoint=note))
            assert 422 == witness.add_checkpoint(body).status

    @invariant()
    def what_was_told_is_there_and_what_is_published_can_be_checked(self) -> None:
        if not hasattr(self, "world"):
            return
        assert tuple(self.told) == self.world.ledger.read(0, len(self.told) + 1)
        if self.published:
            assert self.published == self.world.check_everything()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.close()
            self.folder.cleanup()


TestLife = pytest.mark.slow(Life.TestCase)
TestLife.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)


def test_a_forking_operator_is_stopped_by_either_witness(world: World) -> None:
    """An operator who rewrites the last entries and signs anew gets no cosignature,
    and leaves evidence with both.
    """
    world.append([b"a", b"b", b"c"])
    assert isinstance(world.publisher.publish_once(), Published)
    world.ledger.close()
    (world.path / "ledger.sqlite").unlink()
    world.ledger = create_ledger(world.path / "ledger.sqlite", origin=ORIGIN)
    world.append([b"a", b"b", b"another story", b"d"])
    world.folder = DiskFolder(world.path / "rewritten")
    outcome = world.new_publisher().publish_once()
    assert isinstance(outcome, AwaitingQuorum)
    assert ("authority", "provider") == outcome.missing
    assert all("422" in reason for reason in outcome.reasons)
    for name in world.witnesses:
        assert 2 == sum(path.is_file() for path in (world.path / name / "evidence").rglob("*"))
    world.folder = DiskFolder(world.path / "public")
    with pytest.raises(HistoryChanged, match="not a beginning"):
        world.new_publisher().publish_once()
