"""Streams: whatever the chunks, the caller's bytes are the provider's, and the last wait for the outcome."""

import json
from itertools import pairwise

import pytest
from asking import BY_CALL
from hypothesis import given
from hypothesis import strategies as st

from comity.gateway import anthropic, gemini, openai, openai_responses
from comity.gateway.stream import MAX_LINE, StreamReader
from comity.gateway.usage import Usage

OPENAI = (
    b'data: {"model": "m", "choices": [{"delta": {"content": "fo"}}]}\n\n'
    b": a comment\n\n"
    b'data: {"model": "m", "choices": [{"delta": {"content": "ur, [DONE]"}}]}\r\n\r\n'
    b'data: {"model": "m", "choices": [], "usage": {"prompt_tokens": 20, "completion_tokens": 2}}\n\n'
)
OPENAI_END = b"data: [DONE]\n\n"
ANTHROPIC = (
    b'event: message_start\ndata: {"type": "message_start", "message": {"model": "m", '
    b'"usage": {"input_tokens": 9, "cache_read_input_tokens": 4, "output_tokens": 1}}}\n\n'
    b'event: content_block_delta\ndata: {"type": "content_block_delta", "delta": {"text": "event: message_sto"}}\n\n'
    b'event: message_delta\ndata: {"type": "message_delta", "usage": {"output_tokens": 7}}\n\n'
)
ANTHROPIC_END = b'event: message_stop\ndata: {"type": "message_stop"}\n\n'


RESPONSES = (
    b'event: response.created\ndata: {"type": "response.created", "response": {"model": "m", "usage": null}}\n\n'
    b"event: response.output_text.delta\n"
    b'data: {"type": "response.output_text.delta", "delta": "response.completed"}\n\n'
    b'data: {"type": "response.output_text.done", "text": "four"}\n\n'
)
RESPONSES_END = (
    b'data: {"response": {"model": "m", "usage": {"input_tokens": 20, "output_tokens": 2, "total_tokens": 22}}, '
    b'"type": "response.completed"}\n\n'
)
GEMINI = (
    b'data: {"candidates": [{"content": {"parts": [{"text": "fo"}]}}], "usageMetadata": {"promptTokenCount": 20, '
    b'"totalTokenCount": 20}, "modelVersion": "m"}\r\n\r\n'
    b'data: {"candidates": [{"content": {"parts": [{"text": "ur, \\"finishReason\\""}]}}], "modelVersion": "m"}\r\n\r\n'
)
GEMINI_END = (
    b'data: {"candidates": [{"finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 20, '
    b'"candidatesTokenCount": 2, "thoughtsTokenCount": 5}, "modelVersion": "m"}\r\n\r\n'
)
STREAMS = {
    "chat": (OPENAI, OPENAI_END, (20, 2)),
    "completions": (OPENAI, OPENAI_END, (20, 2)),
    "responses": (RESPONSES, RESPONSES_END, (20, 2)),
    "messages": (ANTHROPIC, ANTHROPIC_END, (13, 7)),
    "streamGenerateContent": (GEMINI, GEMINI_END, (20, 7)),
}
"""Call → a stream without its end, its end, and the tokens that it states."""


def reader(call: str = "chat", *, cut: bool = True) -> StreamReader:
    spoken = BY_CALL[call]
    return StreamReader(spoken.terminal, spoken.served, spoken.usage, lambda name: name == "m", cut=cut)


@pytest.mark.parametrize("call", STREAMS)
def test_wherever_a_stream_is_cut_its_end_waits_for_the_outcome(call: str) -> None:
    """Split at every byte, in pieces of any size, all but the terminal event passes and this does not."""
    body, end, spent = STREAMS[call]
    for width in (1, 2, 3):
        for cut in range(0, len(body) + len(end), width):
            stream = reader(call)
            passed = stream.feed((body + end)[:cut]) + stream.feed((body + end)[cut : cut + width])
            passed += stream.feed((body + end)[cut + width :])
            assert stream.ended
            assert passed == body
            assert passed + stream.rest() == body + end
            assert stream.usage is not None
            assert spent == (stream.usage.input_tokens, stream.usage.output_tokens)


