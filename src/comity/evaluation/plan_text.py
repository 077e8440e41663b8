"""Plans as text: YAML to write and read, with every fault named by file, line and field.

The YAML is the strict subset in which terms are written (`comity.arrangement.source`): one document, no anchors, no
tags, no key twice, decimals in quotes.  Every field of `plan/1` is stated; unknown fields are refused.  What the
fields say together is checked too: the calls follow from items and epochs, the suite is one that ships with this
release in the version and with the digest named, and Anthropic's dialect takes neither temperature nor seed.

`parse_plan` is total: it returns a `Plan` or raises `PlanRefused` with every fault found.
"""

from typing import Final, cast

import yaml

from comity.arrangement import Problem, TermsRefused
from comity.arrangement.reading import Reading
from comity.arrangement.source import Node, plain, yaml_node
from comity.estimate import Method
from comity.evaluation import plan as p
from comity.evaluation.errors import EvaluationError
from comity.evaluation.suites import SHIPPED, Suite, load_suite

MEMBERS: Final = (
    "plan", "id", "arrangement", "title", "claim", "target", "instruction", "decoding", "design", "scoring",
    "missing", "outputs", "access", "engine",
)  # fmt: skip

MAX_TOKENS: Final = 1_000_000
MAX_EPOCHS: Final = 100
MAX_REPEATS: Final = 10
MAX_CONNECTIONS: Final = 64
MAX_INSTRUCTION: Final = 8_000

_HEX32: Final = "[0-9a-f]{32}"
_HEX64: Final = "[0-9a-f]{64}"
_MODEL: Final = r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}"
_LEVEL: Final = r"0\.[0-9]{0,5}[1-9]"


class PlanRefused(EvaluationError):
    """The text is no plan; `problems` lists everything found, in the order of the text."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


def parse_plan(text: str | bytes, file: str) -> p.Plan:
    """Read a plan as its author wrote it; raises `PlanRefused`, nothing else."""
    try:
        node, problems = yaml_node(text, file)
        reading = Reading(file=file, problems=list(problems))
        plan = _walk(reading, node)
    except TermsRefused as refused:
        raise PlanRefused(refused.problems) from None
    return plan


def write_plan(members: dict[str, object]) -> str:
    """The YAML of a plan's members, in the order of the reference page."""
    head = (
        "# An evaluation plan. Its digest enters the ledger before the first call: comity plan freeze FILE\n"
        "# Every field is explained in docs/reference/plan.md.\n"
    )
    return head + yaml.safe_dump(members, sort_keys=False, allow_unicode=True, width=110)


def _walk(reading: Reading, root: Node) -> p.Plan:
    top = reading.members(root, "", MEMBERS)
    reading.choice(top["plan"], "plan", (p.FORMAT,))
    plan_id = reading.matching(top["id"], "id", _HEX32, "128 random bits in 32 lower-case hex digits")
    arrangement = reading.matching(
        top["arrangement"], "arrangement", _HEX32, "the arrangement's id, 32 lower-case hex digits"
    )
    title = reading.text(top["title"], "title")
    claim, suite = _claim(reading, top["claim"])
    target = _target(reading, top["target"])
    instruction = reading.text(top["instruction"], "instruction", most=MAX_INSTRUCTION, lines=True)
    decoding = _decoding(reading, top["decoding"], target)
    design = _design(reading, top["design"], suite)
    scoring = _scoring(reading, top["scoring"], suite)
    reading.choice(top["missing"], "missing", ("never-scored",))
    outputs = _outputs(reading, top["outputs"])
    access = _access(reading, top["access"], design)
    engine = reading.members(top["engine"], "engine", ("name", "version"))
    name = reading.choice(engine["name"], "engine.name", (p.ENGINE,))
    version = reading.choice(engine["version"], "engine.version", (p.ENGINE_VERSION,))
    reading.finish()
    return p.Plan(
        id=plan_id,
        arrangement=arrangement,
        title=title,
        claim=claim,
        target=target,
        instruction=instruction,
        decoding=decoding,
        design=design,
        scoring=scoring,
        missing="never-scored",
        outputs=outputs,
        access=access,
        engine=p.Engine(name=name, version=version),
        canonical=p.canonical_plan(plain(root)),
    )


