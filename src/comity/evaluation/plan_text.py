"""Plans as text: YAML to write and read, with every fault named by file, line and field.

The YAML is the strict subset in which terms are written (`comity.arrangement.source`): one document, no anchors, no
tags, no key twice, decimals in quotes.  Every field of the core is stated; of the others (`plan_fields`) those that the
claim needs (`plan_stated`); unknown fields are refused.  What the fields say together is checked too: the calls follow
from items and epochs, the suite is one that ships with this release in the version and with the digest named, and
Anthropic's dialect takes neither temperature nor seed.

A population that states `task` is a guest; nothing of it is imported here.  Whether the installed task is the one that
the plan pins is checked where it is loaded (`guests.load_guest`): by `plan check`, and before a run begins.

`parse_plan` is total: it returns a `Plan` or raises `PlanRefused` with every fault found.
"""

import re
from collections.abc import Callable
from typing import Final, cast

import yaml

from comity.arrangement import Problem, TermsRefused
from comity.arrangement.reading import Reading
from comity.arrangement.source import Node, plain, yaml_node
from comity.estimate import SAMPLE_METHODS
from comity.evaluation import plan as p
from comity.evaluation.errors import EvaluationError
from comity.evaluation.plan_fields import members_of
from comity.evaluation.plan_parts import make_parts
from comity.evaluation.plan_stated import NOTHING, Core, check_stated, read_stated
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

MAX_ARGS: Final = 50
MAX_ARGUMENT: Final = 1_000
MAX_VALUES: Final = 20

_HEX32: Final = "[0-9a-f]{32}"
_HEX64: Final = "[0-9a-f]{64}"
_MODEL: Final = r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}"
_LEVEL: Final = r"0\.[0-9]{0,5}[1-9]"
_TASK: Final = r"[A-Za-z0-9_][A-Za-z0-9_.-]*/[A-Za-z0-9_./-]+|[A-Za-z_][\w.]*:[A-Za-z_]\w*|[^\s@]+\.py@[A-Za-z_]\w*"
_ARGUMENT: Final = r"[A-Za-z_]\w{0,63}"
_PACKAGE: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
_VERSION: Final = r"[A-Za-z0-9][A-Za-z0-9.:+!_-]{0,99}"
_SCORER: Final = r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,99}"
_VALUE: Final = r"[ -~]{1,60}"
_THRESHOLD: Final = r"-?(0|[1-9][0-9]{0,8})(\.[0-9]{1,6})?"
MARKS: Final = ("right", "wrong", "missing")

Further = Callable[[str], tuple[str, ...]]
"""The names that an object of the core may have beside its own."""


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
    further = _further(root)
    top = reading.members(root, "", MEMBERS, optional=further(""))
    reading.choice(top["plan"], "plan", (p.FORMAT, p.CORE_FORMAT))
    plan_id = reading.matching(top["id"], "id", _HEX32, "128 random bits in 32 lower-case hex digits")
    arrangement = reading.matching(
        top["arrangement"], "arrangement", _HEX32, "the arrangement's id, 32 lower-case hex digits"
    )
    title = reading.text(top["title"], "title")
    claim, suite = _claim(reading, top["claim"], further)
    target = _target(reading, top["target"], further)
    if suite is None:
        instruction = reading.choice(top["instruction"], "instruction", (p.OWN_INSTRUCTION,))
    else:
        instruction = reading.text(top["instruction"], "instruction", most=MAX_INSTRUCTION, lines=True)
    decoding = _decoding(reading, top["decoding"], target, further)
    design = _design(reading, top["design"], claim.population.size, further)
    scoring: p.Scoring | p.TaskScoring
    if suite is None:
        scoring = _task_scoring(reading, top["scoring"], further)
    else:
        scoring = _scoring(reading, top["scoring"], suite, further)
    reading.choice(top["missing"], "missing", ("never-scored",))
    outputs = _outputs(reading, top["outputs"], further)
    access = _access(reading, top["access"], design, further, several=suite is None)
    engine = reading.members(top["engine"], "engine", ("name", "version"))
    name = reading.choice(engine["name"], "engine.name", (p.ENGINE,))
    version = reading.choice(engine["version"], "engine.version", (p.ENGINE_VERSION,))
    stated = NOTHING
    if further is members_of:
        stated = read_stated(reading, root)
        core = Core(
            suite=suite is not None,
            model=target.model,
            items=design.items,
            epochs=design.epochs,
            calls=access.calls,
            methods=outputs.methods,
            level=outputs.level,
            at=top["outputs"],
        )
        check_stated(reading, stated, core)
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
        stated=stated.values,
        parts=make_parts(stated.values, calls=access.calls, level=outputs.level),
        canonical=p.canonical_plan(plain(root)),
    )