@pytest.mark.parametrize("kind", ["response.completed", "response.incomplete", "response.failed"])
@pytest.mark.parametrize("line", ["event: {}\n", "event:{}\n", ""])
def test_a_response_ends_with_any_of_its_three_ends(kind: str, line: str) -> None:
    """Complete, cut short or failed: the event that says so waits, named by its line or by its data alone."""
    stream = reader("responses")
    end = (line.format(kind) + json.dumps({"type": kind, "response": {"model": "m"}}).join(["data: ", "\n\n"])).encode()

    assert RESPONSES == stream.feed(RESPONSES + end)
    assert stream.ended
    assert end == stream.rest()


def test_a_gemini_stream_is_held_from_the_first_finish_or_from_a_blocked_prompt() -> None:
    """There is no last line: what follows the first candidate's end waits too, and is still read for its figures."""
    later = GEMINI.replace(b'"totalTokenCount": 20', b'"candidatesTokenCount": 9')
    stream = reader("streamGenerateContent")
    assert GEMINI == stream.feed(GEMINI + GEMINI_END)
    assert b"" == stream.feed(later)
    assert (20, 9) == (stream.usage.input_tokens, stream.usage.output_tokens)  # type: ignore[union-attr]
    assert GEMINI_END + later == stream.rest()

    blocked = b'data: {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 5}}\n\n'
    stream = reader("streamGenerateContent")
    assert b"" == stream.feed(blocked)
    assert (True, 5, 0) == (stream.ended, stream.usage.input_tokens, stream.usage.output_tokens)  # type: ignore[union-attr]


@pytest.mark.parametrize("call", ["responses", "streamGenerateContent"])
@pytest.mark.parametrize("late", [False, True])
def test_another_model_in_the_last_event_keeps_it_back_for_good(call: str, late: bool) -> None:
    """An answer that turns out at its end to be another model's, or after it, never becomes whole."""
    body, end, _ = STREAMS[call]
    stream = reader(call)
    passed = stream.feed(body + (end if late else b"") + end.replace(b'"m"', b'"other"'))

    assert (True, "other") == (stream.mismatch, stream.served)
    assert body == passed
    assert b"" == stream.rest()


@given(st.sampled_from(sorted(STREAMS)), st.lists(st.integers(1, 700), max_size=12), st.booleans())
def test_what_is_learnt_does_not_depend_on_the_pieces(call: str, widths: list[int], cut: bool) -> None:
    """Lines that pass unparsed because they change nothing change nothing: in any pieces the reader knows the same."""
    body, end, _ = STREAMS[call]
    figures = body.replace(b"1}}", b"3}}").replace(b'"completion_tokens": 2', b'"completion_tokens": 5')
    parts = body + figures + (b"" if cut else body.replace(b'"m"', b'"other"')) + body + end
    at = [0, *(sum(widths[: n + 1]) for n in range(len(widths))), len(parts)]
    ways = [
        [parts],
        [parts[one:other] for one, other in pairwise(at)],
        [parts[one : one + 1] for one in range(len(parts))],
        parts.splitlines(keepends=True),
    ]
    known = []
    for pieces in ways:
        stream = reader(call, cut=cut)
        passed = b"".join(map(stream.feed, pieces))
        known.append((stream.served, stream.usage, stream.ended, stream.mismatch, passed + stream.rest()))

    assert known[:1] * len(ways) == known


def test_byte_by_byte_a_named_stream_is_not_held_back() -> None:
    """Once the model is named, a partial line passes at once, unless it may still become the terminal one."""
    stream = reader()
    stream.feed(OPENAI)
    assert b"" == stream.feed(b"dat")
    assert b'data: {"a' == stream.feed(b'a: {"a')
    assert b"b" == stream.feed(b"b")


SPELLINGS = [
    b"data: [DONE]\n\n",
    b"data:[DONE]\n\n",
    b"data: [DONE]\r\n\r\n",
    b"data: [DONE]\r\r",
    b"data: [DONE] \n\n",
    b"data: [DONE] and more\n\n",
    b'data: [DONE]\n\ndata: {"late": 1}\n\n',
]


