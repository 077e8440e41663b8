"""The doors beside the model calls: evidence in, proofs out, party acts.

| door below `/a/<id>` | who | answer |
| --- | --- | --- |
| `GET /openai/v1/models`, `/anthropic/v1/models`, `/gemini/v1beta/models` | a grant's key | the models of the terms |
| the same with `/<model>` | a grant's key | one of them |
| `POST /entries` | a grant's key | 201 with the index of a plan, run, score or disclosure record |
| `GET /entry/<n>` | a grant's key | the entry's bytes |
| `GET /receipt/<n>` | a grant's key | the `.tlog-proof`, or 202 with `Retry-After` until quorum |
| `GET /sealed/<n>/request`, `…/answer` | a grant's key | a sealed item; its recipients alone can open it |
| `GET /status` | a grant's key | what is spent of each clause, plans and runs, refusals (`status`) |
| `GET /checkpoint` | anyone | the newest checkpoint under quorum |
| `GET /draw/<run>` | anyone | the commitments and revelations of a draw, each with its receipt or null |
| `GET /tile/…` | a grant's key | hashes and entries, as files of the tile directory |
| `POST /grants`, `/revocations` | a party, by signed note | 201 with the entry's index |
| `POST /stop`, `/suspend`, `/resume`, `/exit` | a party, by signed note | 201 with the entry's index |
| `POST /draw-commits`, `/draw-reveals` | a party, by signed note | 201 with the entry's index |
| `POST /deviations` | a party, by signed note | 201 with the entry's index |
| `POST /amendments` | anyone, with both parties' signatures | 201 with the entry's index (`amend`) |
| `POST /close` | anyone, with both parties' signatures | 201 with the entry's index (`closing`) |
| `POST /erase` | the authority, by signed note | 201 with the entry's index |
| `POST /view` | a party, by signed note | that party's view of how the arrangement stands (`views`) |
| `POST /counters` | the provider's guard, by signed note | 201 with the entry's index |

A key reads the entries of its own arrangement, whoever made them: they hold
commitments, not content.
"""

import json
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from comity.arrangement.features import NEVER
from comity.gateway import acts, evidence, state
from comity.gateway.admission import Caller, Refused
from comity.gateway.amend import amend
from comity.gateway.asked import MalformedRequest, read_body
from comity.gateway.closing import close
from comity.gateway.decide import refuse_key
from comity.gateway.gate import Gate
from comity.gateway.guard_counters import perform_counters
from comity.gateway.headers import read_headers
from comity.gateway.protocols import MODELS, find_never, find_protocol, model_body, models_body
from comity.gateway.refusal import Refusal
from comity.gateway.reply import Reply
from comity.gateway.state import window_time
from comity.gateway.status import status_of
from comity.gateway.views import read_note, view_of
from comity.ledger import LedgerError, format_receipt
from comity.ledger.reader import TileDirectory, receipt
from comity.vault import format_sealed, load_item

__all__ = ["Doors"]

_INDEX: Final = "(0|[1-9][0-9]{0,14})"
_ENTRY: Final = re.compile(f"/entry/{_INDEX}")
_RECEIPT: Final = re.compile(f"/receipt/{_INDEX}")
_SEALED: Final = re.compile(f"/sealed/{_INDEX}/(request|answer)")
_TILE: Final = re.compile(r"/tile/(?:[0-9]{1,2}|entries)(?:/x[0-9]{3}){0,6}/[0-9]{3}(?:\.p/[0-9]{1,3})?")
_DRAW: Final = re.compile("/draw/([0-9a-f]{32})")
RETRY_SECONDS: Final = 1

Headers = Sequence[tuple[bytes, bytes]]


