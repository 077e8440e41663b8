"""The scene of the cheats: a small arrangement, and what is asked of the public commands while it lasts.

The scene is set by the story's own acts, which were told before and say nothing here.  A cheater's process runs in
the cheater's folder; everything that catches it goes through `comity mirror`, `comity verify`, `comity status`, or
the processes that run anyway.
"""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from comity.cli.demo.narrator import Narrator
from comity.cli.demo.offer import Offered
from comity.cli.demo.processes import CommandFailed, Stage
from comity.cli.demo.story import Endpoint, Story
from comity.ledger import format_receipt
from comity.ledger.reader import TileDirectory, receipt
from comity.verify.facts import MARKS

__all__ = ["CLIENTS", "IDENTITY_CALLS", "LEFT", "Cheat", "Scene", "all_caught", "facts", "set_scene"]

ITEMS: Final = 8
CLIENTS: Final = 64
LEFT: Final = 10
"""Calls that the budget still holds when the crowd comes."""
IDENTITY_CALLS: Final = 72
"""What enrolling the model and testing it takes (see `hidden`)."""
TOKENS_A_CALL: Final = 1200
"""More than any call's input reserves."""
SPARE: Final = 2
"""Calls beyond what the act takes: a run may have to repeat one."""
COUNTERED: Final = 20
"""What the authority's counter takes off the offered calls (see `story`)."""
DIGEST: Final = re.compile(r"\b([0-9a-f]{16})[0-9a-f]{48}\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cheat:
    """What one side did, and what became of it."""

    who: str
    what: str
    caught_by: str
    evidence: str
    """The file or folder that shows it, to whoever doubts."""
    caught: bool

    def as_json(self) -> dict[str, Any]:
        """The cheat in JSON's types."""
        return asdict(self)


class Silent(Narrator):
    """Says nothing: the scene is set by the story's own acts, which were told before."""

    def act(self, title: str) -> None:
        """Nothing."""

    def step(self, who: str, what: str, why: str, *, verdict: str = "", good: bool = True) -> None:
        """Nothing."""

    def quote(self, text: str) -> None:
        """Nothing."""


@dataclass(slots=True, kw_only=True)
class Scene:
    """The small arrangement that the cheats happen under; each cheat leaves here what a later one needs."""

    stage: Stage
    tell: Narrator
    story: Story
    model: str
    runs: list[dict[str, Any]] = field(default_factory=list)
    reported: dict[str, Any] = field(default_factory=dict)
    cheats: list[Cheat] = field(default_factory=list)
    mismatch: int = 0
    """The entry that says that another model answered."""

    @property
    def copy(self) -> Path:
        """The copy of the ledger that a stranger checks."""
        return self.stage.folder / "copy"

    @property
    def seen(self) -> Path:
        """The newest request that the thief has read on its way to the guard."""
        return self.stage.folder / "thief" / "seen"

    def evidence(self, name: str) -> Path:
        """A file among the evidence that travels."""
        folder = self.stage.mail / "evidence"
        folder.mkdir(exist_ok=True)
        return folder / name

    def shown(self, path: Path | str) -> str:
        """A path as the narration names it, from the story's folder."""
        return str(Path(path).relative_to(self.stage.folder))

    def cheat(self, module: str, role: str, *arguments: str) -> dict[str, Any]:
        """Run a cheater's process, in its side's folder where it needs one; returns the JSON line that it prints."""
        home = ["--home", str(self.stage.home(role))] if role else []
        done = subprocess.run(
            [sys.executable, "-m", f"comity.cli.demo.{module}", *arguments, *home],
            cwd=self.stage.mail, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise CommandFailed(f"the cheat '{module}' ended with {done.returncode}: {done.stderr[-2000:]}")
        said: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return said

    def entries(self, start: int = 0) -> list[tuple[int, dict[str, Any]]]:
        """The ledger's entries from `start` on, out of a fresh copy."""
        self.stage.run_json(
            "evaluator", "mirror", f"{self.story.gateway}/a/{self.story.arrangement}", "--out", str(self.copy),
            "--wait", "30",
        )  # fmt: skip
        found = TileDirectory(self.copy)
        return [(index, json.loads(entry)) for index, entry in enumerate(found.entries(start, found.size()), start)]

    def size(self) -> int:
        """How many entries the ledger holds now."""
        return int(self.status()["entries"])

    def status(self) -> dict[str, Any]:
        """What `comity status` says."""
        status: dict[str, Any] = self.stage.run_json(
            "evaluator", "status", self.story.origin, "--gateway", self.story.gateway
        )
        return status

    def ask(self, *settings: str) -> dict[str, Any]:
        """One call of the evaluator's by hand, whatever is answered."""
        done = self.stage.attempt(
            "evaluator", "ask", "What is the capital of France?", "--ledger", self.story.origin,
            "--gateway", self.story.gateway, "--model", self.model, "--max-tokens", "8", *settings, "--json",
        )  # fmt: skip
        said: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return said

    def verify(self, subject: Path, *more: str, role: str = "stranger") -> dict[str, Any]:
        """The verdict of `comity verify` under the signed terms, whatever it says."""
        done = self.stage.attempt(
            role, "verify", str(subject), "--arrangement", self.story.mail("terms.json"), *more, "--json"
        )
        if not done.stdout.strip():
            raise CommandFailed(f"'comity verify {self.shown(subject)}' ended with {done.returncode}: {done.stderr}")
        verdict: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        if verdict["stands"] != (done.returncode == 0):
            raise CommandFailed(f"'comity verify {self.shown(subject)}' says one thing and ends with another")
        return verdict

    def reconcile(self, counters: str) -> dict[str, Any]:
        """What `comity reconcile` says of a guard's counters and the copy of the ledger."""
        done = self.stage.attempt(
            "stranger", "reconcile", counters, "--arrangement", self.story.mail("terms.json"),
            "--ledger", str(self.copy), "--json",
        )  # fmt: skip
        if not done.stdout.strip():
            shown = self.shown(counters)
            raise CommandFailed(f"'comity reconcile {shown}' ended with {done.returncode}: {done.stderr}")
        compared: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return compared

    def prove_entry(self, index: int, name: str) -> tuple[Path, bool]:
        """Keep one entry with its receipt as files, and have a stranger check them."""
        directory = TileDirectory(self.copy)
        entry, proof = self.evidence(f"{name}.json"), self.evidence(f"{name}.tlog-proof")
        entry.write_bytes(directory.entries(index, index + 1)[0])
        found = receipt(directory, index)
        if found is None:
            return entry, False
        proof.write_bytes(format_receipt(found))
        return entry, self.verify(proof, "--entry", str(entry))["stands"]

    def told(self, cheat: Cheat, how: str, *said: str) -> None:
        """Say who, what, who caught it, and with which file."""
        self.cheats.append(cheat)
        verdict = f"{'Caught' if cheat.caught else 'NOT CAUGHT'} by {cheat.caught_by}."
        why = how if cheat.caught else f"Expected was: {how}"
        self.tell.step(cheat.who, cheat.what, why, verdict=verdict, good=cheat.caught)
        for line in said:
            self.tell.quote(line)
        receipt = " and its receipt" if Path(cheat.evidence).with_suffix(".tlog-proof").exists() else ""
        self.tell.quote(f"evidence: {self.shown(cheat.evidence)}{receipt}")


def all_caught(cheats: Sequence[Cheat]) -> bool:
    """Whether every cheat was caught; none at all is no success."""
    return bool(cheats) and all(cheat.caught for cheat in cheats)


def facts(verdict: dict[str, Any], *names: str, brief: bool = False) -> list[str]:
    """The facts of these names, a line each, with digests shortened; `brief` leaves out what follows a semicolon."""
    lines = [
        f"{MARKS[fact['holds']]} {fact['name']}: {fact['detail']}" for fact in verdict["facts"] if fact["name"] in names
    ]
    return [DIGEST.sub(r"\1…", line.partition("; ")[0] if brief else line) for line in lines]


def set_scene(stage: Stage, tell: Narrator, endpoint: Endpoint, offered: Offered) -> Scene:
    """Four homes, signed terms, a gateway, two witnesses, and two runs of a few items."""
    story = Story(stage=stage, tell=Silent(), items=ITEMS, few=ITEMS)
    calls = 2 * ITEMS + 1 + LEFT + SPARE + IDENTITY_CALLS
    story.talks()
    switch = stage.start(
        "switch", ["comity.cli.demo.switch", "serve", "--home", str(stage.home("provider")), "--target", endpoint.url]
    )
    tokens = (calls + COUNTERED + CLIENTS) * TOKENS_A_CALL
    offered = replace(
        offered, calls=calls + COUNTERED, input_tokens=tokens, protocols=("openai",), concurrency=CLIENTS
    )
    story.terms(offered)
    guarded = story.stand_guard(replace(endpoint, url=switch["url"], protocols=("openai",)))
    scene = Scene(stage=stage, tell=tell, story=story, model=endpoint.model)
    scene.seen.parent.mkdir()
    wire = stage.start("wire", ["comity.cli.demo.wire", "listen", "--target", guarded.url, "--seen", str(scene.seen)])
    story.service(replace(guarded, url=wire["url"]))
    tell.step(
        "all",
        f"Four new homes, signed terms for {calls} calls, a guard, a gateway and two witnesses.",
        "Each cheat is done by a process in the cheater's own folder, with the cheater's own keys.",
    )
    plans = [_frozen_plan(scene, name) for name in ("one", "two")]
    scene.runs = [stage.run_json("evaluator", "run", plan, "--gateway", story.gateway) for plan in plans]
    tell.step("evaluator", f"Two plans of {ITEMS} items are frozen and run.", "So far everything is as agreed.")
    for name, run in zip(("one", "two"), scene.runs, strict=True):
        tell.quote(f"run {name}: {run['estimates'][0]['text']}")
    return scene


def _frozen_plan(scene: Scene, name: str) -> str:
    run, story = scene.stage.run_json, scene.story
    plan = story.mail(f"plan-{name}.yaml")
    run("evaluator", "plan", "new", "--arrangement", story.arrangement, "--protocol", "openai",
        "--model", scene.model, "--items", str(ITEMS), "--out", plan)  # fmt: skip
    run("evaluator", "plan", "freeze", plan, "--gateway", story.gateway)
    return plan