def test_every_spelling_of_the_end_that_a_client_takes_for_the_end_waits() -> None:
    """Line ends of each kind, spaces and trailing bytes do not let the end through early."""
    for spelling in SPELLINGS:
        for cut in range(len(spelling)):
            stream = reader()
            passed = stream.feed(OPENAI.replace(b"\n", b"\r") + spelling[:cut]) + stream.feed(spelling[cut:])
            assert b"[DONE]" not in passed.replace(b"ur, [DONE]", b""), spelling
            assert stream.ended
    for spelling in (b'data: {"type":"message_stop"}\n\n', b'data: {"type": "message_stop"}\n\n'):
        stream = reader("messages")
        assert ANTHROPIC == stream.feed(ANTHROPIC + spelling)


@given(st.lists(st.sampled_from([OPENAI, b"data: [DO", b"NE]\n", b"\r", b"\n", b"x" * 40, b"data: {", b"\x00\xff"])),
       st.lists(st.integers(1, 60)), st.booleans())  # fmt: skip
def test_what_comes_out_is_what_came_in(parts: list[bytes], widths: list[int], cut: bool) -> None:
    """For any bytes in any chunks: what passed and what was held, one after the other, are the provider's bytes."""
    body, stream, passed, at = b"".join(parts), reader(cut=cut), b"", 0
    for width in [*widths, len(body)]:
        passed += stream.feed(body[at : at + width])
        at += width
        assert body.startswith(passed)

    assert passed + stream.rest() == body


@given(st.binary(max_size=400), st.integers(1, 50))
def test_the_reader_is_total(body: bytes, width: int) -> None:
    """No bytes break the reader; without a name nothing but whole lines passes."""
    stream = reader("messages")
    passed = b"".join(stream.feed(body[at : at + width]) for at in range(0, len(body), width))
    assert body.startswith(passed)
    assert not passed or stream.served is not None or passed.endswith((b"\n", b"\r"))
    assert passed + stream.rest() == body


def test_nothing_of_another_model_passes() -> None:
    """From the line that names another model on, no byte passes, in whatever pieces it comes."""
    other = b'data: {"model": "other", "choices": [{"delta": {"content": "secret"}}]}\n\n'
    for start in (b"", OPENAI):
        for width in range(1, 40):
            stream, passed = reader(), b""
            for at in range(0, len(start + other), width):
                passed += stream.feed((start + other)[at : at + width])
                if stream.mismatch:
                    break
            assert stream.mismatch
            if not start:
                assert b"" == passed
            # once a model is named, pieces of a line pass before it is whole: never its end
            assert not passed.endswith(b"}\n") or passed == OPENAI[: len(passed)]


def test_a_marked_mismatch_is_not_forgotten() -> None:
    """Where a mismatch is only marked, the strange name stands although later events name the agreed one."""
    stream = reader(cut=False)
    stream.feed(OPENAI + OPENAI.replace(b'"m"', b'"other"') + OPENAI)
    assert ("other", False) == (stream.served, stream.mismatch)


