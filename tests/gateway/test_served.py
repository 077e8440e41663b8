"""Served against agreed: an answer of another model is withheld or marked, before it can be mistaken."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from support import RecordingProvider, completion, delta, events, live_gateway, whole

DONE = b"data: [DONE]\n\n"


def unnamed(body: bytes) -> bytes:
    members = json.loads(body)
    del members["model"]
    return json.dumps(members).encode()


def streamed(gateway: Any) -> tuple[int, bytes, bool]:
    """Status, the bytes that came, and whether the body ended in order."""
    seen = b""
    body = {"model": "test-model", "max_tokens": 8, "stream": True, "messages": [{"role": "user", "content": "2+2?"}]}
    headers = {"authorization": f"Bearer {gateway.secret}"}
    with httpx.stream("POST", f"{gateway.openai}/chat/completions", json=body, headers=headers, timeout=20) as got:
        try:
            for piece in got.iter_raw():
                seen += piece
        except (httpx.RemoteProtocolError, httpx.ReadError):
            return got.status_code, seen, False
        return got.status_code, seen, True


def test_a_model_swapped_mid_run_is_withheld_from_the_first_answer_on(tmp_path: Path) -> None:
    """When the provider puts another alias behind the name, the answer is a refusal with both names,
    the answer itself is sealed and not passed, and calls under the agreed name go on."""
    names = ["test-model", "test-model-2", "test-model"]
    with RecordingProvider(lambda _: whole(completion(names.pop(0), "secret answer"))).running() as provider:
        with live_gateway(tmp_path, provider.url) as gateway:
            answers = [gateway.chat() for _ in range(3)]

            assert [200, 403, 200] == [got.status_code for got in answers]
            said = answers[1].json()["comity"]
            assert "models.serves" == said["clause"]
            assert "test-model-2" in said["because"]
            assert b"secret answer" not in answers[1].content
            assert "false" == answers[1].headers["x-should-retry"]
            settled = gateway.of("call.settled")
            assert ["agreed", "mismatch", "agreed"] == [each.served_check for each in settled]
            assert ["answered", "withheld", "answered"] == [each.outcome for each in settled]
            assert "test-model-2" == settled[1].served
            assert settled[1].permit == said["entry"]
            assert settled[1].answer, "what was withheld is sealed, so that it can be shown later"


def test_a_stream_of_another_model_is_cut_before_its_first_byte(tmp_path: Path) -> None:
    """The first event that names a model decides; where it is the first event, the caller gets the refusal alone."""
    with RecordingProvider(lambda _: events(delta("secret", "other"), delta("x"), DONE)).running() as provider:
        with live_gateway(tmp_path, provider.url) as gateway:
            status, seen, _ = streamed(gateway)

            [settled] = gateway.of("call.settled")
            assert (403, "models.serves") == (status, json.loads(seen)["comity"]["clause"])
            assert ("withheld", "mismatch", "other") == (settled.outcome, settled.served_check, settled.served)


def test_a_stream_that_changes_its_model_is_cut_where_it_does(tmp_path: Path) -> None:
    """A later event that names another model does not pass, nor does anything after it; the body stays broken."""
    parts = [b": hello\n\n", delta("fo"), 0.05, delta("secret", "other"), delta("x"), DONE]
    with RecordingProvider(lambda _: events(*parts)).running() as provider:
        with live_gateway(tmp_path, provider.url) as gateway:
            status, seen, ended = streamed(gateway)

            [settled] = gateway.of("call.settled")
            assert (200, False) == (status, ended)
            assert b": hello\n\n" + delta("fo") == seen
            assert ("withheld", "mismatch") == (settled.outcome, settled.served_check)
            [permit] = gateway.of("call.permitted")
            assert permit.reserved == settled.charged


@pytest.mark.parametrize("stream", [False, True])
def test_terms_can_let_a_mismatch_pass_and_mark_it(tmp_path: Path, stream: bool) -> None:
    """With `on_mismatch: flag` the answer passes whole, and its entry says mismatch and names what was served."""
    parts = [delta("fo"), delta("ur", "other"), delta("!"), DONE]

    with RecordingProvider(lambda _: events(*parts) if stream else whole(completion("other"))).running() as provider:
        with live_gateway(tmp_path, provider.url, models__on_mismatch="flag") as gateway:
            if stream:
                assert (200, b"".join(parts), True) == streamed(gateway)
            else:
                assert (200, completion("other")) == ((got := gateway.chat()).status_code, got.content)
            [settled] = gateway.of("call.settled")
            assert ("answered", "mismatch", "other") == (settled.outcome, settled.served_check, settled.served)


@pytest.mark.parametrize("body", [unnamed(completion()), b"[]", b"garbage \xff", b'{"model": 7}', b'{"model": ""}'])
@pytest.mark.parametrize("unstated", ["flag", "refuse"])
def test_an_answer_that_names_no_model_is_what_the_terms_make_of_it(tmp_path: Path, body: bytes, unstated: str) -> None:
    """`unstated: flag` passes it byte for byte and marks it; `refuse` withholds it."""
    with RecordingProvider(lambda _: whole(body)).running() as provider:
        with live_gateway(tmp_path, provider.url, models__unstated=unstated) as gateway:
            got = gateway.chat()

            [settled] = gateway.of("call.settled")
            assert "unstated" == settled.served_check
            if unstated == "flag":
                assert (200, body, "answered") == (got.status_code, got.content, settled.outcome)
            else:
                assert (403, "models.unstated") == (got.status_code, got.json()["comity"]["clause"])
                assert "withheld" == settled.outcome


@pytest.mark.parametrize("unstated", ["flag", "refuse"])
def test_a_stream_that_names_no_model_never_ends_in_order_where_that_is_refused(tmp_path: Path, unstated: str) -> None:
    """Events may pass before the name is missing; the last bytes do not, so no client takes it for whole."""
    parts = [b'data: {"choices": []}\n\n', DONE]
    with RecordingProvider(lambda _: events(*parts)).running() as provider:
        with live_gateway(tmp_path, provider.url, models__unstated=unstated) as gateway:
            status, seen, ended = streamed(gateway)

            [settled] = gateway.of("call.settled")
            assert 200 == status
            if unstated == "flag":
                assert (b"".join(parts), True, "answered") == (seen, ended, settled.outcome)
            else:
                assert (parts[0], False, "withheld") == (seen, ended, settled.outcome)


def test_a_served_name_that_is_no_text_is_recorded_all_the_same(tmp_path: Path) -> None:
    """A provider cannot keep a call from being settled by what it calls its model."""
    names = ["\\ud800", "x" * 5_000, "\\u0000", "\u202etest"]
    bodies = [completion().replace(b'"test-model"', b'"' + name.encode() + b'"') for name in names]
    with RecordingProvider(lambda _: whole(bodies.pop(0))).running() as provider:
        with live_gateway(tmp_path, provider.url) as gateway:
            assert {403} == {gateway.chat().status_code for _ in names}
            assert ["withheld"] * len(names) == [each.outcome for each in gateway.of("call.settled")]