class Doors:
    """One arrangement's doors, around its gate."""

    def __init__(self, gate: Gate, published: Path) -> None:
        self.gate = gate
        self._published = published

    async def answer(self, method: str, rest: str, query: str, headers: Headers, body: bytes, reply: Reply) -> bool:
        """Answer a request to one of the doors; False where there is no such door."""
        if query:
            return False
        try:
            return await self._answer(method, rest, headers, body, reply)
        except LedgerError:
            await self._not_recorded(reply)
            return True

    async def _answer(self, method: str, rest: str, headers: Headers, body: bytes, reply: Reply) -> bool:
        if method == "GET" and rest == "/checkpoint":
            await self._file(reply, "checkpoint", "text/plain; charset=utf-8", cache="no-cache")
            return True
        if method == "GET" and (drawn := _DRAW.fullmatch(rest)) is not None:
            await self._draw(drawn[1], reply)
            return True
        if method == "POST" and rest in acts.DOORS:
            await self._act(rest, body, reply)
            return True
        if method == "POST" and rest == "/amendments":
            await self._amend(body, reply)
            return True
        if method == "POST" and rest == "/close":
            await self._close(body, reply)
            return True
        if method == "POST" and rest == "/counters":
            await self._counters(body, reply)
            return True
        if method == "POST" and rest == "/view":
            await self._view(body, reply)
            return True
        if method == "POST" and rest == "/entries":
            if await self._let_in(headers, reply) is not None:
                await self._entries(headers, body, reply)
            return True
        if method != "GET":
            return False
        return await self._read(rest, headers, reply)

    async def _read(self, rest: str, headers: Headers, reply: Reply) -> bool:
        match = _ENTRY.fullmatch(rest) or _RECEIPT.fullmatch(rest) or _SEALED.fullmatch(rest) or _TILE.fullmatch(rest)
        model = model_body(rest, self.gate.terms) if match is None else None
        if match is None and model is None and rest != "/status" and rest not in MODELS:
            return False
        if await self._let_in(headers, reply) is None:
            return True
        if match is None:
            if model is None:
                model = self.status() if rest == "/status" else models_body(MODELS[rest], self.gate.terms)
            await self._json(reply, 200, model)
        elif match.re is _TILE:
            await self._file(reply, rest[1:], "application/octet-stream", cache="private, max-age=31536000, immutable")
        elif match.re is _ENTRY:
            await self._entry(int(match[1]), reply)
        elif match.re is _RECEIPT:
            await self._receipt(int(match[1]), reply)
        else:
            await self._sealed(int(match[1]), match[2], reply)
        return True

    async def refuse_route(self, method: str, rest: str, headers: Headers, reply: Reply) -> None:
        """Refuse what is no route of this arrangement; recorded where the key is known."""
        read, protocol = read_headers(headers), find_protocol(rest)
        clause, because = "routes", f"no route {method} {rest[:120]} exists under this arrangement"
        if (feature := find_never(method, rest)) is not None:
            clause, because = f"features.{feature}", f"no terms of this release can allow {feature}: {NEVER[feature]}"
        refusal = Refusal(slug="route-unknown", clause=clause, because=because)
        caller = Caller(key=sha256(read.secret.encode("latin-1")).hexdigest(), irid=read.irid, run=read.run)
        try:
            if self.gate.find_grant(read.secret) is None:
                await self._refuse(reply, refusal)
                return
            await self.gate.refuse(reply, protocol, caller, refusal, f"{method} {rest}")
        except LedgerError:
            await self._not_recorded(reply)

    def status(self) -> dict[str, Any]:
        """What is spent of each clause, and how the arrangement stands; see `status`."""
        return status_of(self.gate, self._published)

    async def _let_in(self, headers: Headers, reply: Reply) -> state.Grant | None:
        """The grant of the request's key, if it is in force; else a 401 is sent."""
        grant = self.gate.find_grant(read_headers(headers).secret)
        refusal = refuse_key(grant, now=window_time(self.gate.query, self.gate.clock()))
        if refusal is None:
            return grant
        await self._refuse(reply, refusal)
        return None

    async def _entries(self, headers: Headers, body: bytes, reply: Reply) -> None:
        key = sha256(read_headers(headers).secret.encode("latin-1")).hexdigest()
        try:
            members = read_body(body)
        except MalformedRequest as error:
            await self._refuse(reply, Refusal(slug="request-malformed", clause="request.body", because=str(error)))
            return

        def append(tx: Any) -> int | Refusal:
            now = self.gate.clock()
            grant = state.find_grant(tx.execute, key)
            refusal = refuse_key(grant, now=window_time(tx.execute, now))
            if refusal is not None or grant is None:
                return refusal or Refusal(slug="key-unknown", clause="grant.key", because="no grant is known")
            return evidence.append_evidence(tx, grant=grant, members=members, now=now)

        await self._recorded(append, reply)

    async def _act(self, door: str, body: bytes, reply: Reply) -> None:
        def act(tx: Any) -> int | Refusal:
            return acts.perform(tx, door=door, note=body, terms=self.gate.terms_in(tx), now=self.gate.clock())

        await self._recorded(act, reply)
        if state.find_stop(self.gate.query) is not None:
            self.gate.cut_all("stopped")

    async def _amend(self, envelope: bytes, reply: Reply) -> None:
        gate = self.gate

        def act(tx: Any) -> int | Refusal:
            terms = gate.terms_in(tx)
            return amend(tx, envelope=envelope, terms=terms, spoken=gate.providers.keys(), now=gate.clock())

        await self._recorded(act, reply, then=gate.terms_in)  # whoever asks after the answer finds the new version

    async def _close(self, note: bytes, reply: Reply) -> None:
        def act(tx: Any) -> int | Refusal:
            return close(tx, note=note, terms=self.gate.terms_in(tx), now=self.gate.clock())

        await self._recorded(act, reply)

    async def _view(self, note: bytes, reply: Reply) -> None:
        """What one party sees; nothing is recorded."""
        role = read_note(note, terms=self.gate.terms, now=self.gate.clock())
        if isinstance(role, Refusal):
            await self._refuse(reply, role)
        else:
            await self._json(reply, 200, view_of(self.gate, self._published, role))

    async def _counters(self, body: bytes, reply: Reply) -> None:
        def record(tx: Any) -> int | Refusal:
            return perform_counters(tx, note=body, terms=self.gate.terms_in(tx), now=self.gate.clock())

        await self._recorded(record, reply)

    async def _recorded(self, append: Any, reply: Reply, then: Any = None) -> None:
        try:
            done = await self.gate.transact(append)
            if then is not None:
                await self.gate.transact(then)
        except LedgerError:
            await self._not_recorded(reply)
            return
        if isinstance(done, Refusal):
            await self._refuse(reply, done)
        else:
            await self._json(reply, 201, {"ledger": self.gate.ledger.origin, "index": done})

    async def _refuse(self, reply: Reply, refusal: Refusal) -> None:
        """Say no at a door; only what a model call asked for becomes an entry."""
        for observer in self.gate.observers:
            observer.refused("", Refused(refusal=refusal, index=None), None)
        body = {
            "error": {"message": f"{refusal.clause}: {refusal.because}", "code": refusal.slug},
            "comity": {"clause": refusal.clause, "because": refusal.because},
        }
        data = json.dumps(body, ensure_ascii=False).encode()
        await self._send(reply, refusal.status, "application/json", data, *refusal.headers())

    async def _not_recorded(self, reply: Reply) -> None:
        message = "the ledger takes no entry now, so nothing was done; ask again"
        await self._json(reply, 503, {"error": {"message": message, "code": "not-recorded"}})

    async def _entry(self, index: int, reply: Reply) -> None:
        found = self.gate.ledger.read(index, index + 1)
        if not found:
            await self._none(reply, f"entry {index} is not in the ledger")
            return
        await self._send(reply, 200, "application/json", found[0])

    async def _receipt(self, index: int, reply: Reply) -> None:
        if index >= self.gate.ledger.size():
            await self._none(reply, f"entry {index} is not in the ledger")
            return
        proof = receipt(TileDirectory(self._published), index)
        if proof is None:
            body = b"recorded; not yet held by both sides\n"
            await self._send(reply, 202, "text/plain; charset=utf-8", body, ("retry-after", str(RETRY_SECONDS)))
            return
        await self._send(reply, 200, "text/plain; charset=utf-8", format_receipt(proof))

    async def _draw(self, run: str, reply: Reply) -> None:
        """Both halves of a draw, for parties who have no key: nobody tells before both are held by both."""
        rows = self.gate.query("SELECT committed, revealed FROM gate_draw WHERE run = ? ORDER BY committed", (run,))
        entries = []
        for index in sorted(at for row in rows for at in row if at is not None):
            proof = receipt(TileDirectory(self._published), index)
            [entry] = self.gate.ledger.read(index, index + 1)
            held = None if proof is None else format_receipt(proof).decode()
            entries.append({"index": index, "entry": entry.decode(), "receipt": held})
        await self._json(reply, 200, {"ledger": self.gate.ledger.origin, "run": run, "entries": entries})

    async def _sealed(self, index: int, part: str, reply: Reply) -> None:
        item = load_item(self.gate.query, index, part)
        if item is None:
            await self._none(reply, f"entry {index} has no sealed {part}")
            return
        await self._send(reply, 200, "application/json", format_sealed(item))

    async def _file(self, reply: Reply, name: str, kind: str, *, cache: str) -> None:
        try:
            data = (self._published / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            await self._none(reply, f"{name} is not published")
            return
        await self._send(reply, 200, kind, data, ("cache-control", cache))

    async def _none(self, reply: Reply, message: str) -> None:
        await self._json(reply, 404, {"error": {"message": message, "code": "route-unknown"}})

    async def _json(self, reply: Reply, status: int, value: Mapping[str, Any]) -> None:
        await self._send(reply, status, "application/json", json.dumps(value, ensure_ascii=False).encode())

    async def _send(self, reply: Reply, status: int, kind: str, data: bytes, *more: tuple[str, str]) -> None:
        await reply.whole(status, [("content-type", kind), *more], data)