@pytest.mark.parametrize("tail", [b"data: [DONE]\n", b"and its last bytes\n"])
def test_an_endless_line_passes_unread(tail: bytes) -> None:
    """A line beyond the limit is not kept in memory; the bytes pass, and the end still waits."""
    stream = reader()
    passed = stream.feed(OPENAI)
    piece = b"x" * 100_000
    for _ in range(MAX_LINE // len(piece) + 3):
        passed += stream.feed(piece)
    passed += stream.feed(tail)
    assert not stream.ended, "that stood in the middle of a line"
    assert OPENAI + piece * (MAX_LINE // len(piece) + 3) + tail == passed
    assert b"" == stream.feed(OPENAI_END)


def test_figures_are_read_member_by_member() -> None:
    """Of two figures the larger stands, as running totals have it; what is no count is no figure."""
    assert openai.usage({"usage": {"prompt_tokens": True, "completion_tokens": 1}}) is None
    assert openai.usage({"usage": {"prompt_tokens": 2**50, "completion_tokens": 1}}) is None
    first = anthropic.usage(json.loads('{"message": {"usage": {"input_tokens": 3, "output_tokens": 1}}}'))
    later = anthropic.usage({"usage": {"output_tokens": 9}})
    assert first is not None and later is not None
    assert (3, 9) == (first.then(later).input_tokens, first.then(later).output_tokens)
    assert (3, 9) == (later.then(first).input_tokens, first.then(later).then(first).output_tokens)


PRICED: list[tuple[Usage | None, tuple[int | None, ...], bool]] = [
    (openai.usage({"usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7, "cost": 0}}),
     (5, 2, None, None), False),
    (openai.usage({"usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 20}}),
     (5, 15, None, None), False),
    (openai.usage({"usage": {"prompt_tokens": 5, "completion_tokens": 2, "cost": 0.1}}), (5, 2, None, None), True),
    (openai.usage({"usage": {"prompt_tokens": 5, "completion_tokens": 2,
                             "prompt_tokens_details": {"cached_tokens": 3, "audio_tokens": 0},
                             "completion_tokens_details": {"reasoning_tokens": 2}}}), (5, 2, 3, None), False),
    (openai.usage({"usage": {"prompt_tokens": 5, "completion_tokens": 2,
                             "prompt_tokens_details": {"audio_tokens": 1}}}), (5, 2, None, None), True),
    (anthropic.usage({"usage": {"input_tokens": 1, "cache_creation_input_tokens": 2, "cache_read_input_tokens": 4,
                                "cache_creation": {"ephemeral_1h_input_tokens": 2}, "output_tokens": 9,
                                "service_tier": "standard"}}), (7, 9, 4, 2), False),
    (anthropic.usage({"usage": {"input_tokens": 1, "output_tokens": 9,
                                "server_tool_use": {"web_search_requests": 1}}}), (1, 9, None, None), True),
    (openai_responses.usage({"usage": {"input_tokens": 5, "output_tokens": 2,
                                       "input_tokens_details": {"cached_tokens": 4},
                                       "output_tokens_details": {"reasoning_tokens": 1}}}), (5, 2, 4, None), False),
    (openai_responses.usage({"response": {"usage": {"input_tokens": 5, "output_tokens": 2},
                                          "tool_usage": {"web_search": {"num_requests": 1}}}}),
     (5, 2, None, None), True),
    (openai.usage({"service_tier": "flex", "usage": {"prompt_tokens": 5, "completion_tokens": 2}}),
     (5, 2, None, None), False),
    (openai.usage({"service_tier": "priority", "usage": {"prompt_tokens": 5, "completion_tokens": 2}}),
     (5, 2, None, None), True),
    (openai_responses.usage({"response": {"service_tier": "priority",
                                          "usage": {"input_tokens": 5, "output_tokens": 2}}}),
     (5, 2, None, None), True),
    (anthropic.usage({"usage": {"input_tokens": 1, "output_tokens": 9, "service_tier": "priority"}}),
     (1, 9, None, None), True),
    (anthropic.usage({"usage": {"input_tokens": 1, "output_tokens": 9, "speed": "fast"}}), (1, 9, None, None), True),
    (gemini.usage({"usageMetadata": {"promptTokenCount": 5, "toolUsePromptTokenCount": 2, "thoughtsTokenCount": 4,
                                     "cachedContentTokenCount": 3,
                                     "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}]}}),
     (7, 4, 3, None), False),
    (gemini.usage({"usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 12}}), (5, 7, None, None), False),
    (gemini.usage({"usageMetadata": {"promptTokenCount": 5,
                                     "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 5}]}}),
     (5, 0, None, None), True),
]  # fmt: skip


@pytest.mark.parametrize(("stated", "expected", "unpriced"), PRICED)
def test_all_that_a_usage_counts_is_counted_or_marked_as_without_a_price(
    stated: Usage | None, expected: tuple[int | None, ...], unpriced: bool
) -> None:
    """Cached and hidden tokens are part of the sums; a number that no price names is said to be there."""
    assert stated is not None
    figures = (stated.input_tokens, stated.output_tokens, stated.cached_read, stated.cache_write)
    assert (expected, unpriced) == (figures, stated.unpriced)