def _further(root: Node) -> Further:
    """What objects of the core may have beside their own members: nothing in `plan/1`."""
    stated = root.value.get("plan", root) if isinstance(root.value, dict) else root
    return _nothing if stated.value == p.CORE_FORMAT else members_of


def _nothing(_: str) -> tuple[str, ...]:
    return ()


def _claim(reading: Reading, node: Node, further: Further) -> tuple[p.Claim, Suite | None]:
    claim = reading.members(node, "claim", ("estimand", "population"), optional=further("claim"))
    estimand = reading.text(claim["estimand"], "claim.estimand", most=1_000, lines=True)
    path = "claim.population"
    stated = claim["population"].value
    if isinstance(stated, dict) and "task" in stated and "suite" not in stated:
        return p.Claim(estimand=estimand, population=_guest(reading, claim["population"], path, further)), None
    own = ("suite", "version", "sha256", "size")
    bank = reading.members(claim["population"], path, own, optional=further(path))
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


def _guest(reading: Reading, node: Node, path: str, further: Further) -> p.TaskPopulation:
    own = ("task", "args", "package", "version", "sha256", "size")
    bank = reading.members(node, path, own, optional=further(path))
    given = bank["args"]
    args: dict[str, str | int | bool] = {}
    if given.value is not None and (not isinstance(given.value, dict) or len(given.value) > MAX_ARGS):
        reading.refuse(given, f"{path}.args", f"an object of at most {MAX_ARGS} arguments")
    for name, value in (given.value if isinstance(given.value, dict) else {}).items():
        if not re.fullmatch(_ARGUMENT, name, re.ASCII) or not _is_argument(value.value):
            expected = "a name of ASCII letters, and a printable text, an integer, true or false"
            reading.refuse(value, f"{path}.args.{name[:40]}", expected)
        else:
            args[name] = cast(str | int | bool, value.value)
    task = "a task: package/name, module:function or file.py@name"
    version = "the package's version, or sha256: and a file's digest"
    return p.TaskPopulation(
        task=reading.matching(bank["task"], f"{path}.task", _TASK, task),
        args=args,
        package=reading.matching(bank["package"], f"{path}.package", _PACKAGE, "a package's name, or none"),
        version=reading.matching(bank["version"], f"{path}.version", _VERSION, version),
        sha256=reading.matching(bank["sha256"], f"{path}.sha256", _HEX64, "64 lower-case hex digits"),
        size=reading.number(bank["size"], f"{path}.size", least=1, most=100_000_000),
    )


def _is_argument(value: object) -> bool:
    match value:
        case bool():
            return True
        case int(number):
            return abs(number) < 2**53
        case str(text):
            return text.isprintable() and len(text) <= MAX_ARGUMENT
        case _:
            return False


def _target(reading: Reading, node: Node, further: Further) -> p.Target:
    target = reading.members(node, "target", ("protocol", "model"), optional=further("target"))
    protocol = reading.choice(target["protocol"], "target.protocol", ("openai", "anthropic"))
    model = reading.matching(target["model"], "target.model", _MODEL, "a model's name")
    return p.Target(protocol=cast(p.Protocol, protocol), model=model)


def _decoding(reading: Reading, node: Node, target: p.Target, further: Further) -> p.Decoding:
    own = ("temperature", "max_tokens", "seed")
    decoding = reading.members(node, "decoding", own, optional=further("decoding"))
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


def _design(reading: Reading, node: Node, size: int, further: Further) -> p.Design:
    stated = node.value if isinstance(node.value, dict) else {}
    if further is members_of:
        own: tuple[str, ...] = ("items", "seed" if "seed" in stated else "seed_commitment", "epochs")
    else:
        own = ("items", "selection", "seed", "epochs")
    design = reading.members(node, "design", own, optional=further("design"))
    if "selection" in design:
        reading.choice(design["selection"], "design.selection", ("srs/1",))
    seed = commitment = ""
    if "seed" in design:
        seed = reading.matching(design["seed"], "design.seed", _HEX32, "32 lower-case hex digits")
    else:
        meaning = "the seed's commitment, 64 lower-case hex digits; comity plan new makes one"
        commitment = reading.matching(design["seed_commitment"], "design.seed_commitment", _HEX64, meaning)
    return p.Design(
        items=reading.number(design["items"], "design.items", least=1, most=size),
        seed=seed,
        commitment=commitment,
        epochs=reading.number(design["epochs"], "design.epochs", least=1, most=MAX_EPOCHS),
    )


