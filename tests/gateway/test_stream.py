"""Streams: whatever the chunks, the caller's bytes are the provider's, and the last wait for the outcome."""

import json

from hypothesis import given
from hypothesis import strategies as st

from comity.gateway import anthropic, openai
from comity.gateway.protocols import PROTOCOLS
from comity.gateway.stream import MAX_LINE, StreamReader

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


def reader(protocol: str = "openai", *, cut: bool = True) -> StreamReader:
    spoken = PROTOCOLS[protocol]
    return StreamReader(spoken.terminal, spoken.served, spoken.usage, lambda name: name == "m", cut=cut)


def check_every_cut(protocol: str, body: bytes, end: bytes, spent: tuple[int, int]) -> None:
    for width in (1, 2, 3):
        for cut in range(0, len(body) + len(end), width):
            stream = reader(protocol)
            passed = stream.feed((body + end)[:cut]) + stream.feed((body + end)[cut : cut + width])
            passed += stream.feed((body + end)[cut + width :])
            assert stream.ended
            assert passed == body
            assert passed + stream.rest() == body + end
            assert stream.usage is not None
            assert spent == (stream.usage.input_tokens, stream.usage.output_tokens)


def test_wherever_a_stream_is_cut_its_end_waits_for_the_outcome() -> None:
    """Split at every byte, in pieces of any size, all but the terminal lines passes and these do not."""
    check_every_cut("openai", OPENAI, OPENAI_END, (20, 2))
    check_every_cut("anthropic", ANTHROPIC, ANTHROPIC_END, (13, 7))


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
        stream = reader("anthropic")
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
    stream = reader("anthropic")
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


def test_an_endless_line_passes_unread() -> None:
    """A line beyond the limit is not kept in memory; the bytes pass, and the end still waits."""
    stream = reader()
    passed = stream.feed(OPENAI)
    piece = b"x" * 100_000
    for _ in range(MAX_LINE // len(piece) + 3):
        passed += stream.feed(piece)
    passed += stream.feed(b"data: [DONE]\n")
    assert not stream.ended, "that stood in the middle of a line"
    assert OPENAI + piece * (MAX_LINE // len(piece) + 3) + b"data: [DONE]\n" == passed
    assert b"" == stream.feed(OPENAI_END)


def test_figures_are_read_member_by_member() -> None:
    """Later figures replace earlier ones; what is no count is no figure."""
    assert openai.usage({"usage": {"prompt_tokens": True, "completion_tokens": 1}}) is None
    assert openai.usage({"usage": {"prompt_tokens": 2**50, "completion_tokens": 1}}) is None
    first = anthropic.usage(json.loads('{"message": {"usage": {"input_tokens": 3, "output_tokens": 1}}}'))
    later = anthropic.usage({"usage": {"output_tokens": 9}})
    assert first is not None and later is not None
    assert (3, 9) == (first.then(later).input_tokens, first.then(later).output_tokens)
