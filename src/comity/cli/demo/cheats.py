"""Now everyone cheats: each side in turn, for real, and who catches it with which file.

Each cheat is done by a process in the cheater's own folder, with the cheater's own keys.  What catches it is a
public command or a process that runs anyway, never the cheater's code: a cheat counts as caught when a ledger
that a stranger has verified, a verdict of `comity verify`, or a witness's own answer says so.

The act sets its own scene, four new homes and a small arrangement, because some of these cheats leave nothing
behind that anybody would want to go on with.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from comity.cli.demo.hidden import hidden_prompt
from comity.cli.demo.narrator import Narrator
from comity.cli.demo.offer import Offered
from comity.cli.demo.processes import CommandFailed, Stage
from comity.cli.demo.reported import edit_page, leave_out_a_run, make_report
from comity.cli.demo.scene import CLIENTS, LEFT, Cheat, Scene, facts, set_scene
from comity.cli.demo.story import Endpoint

__all__ = ["tell_cheats"]

OTHER: Final = "-small"
"""Ends the name of the model that the provider puts in the agreed one's place."""


def tell_cheats(stage: Stage, tell: Narrator, endpoint: Endpoint, offered: Offered, weights: Path) -> list[Cheat]:
    """Set the scene, let each side cheat, and say who caught it."""
    tell.act("Now everyone cheats")
    scene = set_scene(stage, tell, endpoint, offered)
    unlisted_feature(scene)
    other_model(scene, endpoint, weights)
    hidden_prompt(scene, endpoint, weights)
    too_many_calls(scene)
    around_the_gateway(scene)
    bundle = make_report(scene)
    leave_out_a_run(scene, bundle)
    edit_page(scene, bundle)
    rewritten_entry(scene)
    honest_record(scene, bundle)
    caught = sum(cheat.caught for cheat in scene.cheats)
    tell.act(f"{caught} of {len(scene.cheats)} cheats were caught.")
    return scene.cheats


def unlisted_feature(scene: Scene) -> None:
    """The evaluator asks for what no clause allows."""
    before = scene.size()
    scene.ask("--set", "logprobs=true")
    found = scene.entries(before)
    refused = _only(found, lambda entry: entry["kind"] == "call.refused")
    evidence, proven = scene.prove_entry(refused[0] if refused else before, "1-unlisted-feature")
    entry = refused[1] if refused else {"status": 0, "clause": "none", "because": "no refusal was recorded"}
    caught = proven and entry["clause"] == "features.logprobs" and not _of_kind(found, "call.permitted")
    cheat = Cheat(
        who="evaluator",
        what="Asks for log-probabilities, which no clause allows.",
        caught_by="the gateway",
        evidence=str(evidence),
        caught=caught,
    )
    said = f"{entry['status']}  {entry['clause']}: {entry['because']}"
    scene.told(cheat, "It is refused with its clause before anything was sent; the refusal is an entry.", said)


def other_model(scene: Scene, endpoint: Endpoint, weights: Path) -> None:
    """The provider puts another model behind the address that the gateway calls."""
    key = scene.stage.mail / "upstream-key"
    key.touch(mode=0o600)
    key.write_text(endpoint.key)
    other = scene.stage.start(
        "other-model",
        ["comity.cli.local_model", "--cache", str(weights), "--api-key-file", str(key),
         "--alias", scene.model + OTHER, "--with-parent"],
    )  # fmt: skip
    key.unlink()
    before = scene.size()
    scene.cheat("switch", "provider", "turn", "--target", other["url"])
    answer = scene.ask()
    scene.cheat("switch", "provider", "turn", "--target", endpoint.url)
    scene.stage.end("other-model")
    settled = _only(scene.entries(before), lambda entry: entry["kind"] == "call.settled")
    entry = settled[1] if settled else {}
    scene.mismatch = settled[0] if settled else before
    evidence, proven = scene.prove_entry(scene.mismatch, "2-other-model")
    withheld = answer["status"] == 403 and answer.get("clause") == "models.serves"
    recorded = entry.get("served_check") == "mismatch" and entry.get("outcome") == "withheld"
    cheat = Cheat(
        who="provider",
        what=f"Lets another model, {other['model']}, answer at the same address.",
        caught_by="the gateway",
        evidence=str(evidence),
        caught=proven and withheld and recorded,
    )
    scene.told(
        cheat,
        "The name in the answer is checked before its first byte goes on, and the answer is withheld.",
        f"{answer['status']}  {answer.get('clause')}: {answer.get('because')}",
        f"entry {scene.mismatch}: served {entry.get('served')}, served_check {entry.get('served_check')}, "
        f"outcome {entry.get('outcome')}",
    )


