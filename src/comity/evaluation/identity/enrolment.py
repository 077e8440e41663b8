"""What is kept of an enrolment and of the tests against it, as JSON, and what the ledger holds in its place.

    {"alpha":"0.05","calls":868,"enrolment":"<32 hex>","format":"comity identity/1","ledger":"<origin>","model":"…",
     "parts":[{"answers":[[{"entry":12,"text":"…"},…],…],"effect":"0.08","kind":"completions","margin":"0.02",
               "max_tokens":12,"prompts":["…",…],"temperature":"1"},
              {…,"kind":"first-token",…}],
     "permutations":999,"protocol":"openai","seed":"<64 hex>"}

    {"answers":[{"entry":913,"kind":"completions","prompt":3,"text":"…"},…],"calls":40,"enrolment":"<32 hex>",
     "format":"comity identity session/1","note":"","number":1,"purpose":"canaries","results":[…],"run":"<32 hex>"}

A commitment is HMAC-SHA-256 over these bytes under a salt of 32 random bytes, as the vault makes it; decimals are
texts.  `seed` fixes the permutations of every later test, so nobody can draw them until they suit.  Margin, effect and
level are fixed at enrolment, before any answer that they judge.

The purposes: `canaries` are asked between the calls of a run, a `retest` on its own, and `benign` after a change that
is known to be harmless; the last one sets the margin and tests nothing.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from comity.estimate import Kind
from comity.evaluation.errors import EvaluationError

__all__ = [
    "Answer", "Enrolment", "IdentityError", "Part", "Purpose", "Result", "Session",
    "format_enrolment", "format_session", "parse_enrolment", "parse_session",
]  # fmt: skip

FORMAT: Final = "comity identity/1"
SESSION: Final = "comity identity session/1"
KINDS: Final[tuple[Kind, ...]] = ("completions", "first-token")

Purpose = Literal["canaries", "retest", "benign"]
PURPOSES: Final[tuple[Purpose, ...]] = ("canaries", "retest", "benign")


class IdentityError(EvaluationError):
    """An enrolment cannot be taken, read or tested against."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer, and the entry that permitted its call."""

    entry: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Prompts of one kind with their baseline."""

    kind: Kind
    temperature: str
    max_tokens: int
    prompts: tuple[str, ...]
    answers: tuple[tuple[Answer, ...], ...]
    """Per prompt."""
    margin: str
    """The distance that is tolerated."""
    effect: str
    """The distance that matters, at which the power is stated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """A baseline, and everything that later tests are to be made with."""

    id: str
    ledger: str
    model: str
    protocol: str
    seed: str
    alpha: str
    permutations: int
    parts: tuple[Part, ...]
    calls: int

    def part(self, kind: Kind) -> Part | None:
        """The part of one kind; None where there is none."""
        return next((part for part in self.parts if part.kind == kind), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one session says about one part; decimals as texts."""

    kind: Kind
    answers: int
    prompts: int
    distance: str
    upper: str
    margin: str
    effect: str
    p: str
    e: str
    capital: str
    """Product of the e-values so far."""
    power: str
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Fresh answers, and what they were found to say; `results` is None while they are not compared yet."""

    enrolment: str
    number: int
    purpose: Purpose
    note: str
    run: str
    calls: int
    answers: tuple[tuple[Kind, int, Answer], ...]
    """Kind, place of the prompt in its part, answer."""
    results: tuple[Result, ...] | None = None

    def fresh(self, part: Part) -> list[list[str]]:
        """The texts per prompt of one part."""
        found: list[list[str]] = [[] for _ in part.prompts]
        for kind, prompt, answer in self.answers:
            if kind == part.kind:
                found[prompt].append(answer.text)
        return found

    def judged(self, results: tuple[Result, ...]) -> "Session":
        """The same session with its results."""
        return replace(self, results=results)


def format_enrolment(enrolment: Enrolment) -> bytes:
    """The bytes that a commitment is made over."""
    return _bytes(
        {
            "format": FORMAT,
            "enrolment": enrolment.id,
            "ledger": enrolment.ledger,
            "model": enrolment.model,
            "protocol": enrolment.protocol,
            "seed": enrolment.seed,
            "alpha": enrolment.alpha,
            "permutations": enrolment.permutations,
            "calls": enrolment.calls,
            "parts": [
                {
                    "kind": part.kind,
                    "temperature": part.temperature,
                    "max_tokens": part.max_tokens,
                    "prompts": list(part.prompts),
                    "answers": [[_answer(each) for each in answers] for answers in part.answers],
                    "margin": part.margin,
                    "effect": part.effect,
                }
                for part in enrolment.parts
            ],
        }
    )


def parse_enrolment(data: bytes) -> Enrolment:
    """Read an enrolment; raises `IdentityError`."""
    try:
        members = _members(data, FORMAT)
        parts = tuple(_part(each) for each in members["parts"])
        numbers = [float(each) for part in parts for each in (part.margin, part.effect)]
        if not parts or not all(0 <= each <= 2 for each in numbers) or not 0 < float(members["alpha"]) < 1:
            raise ValueError("a margin, an effect or a level that is none")
        return Enrolment(
            id=_hex(members["enrolment"], 32),
            ledger=_text(members["ledger"]),
            model=_text(members["model"]),
            protocol=_text(members["protocol"]),
            seed=_hex(members["seed"], 64),
            alpha=_text(members["alpha"]),
            permutations=_number(members["permutations"]),
            parts=parts,
            calls=_number(members["calls"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise IdentityError(f"this is no enrolment ({FORMAT}): {type(problem).__name__}: {problem}") from None


def format_session(session: Session) -> bytes:
    """The bytes that a commitment is made over."""
    return _bytes(
        {
            "format": SESSION,
            "enrolment": session.enrolment,
            "number": session.number,
            "purpose": session.purpose,
            "note": session.note,
            "run": session.run,
            "calls": session.calls,
            "answers": [
                {"kind": kind, "prompt": prompt, **_answer(answer)} for kind, prompt, answer in session.answers
            ],
            "results": None if session.results is None else [result_members(each) for each in session.results],
        }
    )


def parse_session(data: bytes) -> Session:
    """Read a session; raises `IdentityError`."""
    try:
        members = _members(data, SESSION)
        if members["purpose"] not in PURPOSES:
            raise ValueError(f"a purpose {members['purpose']!r}")
        results = members["results"]
        return Session(
            enrolment=_hex(members["enrolment"], 32),
            number=_number(members["number"]),
            purpose=members["purpose"],
            note=_text(members["note"]),
            run=_text(members["run"]),
            calls=_number(members["calls"]),
            answers=tuple(
                (_kind(each["kind"]), _number(each["prompt"]), _read_answer(each)) for each in members["answers"]
            ),
            results=None if results is None else tuple(_result(each) for each in results),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise IdentityError(f"this is no session ({SESSION}): {type(problem).__name__}: {problem}") from None


def result_members(result: Result) -> dict[str, Any]:
    """A result in JSON's types."""
    return {name: getattr(result, name) for name in Result.__dataclass_fields__}


def _result(members: Mapping[str, Any]) -> Result:
    numbers = ("answers", "prompts")
    read: dict[str, Any] = {
        name: _number(value) if name in numbers else _text(value) for name, value in members.items()
    }
    _kind(read["kind"])
    for name in ("distance", "upper", "margin", "effect", "p", "e", "capital"):
        float(read[name])
    return Result(**read)


def _part(members: Mapping[str, Any]) -> Part:
    prompts = tuple(_text(each) for each in members["prompts"])
    answers = tuple(tuple(_read_answer(each) for each in group) for group in members["answers"])
    if len(prompts) != len(answers):
        raise ValueError(f"{len(prompts)} prompts and answers to {len(answers)}")
    return Part(
        kind=_kind(members["kind"]),
        temperature=_text(members["temperature"]),
        max_tokens=_number(members["max_tokens"]),
        prompts=prompts,
        answers=answers,
        margin=_text(members["margin"]),
        effect=_text(members["effect"]),
    )


def _answer(answer: Answer) -> dict[str, Any]:
    return {"entry": answer.entry, "text": answer.text}


def _read_answer(members: Mapping[str, Any]) -> Answer:
    return Answer(entry=_number(members["entry"]), text=_text(members["text"]))


def _bytes(members: Mapping[str, Any]) -> bytes:
    return json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _members(data: bytes, expected: str) -> dict[str, Any]:
    members = json.loads(data)
    if not isinstance(members, dict) or members.get("format") != expected:
        raise ValueError(f"expected a JSON object of format {expected}")
    return members


def _kind(value: Any) -> Kind:
    if value not in KINDS:
        raise ValueError(f"a kind {value!r}")
    kind: Kind = value
    return kind


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a text, got {type(value).__name__}")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"expected a number of 0 or more, got {value!r}")
    return value


def _hex(value: Any, digits: int) -> str:
    if len(bytes.fromhex(_text(value))) * 2 != digits:
        raise ValueError(f"expected {digits} hex digits")
    return str(value)
