"""Anomalies: when a provider's part in a call is out of its custom, so that it becomes an entry.

Practice asks that tests in good faith meet no silent retaliation: no ban, no
throttling, no slower model.  What a gateway can see of it are the provider's
statuses and how long it takes until an answer begins.

*Slow* is judged by custom alone: an answer that begins later than `SLOW_TIMES`
the median of the latest `KEPT` calls of the same model and kind (stream or
whole), and by more than `SLOW_MILLIS` beyond it, once `ENOUGH` calls are known.
The custom is this process's own memory and begins anew with it.

Not promised: the cause.  A slow answer may be a long one, a busy provider or a
slow network; the entry says when and by how much.
"""

from collections import deque
from statistics import median
from typing import Final

from comity.gateway.admission import Anomaly

__all__ = ["ENOUGH", "KEPT", "SLOW_MILLIS", "SLOW_TIMES", "Custom"]

KEPT: Final = 64
ENOUGH: Final = 16
SLOW_TIMES: Final = 5
SLOW_MILLIS: Final = 2_000

_STATUS: Final = {
    401: "denied",
    403: "denied",
    404: "denied",
    451: "denied",
    429: "rate-limited",
    503: "overloaded",
    529: "overloaded",
}


class Custom:
    """How long one gateway's calls usually take until their answer begins."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, bool], deque[int]] = {}

    def judge(self, model: str, *, stream: bool, status: int, millis: int) -> Anomaly | None:
        """What is unusual about a call that was sent; a usual one becomes part of the custom.

        `status` is the provider's, 0 where no answer came; `millis` is the time until its head came or the call ended.
        """
        if (what := _STATUS.get(status)) is not None:
            return Anomaly(what=what, millis=millis, usual_millis=self._usual(model, stream=stream))
        seen = self._seen.get((model, stream))
        if seen is None:
            seen = self._seen[model, stream] = deque(maxlen=KEPT)
        anomaly = None
        if millis > SLOW_MILLIS and len(seen) >= ENOUGH:
            usual = int(median(seen))
            if millis > SLOW_TIMES * usual and millis > usual + SLOW_MILLIS:
                anomaly = Anomaly(what="slow", millis=millis, usual_millis=usual)
        seen.append(millis)
        return anomaly

    def _usual(self, model: str, *, stream: bool) -> int:
        seen = self._seen.get((model, stream), ())
        return int(median(seen)) if len(seen) >= ENOUGH else 0