def too_many_calls(scene: Scene) -> None:
    """The evaluator fires many clients at the last calls of the budget."""
    budget = scene.status()["clauses"]["budget.calls"]
    for _ in range(budget["agreed"] - budget["taken"] - LEFT):
        scene.ask()
    before = scene.size()
    url = f"{scene.story.gateway}/a/{scene.story.arrangement}/openai/v1/chat/completions"
    scene.cheat("crowd", "evaluator", "--url", url, "--model", scene.model, "--clients", str(CLIENTS))
    found = scene.entries(before)
    kinds = Counter(entry["kind"] for _, entry in found)
    over = [entry for _, entry in found if entry.get("clause") == "budget.calls"]
    evidence = scene.evidence(f"4-{CLIENTS}-clients.jsonl")
    evidence.write_text("".join(json.dumps({"entry": index, **entry}) + "\n" for index, entry in found))
    verdict = scene.verify(scene.copy)
    passed = (kinds["call.permitted"], kinds["call.settled"], len(over)) == (LEFT, LEFT, CLIENTS - LEFT)
    cheat = Cheat(
        who="evaluator",
        what=f"Fires {CLIENTS} clients at once at the last {LEFT} calls of the budget.",
        caught_by="the gateway",
        evidence=str(evidence),
        caught=passed and verdict["stands"],
    )
    scene.told(
        cheat,
        f"Permit and reservation are one transaction, so {kinds['call.permitted']} pass and {len(over)} are refused.",
        f"{over[0]['status']}  budget.calls: {over[0]['because']}" if over else "nothing was refused",
        *facts(verdict, "budget"),
    )


def around_the_gateway(scene: Scene) -> None:
    """Somebody has read the upstream key and a permit on the way to the model, and calls it there."""
    said = scene.cheat("wire", "", "call", "--target", scene.story.guard, "--seen", str(scene.seen))
    scene.stage.end("guard")  # nothing is left to call; ending it writes down what it refused in its last second
    counted = scene.story.count(str(scene.evidence("5-guard-counters")))
    scene.entries()
    compared = [scene.reconcile(file) for file, _ in counted]
    refused = sum((Counter(counters["refused"]) for _, counters in counted), Counter[str]())
    parts = [said["without"], said["again"]]
    answered = [(part["status"], part.get("code"), part.get("reason")) for part in parts]
    cheat = Cheat(
        who="thief",
        what="Calls the model around the gateway, with the stolen upstream key and a used permit.",
        caught_by="the provider's guard",
        evidence=counted[-1][0],
        caught=answered == [(403, "permit-refused", "missing"), (403, "permit-refused", "used")]
        and refused == {"missing": 1, "used": 1}
        and all(day["outcome"] == "equal" for day in compared),
    )
    scene.told(
        cheat,
        "Only what the gateway has recorded carries a permit, and each permit passes once.",
        *(f"{part['status']}  {part.get('reason')}: {part.get('because')}" for part in parts),
        *(f"{day['day']}: {day['passed']} passed, {day['sure']} in the ledger: {day['means']}" for day in compared),
    )


def rewritten_entry(scene: Scene) -> None:
    """The operator changes an entry in its own database, and signs the new history."""
    stage, out = scene.stage, scene.stage.folder / "rewritten"
    stage.end("gateway")
    changes = {"served": scene.model, "served_check": "agreed", "outcome": "answered"}
    settings = [part for name, value in changes.items() for part in ("--set", f"{name}={value}")]
    forged = scene.cheat("rewrite", "operator", "--arrangement", scene.story.arrangement,
                         "--position", str(scene.mismatch), *settings, "--out", str(out))  # fmt: skip
    answers = [line for line in stage.started("authority-witness").splitlines() if "answered 422" in line]
    kept = stage.run_json("authority", "witness", "--no-serve")["evidence"]
    evidence = Path(kept[0]) if kept else stage.home("authority") / "witness" / "evidence"
    verdict = scene.verify(evidence, role="authority") if kept else {"facts": [], "stands": True}
    copies = scene.verify(out)["stands"], scene.verify(scene.copy)["stands"]
    refused = bool(answers) and not forged["cosigned"] and not verdict["stands"]
    cheat = Cheat(
        who="operator",
        what=f"Rewrites entry {scene.mismatch} in its own database: the right model answered after all.",
        caught_by="the authority's witness",
        evidence=str(evidence),
        caught=refused and copies == (False, True),
    )
    scene.told(
        cheat,
        "The new history bears both real log keys, and no proof leads to it from what was cosigned.",
        *(f"witness: {line}" for line in answers[:1]),
        *facts(verdict, "held", "shown", "one history"),
    )


def honest_record(scene: Scene, bundle: Path) -> None:
    """What was honest stands: copy and report from before the rewriting still verify."""
    copy, report = scene.verify(scene.copy), scene.verify(bundle)
    if not copy["stands"] or not report["stands"]:
        raise CommandFailed("the honest copy or the honest report does not verify after the cheats")
    scene.tell.step(
        "anyone",
        "The honest copy and the honest report still verify; no fact of either fails.",
        "Every attempt stands in the record, and none of them changed it.",
    )
    rungs = " and ".join(map(str, report["reached"]))
    for line in (*facts(copy, "cosignatures", "calls", "models"), *facts(report, "covers", brief=True)):
        scene.tell.quote(line)
    scene.tell.quote(f"the proof of the report's number reaches rungs {rungs} of 4")


def _of_kind(found: Sequence[tuple[int, dict[str, Any]]], kind: str) -> int:
    return sum(1 for _, entry in found if entry["kind"] == kind)


def _only(
    found: Sequence[tuple[int, dict[str, Any]]], fits: Callable[[dict[str, Any]], bool]
) -> tuple[int, dict[str, Any]] | None:
    """The one entry that fits; None where there is none or another beside it."""
    fitting = [(index, entry) for index, entry in found if fits(entry)]
    return fitting[0] if len(fitting) == 1 else None
