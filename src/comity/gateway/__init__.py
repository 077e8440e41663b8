"""Gateway: may this call pass, and was it recorded?

A call is read, decided and recorded before it leaves; the answer is checked and
its outcome recorded before it is whole.  `comity.gateway.gate` is the path of a
call, `comity.gateway.decide` the decision, `comity.gateway.app` the edge.
"""

from comity.gateway.app import App
from comity.gateway.doors import Doors
from comity.gateway.gate import Gate, Provider
from comity.gateway.opening import begin_ledger, open_arrangement, rebuild
from comity.gateway.refusal import STATUS, Refusal
from comity.gateway.upstream import Upstream

__all__ = [
    "STATUS",
    "App",
    "Doors",
    "Gate",
    "Provider",
    "Refusal",
    "Upstream",
    "begin_ledger",
    "open_arrangement",
    "rebuild",
]