def _scoring(reading: Reading, node: Node, suite: Suite, further: Further) -> p.Scoring:
    scoring = reading.members(node, "scoring", ("scorer", "version"), optional=further("scoring"))
    scorer = reading.choice(scoring["scorer"], "scoring.scorer", (suite.scorer,))
    version = reading.number(scoring["version"], "scoring.version", least=1, most=1_000)
    if scoring["version"].value is not None and version != suite.scorer_version:
        reading.refuse(scoring["version"], "scoring.version", f"{suite.scorer_version}, the scorer of this release")
    return p.Scoring(scorer=scorer, version=version)


def _task_scoring(reading: Reading, node: Node, further: Further) -> p.TaskScoring:
    by_threshold = isinstance(node.value, dict) and "threshold" in node.value
    how = "threshold" if by_threshold else "values"
    scoring = reading.members(node, "scoring", ("scorer", how), optional=further("scoring"))
    scorer = reading.matching(scoring["scorer"], "scoring.scorer", _SCORER, "the name of one of the task's scorers")
    if by_threshold:
        meaning = 'a decimal in quotes such as "0.5", from which on a value is right'
        threshold = reading.matching(scoring[how], "scoring.threshold", _THRESHOLD, meaning)
        return p.TaskScoring(scorer=scorer, values=None, threshold=threshold)
    given = scoring[how]
    if given.value is not None and (not isinstance(given.value, dict) or not 2 <= len(given.value) <= MAX_VALUES):
        reading.refuse(given, "scoring.values", f"an object of 2 to {MAX_VALUES} values; numbers need a threshold")
    stated = given.value if isinstance(given.value, dict) else {}
    values = {
        name: cast(p.Mark, reading.choice(mark, f"scoring.values.{name[:40]}", MARKS)) for name, mark in stated.items()
    }
    for name in values:
        if not re.fullmatch(_VALUE, name, re.ASCII):
            reading.refuse(given, f"scoring.values.{name[:40]}", "a value of 1 to 60 printable ASCII characters")
    if values and not {"right", "wrong"} <= set(values.values()):
        reading.refuse(given, "scoring.values", "at least one value that is right and one that is wrong")
    return p.TaskScoring(scorer=scorer, values=values, threshold=None)


def _outputs(reading: Reading, node: Node, further: Further) -> p.Outputs:
    outputs = reading.members(node, "outputs", ("methods", "level"), optional=further("outputs"))
    nodes = reading.items(outputs["methods"], "outputs.methods", most=3)
    known = tuple(dict.fromkeys(method for methods in SAMPLE_METHODS.values() for method in methods))
    methods = [reading.choice(item, f"outputs.methods[{n}]", known) for n, item in enumerate(nodes)]
    reading.unique(nodes, methods, "outputs.methods")
    level = reading.matching(outputs["level"], "outputs.level", _LEVEL, 'a decimal in quotes such as "0.95"')
    return p.Outputs(methods=tuple(methods), level=level)


def _access(reading: Reading, node: Node, design: p.Design, further: Further, *, several: bool) -> p.Access:
    own = ("calls", "repeats", "connections")
    access = reading.members(node, "access", own, optional=further("access"))
    calls = reading.number(access["calls"], "access.calls", least=1, most=10**9)
    expected = design.items * design.epochs
    if access["calls"].value is None or calls == expected:
        pass
    elif not several:
        reading.refuse(access["calls"], "access.calls", f"{expected}: design.items times design.epochs")
    elif calls % expected:
        reading.refuse(
            access["calls"], "access.calls", f"{expected} (items times epochs) times the calls of one sample"
        )
    return p.Access(
        calls=calls,
        repeats=reading.number(access["repeats"], "access.repeats", least=0, most=MAX_REPEATS),
        connections=reading.number(access["connections"], "access.connections", least=1, most=MAX_CONNECTIONS),
    )
