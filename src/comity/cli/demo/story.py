"""The story: from two talks to a number that a stranger can check.

Each function is one act.  Everything is done by public commands in four folders;
this module carries files between them and tells what happened.
"""

import json
import secrets
import shutil
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from comity.cli.demo.narrator import Narrator
from comity.cli.demo.offer import Offered, offer_text
from comity.cli.demo.processes import CommandFailed, Stage, free_port
from comity.verify.facts import MARKS

__all__ = ["AUTHORITY", "PROVIDER", "Endpoint", "Story"]

AUTHORITY: Final = "Model Oversight Office"
PROVIDER: Final = "Aurora Systems"
SHOWN: Final = ("scores", "rows", "covers", "report", "page", "sealed", "draw", "rescored")
"""The facts about a bundle that the story quotes."""
OTHER_PROVIDER: Final = "Borealis Labs"
OPERATOR: Final = "Neutral Operator"
EVALUATOR: Final = "Evaluation Team One"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """The model that stands as the provider's."""

    url: str
    key: str
    protocols: tuple[str, ...]
    model: str


@dataclass(slots=True, kw_only=True)
class Story:
    """One telling; each act leaves here what a later one needs."""

    stage: Stage
    tell: Narrator
    items: int
    few: int
    first: str = ""
    second: str = ""
    guard: str = ""
    """The guard's address; empty where none stands."""
    guarded_from: datetime = field(default_factory=lambda: datetime.now(UTC))
    gateway: str = ""
    origin: str = ""
    arrangement: str = ""
    digest: str = ""
    runs: list[dict[str, Any]] = field(default_factory=list)
    calls: int = 0
    refused: int = 0
    first_number_seconds: float = 0.0

    def mail(self, name: str) -> str:
        """The path of a file that travels."""
        return str(self.stage.mail / name)

    def talks(self) -> None:
        """Two providers, one that came forward and one still in dialogue."""
        run, tell = self.stage.run_json, self.tell
        tell.act("Act one: two talks")
        for role, name in (("authority", AUTHORITY), ("provider", PROVIDER), ("operator", OPERATOR),
                           ("evaluator", EVALUATOR)):  # fmt: skip
            self.stage.run(
                role, "init", str(self.stage.home(role)), "--role", role, "--name", name, "--host", f"{role}.example"
            )
        tell.step(
            "all",
            "Four instances are made: authority/ provider/ operator/ evaluator/.",
            "Each side holds its own keys in its own folder; only files and HTTP pass between them.",
        )
        self.first = run(
            "authority", "engagement", "open", "--provider", PROVIDER, "--initiated-by", "provider",
            "--summary", "Came forward and offers access to its newest model.",
        )["engagement"]  # fmt: skip
        self.second = run(
            "authority", "engagement", "open", "--provider", OTHER_PROVIDER, "--initiated-by", "authority",
            "--summary", "Broader exchanges; access is not discussed yet.",
        )["engagement"]  # fmt: skip
        for on, topic in (("2026-10-06", "safety framework"), ("2026-11-03", "transparency of training data")):
            run("authority", "engagement", "meeting", self.second, "--on", on, "--topic", topic)
        tell.step(
            "authority",
            f"Two cases are open: {PROVIDER}, and {OTHER_PROVIDER} with two meetings held.",
            "Every meeting and offer is an entry of the case's own ledger; the stage follows from the entries.",
        )
        self.stage.run("evaluator", "key", "show", "--out", self.mail("evaluator.card.json"))
        said = self.stage.run(
            "authority", "grant", "issue", self.second, "--person", "evaluator-1",
            "--card", self.mail("evaluator.card.json"), expect=1,
        )  # fmt: skip
        tell.step(
            "authority",
            f"A grant for {OTHER_PROVIDER} is asked for, and refused.",
            "Access without an arrangement in force is impossible, and the refusal itself is an entry.",
        )
        tell.quote(said)

    def terms(self, offered: Offered) -> None:
        """The offer becomes terms; they are countered once and signed by both."""
        run, tell, mail = self.stage.run_json, self.tell, self.mail
        tell.act("Act two: the terms")
        (self.stage.mail / "access-offer.yaml").write_text(
            offer_text(offered, provider=PROVIDER, now=datetime.now(UTC)), encoding="utf-8"
        )
        run("provider", "engagement", "offer", mail("access-offer.yaml"), "--out", mail("access-offer.json"))
        run("authority", "engagement", "receive", self.first, mail("access-offer.json"))
        tell.step(
            "provider",
            f"{PROVIDER} offers access to {offered.model}: {offered.calls} calls over thirty days.",
            "The offer is signed and is an entry of the case; the case has now reached negotiation.",
        )
        tell.quote(self.stage.run("authority", "engagement", "list"))
        for role in ("authority", "provider"):
            port = free_port()
            ready = self.stage.start(
                f"{role}-witness",
                ["comity", "--home", str(self.stage.home(role)), "witness", "--listen", f"127.0.0.1:{port}"],
            )
            self.stage.run(role, "key", "show", "--witness-url", ready["witness"], "--out", mail(f"{role}.card.json"))
        card = run("operator", "ledger", "reserve", "--out", mail("operator.card.json"))
        self.origin = card["origin"]
        tell.step(
            "operator",
            f"The ledger {self.origin[:32]}… is reserved, with two log keys.",
            "The terms will name these keys and both sides' witnesses: three keys, three folders, three processes.",
        )
        cards = [
            part
            for name in ("authority", "provider", "operator", "evaluator")
            for part in ("--card", mail(f"{name}.card.json"))
        ]
        run("provider", "arrangement", "draft", "--offer", mail("access-offer.json"), *cards,
            "--out", mail("terms-1.json"))  # fmt: skip
        fewer = str(offered.calls - 20)
        run("authority", "arrangement", "counter", mail("terms-1.json"), "--set", f"budget.calls={fewer}",
            "--set", f"budget.per_day.calls={fewer}",
            "--engagement", self.first, "--out", mail("terms-2.json"))  # fmt: skip
        tell.step(
            "both",
            "The offer becomes draft terms with no field retyped; the authority counters once.",
            "What changes between two versions is shown clause by clause.",
        )
        tell.quote(self.stage.run("authority", "arrangement", "diff", mail("terms-1.json"), mail("terms-2.json")))
        accepted = run("provider", "arrangement", "accept", mail("terms-2.json"), "--out", mail("terms.json"))
        run("authority", "arrangement", "accept", mail("terms.json"), "--engagement", self.first,
            "--out", mail("terms.json"))  # fmt: skip
        self.digest = accepted["digest"]
        tell.step(
            "both",
            f"Both parties sign version 2: {self.digest[:16]}…",
            "One digest, two signatures. Nothing runs on terms that one side alone has signed.",
        )

    def stand_guard(self, endpoint: Endpoint) -> Endpoint:
        """The provider's guard stands in front of its model; what the gateway is to call in the model's place.

        Where the signed terms agree no guard, none is started, and the story says so.
        """
        terms = json.loads(json.loads(Path(self.mail("terms.json")).read_text())["terms"])
        if terms["guard"]["by"] != "provider":
            self.tell.step(
                "provider",
                "No guard stands in front of this endpoint.",
                "Whoever holds its key could call it and leave no entry; the report will say 'bypass not excluded'.",
            )
            return endpoint
        self.guarded_from = datetime.now(UTC)
        ready = self.stage.start(
            "guard",
            ["comity", "--home", str(self.stage.home("provider")), "guard", "serve", self.mail("terms.json"),
             "--upstream", endpoint.url, "--listen", "127.0.0.1:0"],
        )  # fmt: skip
        self.guard = ready["guard"]
        self.tell.step(
            "provider",
            f"A guard stands in front of the model, at {self.guard}.",
            "It lets a request pass only with a permit that the gateway signed for it; the model's key alone opens "
            "nothing.",
        )
        return replace(endpoint, url=self.guard)

    def count(self, out: str) -> list[tuple[str, dict[str, Any]]]:
        """The guard's counters of each day since it stands become entries; files `OUT-DAY` and what they count."""
        last = datetime.now(UTC).date()
        counted = []
        for number in range((last - self.guarded_from.date()).days + 1):
            day = (self.guarded_from.date() + timedelta(days=number)).isoformat()
            said = self.stage.run_json(
                "provider", "guard", "counters", self.mail("terms.json"), "--day", day, "--out", f"{out}-{day}",
                "--gateway", self.gateway,
            )  # fmt: skip
            counted.append((f"{out}-{day}", said))
        passed = sum(said["passed"] for _, said in counted)
        self.tell.step(
            "provider",
            f"The guard signs the day's counters: {passed} calls passed (entry {counted[-1][1]['entry']}).",
            "Anyone can hold them against the ledger: a call around the gateway would be on one side only.",
        )
        return counted

    def service(self, endpoint: Endpoint) -> None:
        """The ledger begins, both sides watch it, and one person is let in."""
        run, tell, mail = self.stage.run_json, self.tell, self.mail
        tell.act("Act three: the gateway")
        upstreams = [part for protocol in endpoint.protocols for part in ("--upstream", f"{protocol}={endpoint.url}")]
        adopted = run("operator", "ledger", "adopt", mail("terms.json"), *upstreams, COMITY_UPSTREAM_KEY=endpoint.key)
        self.arrangement = adopted["arrangement"]
        for role in ("authority", "provider"):
            self.stage.run(role, "witness", "--add-log", mail("terms.json"), "--no-serve")
        ready = self.stage.start(
            "gateway",
            ["comity", "--home", str(self.stage.home("operator")), "serve", "--listen", "127.0.0.1:0",
             "--publish-every", "0.5"],
        )  # fmt: skip
        self.gateway = ready["gateway"]
        tell.step(
            "operator",
            f"The gateway serves at {self.gateway}; entry 0 of the ledger holds both signatures.",
            "Both sides' witnesses cosign every checkpoint, so the operator cannot show two histories.",
        )
        given = run(
            "authority", "grant", "issue", self.first, "--person", "evaluator-1",
            "--card", mail("evaluator.card.json"), "--to", self.gateway,
        )  # fmt: skip
        tell.step(
            "authority",
            f"{EVALUATOR} is granted access until {given['expires'][:10]} (entry {given['sent']} of the ledger).",
            "The evaluator made its own key; the grant holds its digest, so the secret never travels.",
        )

    def evaluate(self, endpoint: Endpoint, protocol: str, items: int, *, decide: str = "") -> dict[str, Any]:
        """A plan is frozen and run; the estimate comes with its interval and what is missing.

        With `decide` it asks no more than it takes to know whether the rate is above that.
        """
        run, tell, mail = self.stage.run_json, self.tell, self.mail
        plan = mail(f"plan-{protocol}.yaml")
        run("evaluator", "plan", "new", "--arrangement", self.arrangement, "--protocol", protocol,
            "--model", endpoint.model, "--items", str(items), "--out", plan,
            *(("--decide", decide) if decide else ()))  # fmt: skip
        frozen = run("evaluator", "plan", "freeze", plan, "--gateway", self.gateway)
        tell.step(
            "evaluator",
            f"A plan of {'at most ' if decide else ''}{items} items over Inspect's {protocol}/ provider is frozen "
            f"(entry {frozen['index']}).",
            f"Its question: are more than {float(decide):.0%} of the answers right? It asks until that is known."
            if decide
            else "What will be asked and how it is judged is fixed before the first call.",
        )
        done: dict[str, Any] = run("evaluator", "run", plan, "--gateway", self.gateway, show=True)
        if not done["estimates"]:
            missing = ", ".join(f"{number} {reason}" for reason, number in done["missing"].items())
            raise CommandFailed(
                f"the endpoint gave no answer that could be judged: of {done['counts']['intended']} items, {missing}. "
                f"'comity status' and the entries of the run say why; is the model's name right?"
            )
        self.runs.append(done)
        if not self.first_number_seconds:
            self.first_number_seconds = self.tell.seconds()
        counts = done["counts"]
        tell.step(
            "evaluator",
            f"The run is done: {counts['intended']} items, {done['calls']} calls, {done['refused']} refused.",
            "Every model call is tied to its sample and run, and matched with the ledger's entries.",
        )
        for estimate in done["estimates"]:
            tell.quote(estimate["text"])
        if decide:
            tell.quote(_decided(float(decide), done["stopped"], items))
        return done

    def refusal(self, endpoint: Endpoint) -> None:
        """One call outside the terms."""
        said = self.stage.run_json(
            "evaluator", "ask", "What is the capital of France?", "--ledger", self.origin, "--gateway", self.gateway,
            "--model", endpoint.model, "--protocol", "openai", "--set", "logprobs=true", expect=1,
        )  # fmt: skip
        self.tell.step(
            "evaluator",
            "One call asks for log-probabilities, which the terms do not allow.",
            "A refusal quotes its clause, is an entry, and reads the same to all sides.",
        )
        self.tell.quote(f"{said['status']}  {said['clause']}: {said['because']}  (entry {said['entry']})")

    def disclose(self, permit: int) -> None:
        """One sealed item is opened by its own key, and checked against its entry."""
        run, mail = self.stage.run_json, self.mail
        arrangement = f"{self.gateway}/a/{self.arrangement}"
        run("evaluator", "disclose", str(permit), "--part", "both", "--gateway", arrangement,
            "--out", mail("disclosed.json"))  # fmt: skip
        self.tell.step(
            "evaluator",
            f"Call {permit} is disclosed: its question and answer, by their own keys.",
            "All other content stays sealed; the operator's disk holds nothing that opens it.",
        )

    def publish(self, run_id: str) -> dict[str, Any]:
        """The run becomes a page and a bundle, and a stranger checks the bundle alone."""
        run, tell, mail = self.stage.run_json, self.tell, self.mail
        tell.act("Act four: the number travels")
        published: dict[str, Any] = run(
            "evaluator", "report", run_id, "--gateway", self.gateway, "--terms", mail("terms.json"),
            "--out", str(self.stage.folder / "report"),
        )  # fmt: skip
        covers = published["covers"]
        tell.step(
            "evaluator",
            f"A report is published (entry {published['entry']}); it covers {covers['reported']} of "
            f"{covers['begun']} runs.",
            "One page for people, and one file with everything that proves it; their digests are in the ledger.",
        )
        shared = (run_id, "--gateway", self.gateway, "--terms", mail("terms.json"))
        for half in ("commit", "reveal"):
            for role in ("authority", "provider"):
                run(role, "draw", half, *shared)
        drawn = str(self.stage.folder / "report" / "bundle-with-draw.zip")
        run("evaluator", "draw", "open", *shared, "--bundle", published["bundle"], "--out", drawn)
        tell.step(
            "both",
            "Five rows are drawn by lot; the evaluator opens their questions and answers.",
            "Each side commits to its half before either is told, so neither chooses which answers are looked at.",
        )
        verdict = run("stranger", "verify", drawn, "--arrangement", mail("terms.json"))
        tell.step(
            "anyone",
            "The bundle is verified offline: every published number is computed again.",
            "The verdict names how far down the proof reaches, and what it does not establish.",
        )
        for fact in verdict["facts"]:
            if fact["name"] in SHOWN:
                tell.quote(f"{MARKS[fact['holds']]} {fact['name']}: {fact['detail']}")
        for rung in verdict["rungs"]:
            tell.quote(f"{MARKS[rung['holds']]} {rung['name']}: {rung['detail']}")
        url = f"{self.gateway}/a/{self.arrangement}"
        receipts = [
            run("evaluator", "receipt", str(index), url, "--out", mail("receipts"))["receipt"]
            for index in (0, published["entry"])
        ]
        return {**published, "bundle": drawn, "rungs": verdict["reached"], "receipts": receipts}

    def check(self) -> dict[str, Any]:
        """A stranger checks a copy, then a copy with one byte flipped."""
        run, tell, mail = self.stage.run_json, self.tell, self.mail
        tell.act("Act five: a stranger checks the ledger")
        copy = self.stage.folder / "copy"
        mirrored: dict[str, Any] = run(
            "evaluator", "mirror", f"{self.gateway}/a/{self.arrangement}", "--out", str(copy), "--wait", "30"
        )
        verdict = run("stranger", "verify", str(copy), "--arrangement", mail("terms.json"))
        tell.step(
            "anyone",
            f"A copy of the ledger, {mirrored['size']} entries, is verified offline.",
            "Each fact on its own line; no server and no trust in the operator is needed.",
        )
        for fact in verdict["facts"]:
            tell.quote(f"{MARKS[fact['holds']]} {fact['name']}: {fact['detail']}")
        opened = self.stage.run(
            "stranger", "verify", mail("disclosed.json"), "--ledger", str(copy), "--arrangement", mail("terms.json"),
            "--show",
        )  # fmt: skip
        tell.step(
            "anyone",
            "The disclosed call is checked against its entries, and read.",
            "The ledger holds a salted commitment; only these bytes fit it.",
        )
        tell.quote(_question_and_answer(opened))
        bad = self.stage.folder / "copy-with-one-byte-flipped"
        shutil.copytree(copy, bad)
        bundle = sorted(path for path in (bad / "tile" / "entries").rglob("*") if path.is_file())[0]
        data = bytearray(bundle.read_bytes())
        at = secrets.randbelow(len(data))
        data[at] ^= 1
        bundle.write_bytes(bytes(data))
        said = self.stage.run("stranger", "verify", str(bad), "--arrangement", mail("terms.json"), expect=1)
        tell.step(
            "a forger",
            f"Byte {at} of {bundle.relative_to(bad)} is flipped in a second copy, and found.",
            "Verification says where: a changed record cannot keep the root that both sides cosigned.",
        )
        tell.quote("\n".join(line for line in said.splitlines() if "✗" in line or "fail" in line.lower())[:600])
        return {"ledger": str(copy), **mirrored}

    def card(self, role: str) -> dict[str, Any]:
        """A card that lies in the mail."""
        card: dict[str, Any] = json.loads(Path(self.mail(f"{role}.card.json")).read_text())
        return card


def _question_and_answer(opened: str) -> str:
    """Question and answer of a disclosed chat completion, out of what `comity verify --show` prints."""
    bodies = [json.loads(line) for line in opened.splitlines() if line.startswith("{")]
    asked, answered = bodies[0], bodies[1]
    text = answered["choices"][0]["message"]["content"] if "choices" in answered else answered["content"][0]["text"]
    return f"asked     {asked['messages'][-1]['content']}\nanswered  {text.strip()}"


def _decided(rate: float, stopped: dict[str, Any], items: int) -> str:
    """What a run that may stop early decided, and how many calls it left in the budget."""
    asked, decision = int(stopped["asked"]), str(stopped["decision"])
    if decision == "open":
        return f"whether the rate is above {rate:.0%} stays open after all {asked} items"
    return f"the rate is {decision} {rate:.0%}: decided after {asked} of at most {items} items, {items - asked} saved"
