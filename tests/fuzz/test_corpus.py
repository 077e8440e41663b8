"""The kept inputs and some new ones: each goes through its target, whose own assertions are the requirement."""

import contextlib
import json
import random
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fuzz_choose import choose
from fuzz_planted import planted
from fuzz_routes import BASE, Live, bends, check, live, requests, settled, well_formed
from fuzz_seeds import LEAST, seeds, words
from fuzz_targets import CORPUS, MOST_BYTES, TARGETS, corpus_of, name_of
from hypothesis import given, settings
from hypothesis import strategies as st

from comity.gateway import openai
from comity.gateway.asked import MalformedRequest, core
from comity.gateway.protocols import CALLS

ROUTES = 150
"""Requests to a live gateway in each run."""


@pytest.mark.parametrize("name", TARGETS)
def test_every_kept_input_passes_its_target(name: str) -> None:
    """What fuzzing once found worth keeping is read as it was, or refused, and never breaks a reader."""
    assert corpus_of(name), "each target has inputs of its own"
    for path in corpus_of(name):
        TARGETS[name](path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_every_specimen_passes_its_target(name: str) -> None:
    """The well-formed inputs that fuzzing begins with are still ones."""
    for seed in seeds(name):
        TARGETS[name](seed)


FOUND = {
    "a limit of Gemini's under a spelling that is none": (
        "request-gemini-generateContent",
        b'{"contents":[{"parts":[{"text":"a"}]}],"generationConfig":{"max__output_tokens":1}}',
    ),
    "a field of Gemini's, half in one spelling and half in the other": (
        "request-gemini-generateContent",
        b'{"contents":[{"parts":[{"text":"a"}]}],"generationConfig":{"maxOutput_tokens":1}}',
    ),
}


@pytest.mark.parametrize("what", FOUND)
def test_what_fuzzing_found_stays_mended(what: str) -> None:
    """Inputs that once broke their target, each under the name of what was wrong."""
    name, data = FOUND[what]
    TARGETS[name](data)


@st.composite
def mutated(draw: st.DrawFn, name: str) -> bytes:
    """A kept input with a few pieces cut out, doubled, or replaced by a word of its language or by any bytes."""
    data = draw(st.sampled_from([*(path.read_bytes() for path in corpus_of(name)), *seeds(name), b""]))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 20)))
        again = st.just(data[start:end] * 2)
        put = draw(st.one_of(st.just(b""), st.sampled_from(words(name)), st.binary(max_size=6), again))
        data = data[:start] + put + data[end:]
    return data


@pytest.mark.parametrize("name", TARGETS)
def test_mutated_inputs_pass_their_target(name: str) -> None:
    """A few new inputs in each run, near the kept ones."""

    @settings(max_examples=3 if name == "terms-yaml" else 25, database=None)
    @given(mutated(name))
    def passes(data: bytes) -> None:
        TARGETS[name](data)

    passes()


def test_the_corpus_is_small_and_named_by_content() -> None:
    """A few hundred small files under 1.5 MB, each named by its digest and below a target's name."""
    files = [path for path in CORPUS.rglob("*") if path.is_file()]
    assert {path.parent.name for path in files} == {*TARGETS, "routes"}
    for path in files:
        assert path.name == name_of(path.read_bytes())
        assert path.stat().st_size <= MOST_BYTES
    assert len(files) < 1_000
    assert sum(path.stat().st_size for path in files) < 1_500_000


def test_a_limit_that_an_adapter_overlooks_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The specimens state each name of a limit: a reader that ignores one of them fails its target."""
    broken: Mapping[str, Any] = {**openai.FIELDS, "max_completion_tokens": core}
    monkeypatch.setattr(openai, "FIELDS", broken)
    with pytest.raises(AssertionError, match="was read"):
        for seed in seeds("request-openai-chat"):
            TARGETS["request-openai-chat"](seed)


def test_an_error_of_another_kind_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that lets an error through which is none of its own fails its target."""

    def careless(name: str, value: Any) -> Any:
        return value

    monkeypatch.setattr(openai, "items", careless)
    with contextlib.suppress(MalformedRequest), pytest.raises((AttributeError, TypeError)):
        for path in corpus_of("request-openai-chat"):
            TARGETS["request-openai-chat"](path.read_bytes())


def test_an_input_is_kept_for_new_lines_alone() -> None:
    """Of inputs that lead through the same lines the smallest is kept, and what is covered already adds nothing."""
    one, same, other = b"POST /openai/v1/chat/completions", b"POST /openai/v1/chat/completionz", b"GET x"
    chosen = choose("routes-table", [], [one, same, other])
    assert one in chosen and not choose("routes-table", chosen, [one, same, other])
    with pytest.raises(AssertionError):
        planted(b"v1\xff\x00")


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("routes")) as fuzzed:
        yield fuzzed
        settled(fuzzed)


def test_every_kept_request_is_answered_in_order(fuzzed: Live) -> None:
    """Each request that once had an outcome of its own: one well-formed answer, no fault, no key, no second call."""
    assert corpus_of("routes")
    for path in corpus_of("routes"):
        check(fuzzed, path.read_bytes())


def test_bent_routes_reach_nothing_that_is_not_permitted(fuzzed: Live) -> None:
    """Routes bent in every way, over raw sockets: the provider is reached by known paths, once for each permit."""
    outcomes = {check(fuzzed, requests(seed)) for seed in range(ROUTES)}
    assert len(outcomes) > 15, "the requests differ"
    assert any(outcome.endswith("reached") for outcome in outcomes)


def test_no_bend_of_a_calls_path_is_the_call(fuzzed: Live) -> None:
    """Encoded, dotted, doubled or in another case, a path is another one, although everything else of the call fits."""
    chance = random.Random(0)
    for call in CALLS:
        own = call.route.replace("{version}", "v1").replace("{model}", "test-model")
        for _ in range(2):
            for path in bends(chance, f"{BASE}/{call.name}{own}"):
                check(fuzzed, well_formed(path, json.dumps(LEAST[call.call]).encode()))


def test_a_key_in_an_answer_is_found(fuzzed: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """The search for keys in answers finds one that is there."""
    monkeypatch.setattr(Live, "say", lambda self, sent: b"HTTP/1.1 200 OK\r\n\r\ncomity-test-secret-0123456789")
    with pytest.raises(AssertionError, match="holds a key"):
        check(fuzzed, b"")
