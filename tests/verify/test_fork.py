"""A witness's evidence: what two checkpoints of one log prove, whoever shows them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.ledger.world import World

from comity.cli.main import main
from comity.ledger import TreeHead, format_head, format_policy, prove_consistency, root_of, sign_note
from comity.ledger.add_checkpoint import AddCheckpoint, format_request
from comity.ledger.merkle import leaf_hash, node_hash
from comity.verify import verify_fork

ORIGIN = "operator.example/a/1"


class TwoFaced:
    """A log that tells one history to one side and another to the other, from entry 4 on."""

    def __init__(self, tmp_path: Path) -> None:
        self.world = World(tmp_path / "world")

    def read(self, story: str, level: int, n: int) -> bytes:
        if level == 0:
            return leaf_hash(f"{story if n >= 4 else ''} {n}".encode())
        return node_hash(self.read(story, level - 1, 2 * n), self.read(story, level - 1, 2 * n + 1))

    def note(self, story: str, size: int, signers: int = 2) -> bytes:
        root = root_of(size, lambda level, n: self.read(story, level, n))
        head = TreeHead(origin=ORIGIN, size=size, root=root)
        return sign_note(format_head(head), self.world.signers[:signers], self.world.clock())

    def request(self, story: str, old: int, size: int, signers: int = 2) -> bytes:
        proof = prove_consistency(old, size, lambda level, n: self.read(story, level, n))
        return format_request(AddCheckpoint(old=old, proof=proof, checkpoint=self.note(story, size, signers)))


@pytest.fixture
def log(tmp_path: Path) -> Iterator[TwoFaced]:
    log = TwoFaced(tmp_path)
    yield log
    log.world.close()


def test_two_roots_at_one_size_are_a_fork(log: TwoFaced) -> None:
    """Both checkpoints bear the log's keys, so nobody's word is needed to say that it signed two histories."""
    verdict = verify_fork(log.note("true", 7), log.request("false", 7, 7), log.world.policy)

    assert not verdict.stands
    assert verdict.fact("held").holds and verdict.fact("shown").holds
    assert "two histories of 7 entries" in verdict.fact("one history").detail


def test_a_later_tree_that_goes_on_from_the_earlier_one_is_no_fork(log: TwoFaced) -> None:
    """Evidence that shows nothing wrong does not accuse."""
    assert verify_fork(log.note("true", 5), log.request("true", 5, 9), log.world.policy).stands


def test_a_proof_that_fails_between_two_sizes_leaves_the_question_open(log: TwoFaced) -> None:
    """A damaged proof can come from a fault, so it is named and blamed on nobody."""
    verdict = verify_fork(log.note("true", 5), log.request("false", 5, 9), log.world.policy)

    assert verdict.fact("one history").holds is None
    assert "owes" in verdict.fact("one history").detail


@pytest.mark.parametrize("broken", ["held", "request", "signature"])
def test_what_the_log_did_not_sign_proves_nothing_of_it(log: TwoFaced, broken: str) -> None:
    """Files that do not hold are a fault of the evidence, and the log is neither accused nor cleared."""
    held, request = log.note("true", 7), log.request("false", 7, 7, signers=1 if broken == "signature" else 2)
    verdict = verify_fork(
        b"held\n" if broken == "held" else held, b"request\n" if broken == "request" else request, log.world.policy
    )

    assert verdict.fact("evidence").holds is False
    assert verdict.fact("one history").holds is None


def test_a_witness_folder_of_evidence_is_a_subject_of_the_command(log: TwoFaced, tmp_path: Path) -> None:
    """What a witness keeps after a refusal can be checked by anybody who has its folder and the policy."""
    witness = log.world.witnesses["authority"]
    assert 200 == witness.add_checkpoint(log.request("true", 0, 7)).status
    assert 422 == witness.add_checkpoint(log.request("false", 7, 7)).status
    (kept,) = witness.evidence()
    policy = tmp_path / "policy.txt"
    policy.write_text(format_policy(log.world.policy))

    done = CliRunner().invoke(main, ["verify", str(kept), "--policy", str(policy)])

    assert 1 == done.exit_code
    assert "cosigned by authority at" in done.output
    assert "the log signed two histories of 7 entries" in done.output
