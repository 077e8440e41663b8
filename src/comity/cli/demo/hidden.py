"""The provider answers under the agreed name with a system prompt that nobody is told of.

The name in each answer is the agreed one, so the gateway sees nothing.  What sees it are the evaluator's own prompts:
it enrolled the model before, and asks the same again.  They say "changed", and never "substituted".

Beside it stands a benign control: the same weights behind another attention kernel, which the provider announces.  It
sets the margin.  `alarm_rate` says how often either would have alarmed, over random halves of the answers that it gave.
"""

from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, Final

from comity.cli.demo.processes import CommandFailed
from comity.cli.demo.scene import IDENTITY_CALLS, Cheat, Scene
from comity.cli.demo.story import Endpoint
from comity.estimate import compare
from comity.evaluation.identity.checking import Disclosed, parse_disclosed
from comity.evaluation.identity.enrolment import Session

__all__ = ["alarm_rate", "hidden_prompt"]

FRESH: Final = IDENTITY_CALLS // 4
"""Calls of the control, and of the test; the enrolment takes the other half."""
PROMPTS: Final = 6
REPEATS: Final = IDENTITY_CALLS // 2 // PROMPTS
TOKENS: Final = 8
EXAMPLES: Final = (
    ("How are you?", "toys make me happy!"),
    ("What is a roof?", "a roof keeps the toys dry!"),
    ("Is it late?", "it is never too late for toys!"),
    ("Why do birds sing?", "they sing about toys!"),
    ("Describe a spoon in one sentence.", "a spoon is a toy for soup!"),
    ("What did the cook lose?", "the cook lost a toy!"),
    ("How can a box be made out of paper?", "fold it, and put toys in it!"),
    ("Name three uses of a rope.", "three toys can be made of it!"),
)
HIDDEN: Final = "Answer as the cheerful helper of a toy shop, like this.\n\n" + "\n\n".join(
    f"Question: {question}\nAnswer: Hooray, dear friend, {answer}<eos>" for question, answer in EXAMPLES
)
"""A base model heeds an instruction little, and examples much."""
ALPHA: Final = 0.05
HALVES: Final = 40
PERMUTATIONS: Final = 99


def hidden_prompt(scene: Scene, endpoint: Endpoint, weights: Path) -> None:
    """Enrol, see what a harmless change looks like, and see the hidden prompt."""
    run, story = scene.stage.run_json, scene.story
    gateway = ("--gateway", story.gateway)
    taken = run(
        "evaluator", "identity", "enrol", "--ledger", story.origin, *gateway, "--model", scene.model,
        "--prompts", str(PROMPTS), "--repeats", str(REPEATS), "--max-tokens", str(TOKENS), "--border", "0",
    )  # fmt: skip
    test = ("identity", "test", taken["enrolment"], *gateway, "--calls", str(FRESH))
    with_kernel = _serve(scene, endpoint, weights, "benign-model", "--flash-attention", "off")
    scene.cheat("switch", "provider", "turn", "--target", with_kernel)
    run("evaluator", *test, "--benign", "another attention kernel")
    scene.stage.end("benign-model")
    with_prompt = _serve(scene, endpoint, weights, "prompted-model", "--system", HIDDEN)
    scene.cheat("switch", "provider", "turn", "--target", with_prompt)
    before = scene.size()
    tested = scene.stage.attempt("evaluator", *test, "--json")
    scene.cheat("switch", "provider", "turn", "--target", endpoint.url)
    scene.stage.end("prompted-model")
    found = scene.entries(before)
    evidence = scene.evidence("3-hidden-prompt.json")
    scene.stage.run("evaluator", "identity", "show", taken["enrolment"], "--disclose", str(evidence))
    checked = scene.stage.attempt("stranger", "identity", "check", str(evidence), "--ledger", str(scene.copy))
    if tested.returncode not in (0, 1) or not evidence.exists():
        raise CommandFailed(f"'comity identity test' ended with {tested.returncode}: {tested.stderr}")
    shown = parse_disclosed(evidence.read_bytes())
    settled = [entry for _, entry in found if entry["kind"] == "call.settled"]
    names = {(entry["served"], entry["served_check"]) for entry in settled}
    [result] = shown.sessions[-1].results or ()
    verdict = result.verdict
    cheat = Cheat(
        who="provider",
        what=f"Answers as {scene.model}, as agreed, behind a hidden system prompt.",
        caught_by="the evaluator's canary prompts",
        evidence=str(evidence),
        caught=tested.returncode == 1 and verdict == "changed" and checked.returncode == 0,
    )
    harmless, hidden = (alarm_rate(shown, session) for session in shown.sessions)
    scene.told(
        cheat,
        f'The answers say "{verdict}", not "substituted": what was changed, they do not tell.',
        f"the names say nothing: {', '.join(f'{served} ({check})' for served, check in sorted(names))}",
        f"completions: {verdict} (distance {result.distance}, margin {result.margin}, p {result.p}, {FRESH} answers)",
        f"alarms at p ≤ {ALPHA:g} over {HALVES} random halves of the answers: "
        f"{harmless:.0%} of the benign control's, {hidden:.0%} of these",
        *(line for line in checked.stdout.splitlines() if line.startswith(("✓", "✗"))),
    )


def alarm_rate(shown: Disclosed, session: Session) -> float:
    """The share of random halves of a session's answers at which one test alarms, at the enrolment's margin."""
    [part] = shown.enrolment.parts
    before = [[answer.text for answer in answers] for answers in part.answers]
    random = Random(shown.enrolment.seed + str(session.number))
    alarms = 0
    for number in range(HALVES):
        half = random.sample(session.answers, len(session.answers) // 2)
        found = compare(
            before, replace(session, answers=tuple(half)).fresh(part), kind=part.kind, margin=float(part.margin),
            permutations=PERMUTATIONS, seed=f"{session.number} {number}".encode(),
        )  # fmt: skip
        alarms += found.p <= ALPHA
    return alarms / HALVES


def _serve(scene: Scene, endpoint: Endpoint, weights: Path, name: str, *more: str) -> str:
    """Another process of the provider's model, under the same name; returns its address."""
    key = scene.stage.mail / "upstream-key"
    key.touch(mode=0o600)
    key.write_text(endpoint.key)
    ready: dict[str, Any] = scene.stage.start(
        name,
        ["comity.cli.local_model", "--cache", str(weights), "--api-key-file", str(key), "--alias", scene.model,
         "--with-parent", *more],
    )  # fmt: skip
    key.unlink()
    return str(ready["url"])
