"""Answers: what the provider says it served, and whether that is what was agreed.

Served is checked against agreed on every answer (promise 5): a whole answer
before its first byte reaches the caller, a stream at the first event that names
a model.  A model's terms say what a mismatch means, and what an answer means
that names no model.

Not promised: that the name is true. It is what the provider states.
"""

import json
from dataclasses import dataclass
from typing import Final

from comity.arrangement import Model
from comity.gateway.asked import decode_json
from comity.gateway.protocols import Protocol
from comity.gateway.refusal import Refusal
from comity.gateway.upstream import Answer
from comity.gateway.usage import Usage

__all__ = ["AnswerReading", "is_stream", "refuse_served"]

_DECODER: Final = json.JSONDecoder()


@dataclass(slots=True, kw_only=True)
class AnswerReading:
    """What is known of one answer so far; a builder that lives for one call."""

    status: int = 0
    served: str | None = None
    usage: Usage | None = None
    upstream_id: str = ""
    kept: bytes | bytearray = b""
    sent: bool = True
    checked: bool = False
    """An answer of the model came, so that its name can be checked."""
    complete: bool = False
    """The provider's answer ended in order, so that the usage it states is that of the whole call."""

    def look_at_whole(self, protocol: Protocol) -> None:
        """Read model and usage from a whole answer; one that is no JSON object states neither."""
        try:
            members = decode_json(_DECODER, self.kept)
        except (ValueError, RecursionError):
            members = None
        if isinstance(members, dict):
            self.served = protocol.served(members)
            self.usage = protocol.usage(members)
        self.checked = self.status < 400 and protocol.names_model

    def served_check(self, model: Model) -> str:
        """agreed · mismatch · unstated · none, as `call.settled` holds it."""
        if not self.checked:
            return "none"
        if self.served is None:
            return "unstated"
        return "agreed" if self.served in model.serves else "mismatch"


def is_stream(answer: Answer) -> bool:
    """Whether the answer comes as server-sent events."""
    if answer.status < 400:
        for name, value in answer.headers:
            if name == b"content-type" and value.lower().startswith(b"text/event-stream"):
                return True
    return False


def refuse_served(model: Model, reading: AnswerReading) -> Refusal | None:
    """Why an answer is withheld from the caller, if it is."""
    check = reading.served_check(model)
    if check == "mismatch" and model.on_mismatch == "refuse":
        served = (reading.served or "")[:80]
        because = f"{model.name} is agreed to be served by {', '.join(model.serves)}; the answer names {served!r}"
        return Refusal(slug="terms-refused", clause="models.serves", because=because)
    if check == "unstated" and model.unstated == "refuse":
        because = f"the terms want every answer of {model.name} to name its model; this one names none"
        return Refusal(slug="terms-refused", clause="models.unstated", because=because)
    return None
