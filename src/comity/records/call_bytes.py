"""The bytes of the two entries that every call makes, each from a template.

`permitted_bytes` writes what `to_bytes(CallPermitted(…))` writes, and `settled_bytes` what
`to_bytes(CallSettled(…))` does, from the members alone and in a third of the time.  A gateway writes
both for each call; every other kind goes through `record`.  A property test holds both ways together,
refusals included.
"""

from json.encoder import encode_basestring
from typing import Final

from comity.records.canonical import MAX_INTEGER
from comity.records.record import Amount, MalformedRecord

__all__ = ["permitted_bytes", "settled_bytes"]

_AMOUNT: Final = '{"cost_nano":%d,"input_tokens":%d,"output_tokens":%d}'
_PERMITTED: Final = (
    '{"at":%s,"features":[%s],"grant":%s,"incarnation":%s,"irid":%s,"kind":"call.permitted","model":%s,"person":%s,'
    f'"protocol":%s,"request":%s,"request_bytes":%d,"reserved":{_AMOUNT},"route":%s,"run":%s,"v":1}}'
)
_SETTLED: Final = (
    f'{{"answer":%s,"answer_bytes":%d,"at":%s,"charged":{_AMOUNT},"kind":"call.settled","millis":%d,"outcome":%s,'
    '"permit":%d,"served":%s,"served_check":%s,"status":%d,"upstream_id":%s,"usage":%s,"v":1}'
)
_INTEGERS: Final = frozenset({int})

_text: Final = encode_basestring


def permitted_bytes(
    *,
    at: str,
    grant: str,
    person: str,
    incarnation: str,
    protocol: str,
    route: str,
    model: str,
    features: tuple[str, ...],
    request: str,
    request_bytes: int,
    irid: str,
    run: str,
    reserved: Amount,
) -> bytes:
    """The entry `call.permitted`; raises `MalformedRecord` where it could not be read back."""
    cost, read, written = reserved.cost_nano, reserved.input_tokens, reserved.output_tokens
    _whole("call.permitted", (request_bytes, cost, read, written))
    return _encoded(
        "call.permitted",
        _PERMITTED
        % (
            _text(at), ",".join(map(_text, features)), _text(grant), _text(incarnation), _text(irid), _text(model),
            _text(person), _text(protocol), _text(request), request_bytes, cost, read, written, _text(route),
            _text(run),
        ),
    )  # fmt: skip


def settled_bytes(
    *,
    at: str,
    permit: int,
    outcome: str,
    status: int,
    served: str,
    served_check: str,
    answer: str,
    answer_bytes: int,
    usage: str,
    charged: Amount,
    upstream_id: str,
    millis: int,
) -> bytes:
    """The entry `call.settled`; raises `MalformedRecord` where it could not be read back."""
    cost, read, written = charged.cost_nano, charged.input_tokens, charged.output_tokens
    _whole("call.settled", (answer_bytes, cost, read, written, millis, permit, status))
    return _encoded(
        "call.settled",
        _SETTLED
        % (
            _text(answer), answer_bytes, _text(at), cost, read, written, millis, _text(outcome), permit,
            _text(served), _text(served_check), status, _text(upstream_id), _text(usage),
        ),
    )  # fmt: skip


def _whole(kind: str, numbers: tuple[int, ...]) -> None:
    if not _INTEGERS.issuperset(map(type, numbers)) or max(numbers) > MAX_INTEGER or min(numbers) < -MAX_INTEGER:
        raise MalformedRecord(f"{kind}: a number among {str(numbers)[:200]} is no integer within ±(2^53 − 1)")


def _encoded(kind: str, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise MalformedRecord(f"{kind}: a text holds a lone surrogate, which UTF-8 cannot write") from None