def _claim(reading: Reading, node: Node) -> tuple[p.Claim, Suite | None]:
    claim = reading.members(node, "claim", ("estimand", "population"))
    estimand = reading.text(claim["estimand"], "claim.estimand", most=1_000, lines=True)
    path = "claim.population"
    bank = reading.members(claim["population"], path, ("suite", "version", "sha256", "size"))
    name = reading.choice(bank["suite"], f"{path}.suite", tuple(sorted(SHIPPED)))
    version = reading.number(bank["version"], f"{path}.version", least=1, most=1_000_000)
    digest = reading.matching(bank["sha256"], f"{path}.sha256", _HEX64, "64 lower-case hex digits")
    size = reading.number(bank["size"], f"{path}.size", least=1, most=100_000_000)
    suite = load_suite(name)
    if bank["version"].value is not None and version != suite.version:
        reading.refuse(bank["version"], f"{path}.version", f"{suite.version}, the version of {name} in this release")
    if digest and digest != suite.sha256:
        reading.refuse(bank["sha256"], f"{path}.sha256", f"{suite.sha256}, the digest of {name} in this release")
    if bank["size"].value is not None and size != len(suite.items):
        reading.refuse(bank["size"], f"{path}.size", f"{len(suite.items)}, the number of items of {name}")
    population = p.Population(suite=name, version=version, sha256=digest, size=size)
    return p.Claim(estimand=estimand, population=population), suite


def _target(reading: Reading, node: Node) -> p.Target:
    target = reading.members(node, "target", ("protocol", "model"))
    protocol = reading.choice(target["protocol"], "target.protocol", ("openai", "anthropic"))
    model = reading.matching(target["model"], "target.model", _MODEL, "a model's name")
    return p.Target(protocol=cast(p.Protocol, protocol), model=model)


def _decoding(reading: Reading, node: Node, target: p.Target) -> p.Decoding:
    decoding = reading.members(node, "decoding", ("temperature", "max_tokens", "seed"))
    tokens = reading.number(decoding["max_tokens"], "decoding.max_tokens", least=1, most=MAX_TOKENS)
    temperature, seed = decoding["temperature"], decoding["seed"]
    if target.protocol == "anthropic":
        reading.choice(temperature, "decoding.temperature", ("unset",))
        reading.choice(seed, "decoding.seed", ("unset",))
        return p.Decoding(temperature=None, max_tokens=tokens, seed=None)
    heat = None
    if temperature.value not in (None, "unset"):
        reading.decimal(temperature, "decoding.temperature", most=2)
        heat = str(temperature.value)
    chosen = None
    if seed.value not in (None, "unset"):
        chosen = reading.number(seed, "decoding.seed", least=0, most=2**31 - 1)
    return p.Decoding(temperature=heat, max_tokens=tokens, seed=chosen)


def _design(reading: Reading, node: Node, suite: Suite | None) -> p.Design:
    design = reading.members(node, "design", ("items", "selection", "seed", "epochs"))
    most = len(suite.items) if suite else 100_000_000
    items = reading.number(design["items"], "design.items", least=1, most=most)
    reading.choice(design["selection"], "design.selection", ("srs/1",))
    seed = reading.matching(design["seed"], "design.seed", _HEX32, "32 lower-case hex digits")
    epochs = reading.number(design["epochs"], "design.epochs", least=1, most=MAX_EPOCHS)
    return p.Design(items=items, selection="srs/1", seed=seed, epochs=epochs)


def _scoring(reading: Reading, node: Node, suite: Suite | None) -> p.Scoring:
    scoring = reading.members(node, "scoring", ("scorer", "version"))
    scorer = reading.choice(scoring["scorer"], "scoring.scorer", (suite.scorer if suite else "short-answer",))
    version = reading.number(scoring["version"], "scoring.version", least=1, most=1_000)
    if suite and scoring["version"].value is not None and version != suite.scorer_version:
        reading.refuse(scoring["version"], "scoring.version", f"{suite.scorer_version}, the scorer of this release")
    return p.Scoring(scorer=scorer, version=version)


def _outputs(reading: Reading, node: Node) -> p.Outputs:
    outputs = reading.members(node, "outputs", ("methods", "level"))
    nodes = reading.items(outputs["methods"], "outputs.methods", most=2)
    known = ("wilson", "clopper-pearson")
    methods = [reading.choice(item, f"outputs.methods[{n}]", known) for n, item in enumerate(nodes)]
    reading.unique(nodes, methods, "outputs.methods")
    level = reading.matching(outputs["level"], "outputs.level", _LEVEL, 'a decimal in quotes such as "0.95"')
    return p.Outputs(methods=tuple(cast(Method, method) for method in methods), level=level)


def _access(reading: Reading, node: Node, design: p.Design) -> p.Access:
    access = reading.members(node, "access", ("calls", "repeats", "connections"))
    calls = reading.number(access["calls"], "access.calls", least=1, most=10**9)
    expected = design.items * design.epochs
    if access["calls"].value is not None and calls != expected:
        reading.refuse(access["calls"], "access.calls", f"{expected}: design.items times design.epochs")
    return p.Access(
        calls=calls,
        repeats=reading.number(access["repeats"], "access.repeats", least=0, most=MAX_REPEATS),
        connections=reading.number(access["connections"], "access.connections", least=1, most=MAX_CONNECTIONS),
    )
