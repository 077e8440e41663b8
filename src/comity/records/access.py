"""Records of an arrangement's ledger: terms, grants, calls, stops, plans, runs, scores.

A call is two entries: `call.permitted` or `call.refused` before anything is
sent, and for a permitted one exactly one of `call.settled` and `call.abandoned`
after it; `call.overran` follows a settlement that exceeds its reservation.  The
permit's index is the call's number and stands in `request-id`.

Content never stands in an entry: `request` and `answer` are salted commitments
(HMAC-SHA-256, see `comity.vault`), empty where there is no content.
"""

from comity.records.record import Amount, Digest, Hex32, Index, Record


class ArrangementSigned(Record, kind="arrangement.signed", version=1):
    """Entry 0: both parties' signatures over one version of the terms are held."""

    arrangement: Hex32
    terms_version: int
    digest: Digest
    """SHA-256 of the terms' canonical bytes: what was signed, not a copy of it."""
    previous: str
    """Digest of the version before; empty for the first."""
    note: str
    """The signed note `comity arrangement/1` with both signatures, verbatim."""


class GrantIssued(Record, kind="grant.issued", version=1):
    """A party of the terms lets one person call, with one key."""

    grant: Hex32
    person: str
    key: Digest
    """SHA-256 of the bearer secret (256 random bits); the secret is nowhere at rest here."""
    expires: str
    note: str


class GrantRevoked(Record, kind="grant.revoked", version=1):
    """A grant ends before its time."""

    grant: Hex32
    cause: str
    note: str


class GatewayStarted(Record, kind="gateway.started", version=1):
    """One gateway process began to serve; its permits carry this incarnation."""

    incarnation: Hex32
    software: str


class GatewayEnded(Record, kind="gateway.ended", version=1):
    """A gateway process ended in order, with no permit of its own left open."""

    incarnation: Hex32


class CallPermitted(Record, kind="call.permitted", version=1):
    """The terms allow one call, and its reservation is taken from the budget."""

    grant: Hex32
    person: str
    incarnation: Hex32
    protocol: str
    route: str
    model: str
    features: tuple[str, ...]
    request: Digest
    request_bytes: int
    irid: str
    """The caller's own id for the request (`x-irid`), empty when it sent none."""
    run: str
    """The run that the caller names (`comity-run`), empty when it names none."""
    reserved: Amount


class CallRefused(Record, kind="call.refused", version=1):
    """A caller with a known key asked for what the terms do not allow."""

    grant: Hex32
    person: str
    protocol: str
    route: str
    model: str
    status: int
    clause: str
    because: str
    irid: str
    run: str


class CallsRefused(Record, kind="calls.refused", version=1):
    """Equal refusals beyond the first 60 of a minute, as one entry with their count."""

    grant: Hex32
    person: str
    status: int
    clause: str
    count: int


class CallSettled(Record, kind="call.settled", version=1):
    """What became of a permitted call, durable before the caller has its whole answer."""

    permit: Index
    outcome: str
    """answered · withheld · provider-refused · provider-failed · half-answer · client-gone · stopped ·
    not-sent"""
    status: int
    """The provider's HTTP status; 0 when none came."""
    served: str
    """The model that the answer names; empty when it names none."""
    served_check: str
    """agreed · mismatch · unstated · none (no answer to check)"""
    answer: str
    """Commitment to the answer's bytes; empty when none came."""
    answer_bytes: int
    usage: str
    """stated (the provider's figures) · reservation (no figures came) · nothing (nothing was sent)"""
    charged: Amount
    upstream_id: str
    millis: int


class CallMetered(Record, kind="call.metered", version=1):
    """The provider's token counts by price class, where it states that its cache was read or written."""

    permit: Index
    input_tokens: int
    """All of the input, the cached tokens among it."""
    cached_read: int
    cache_write: int
    output_tokens: int


class UpstreamAnomaly(Record, kind="upstream.anomaly", version=1):
    """The provider denied, throttled or delayed a permitted call beyond its custom."""

    permit: Index
    what: str
    """denied (401, 403, 404, 451) · rate-limited (429) · overloaded (503, 529) · slow"""
    status: int
    millis: int
    """Until the answer's head came, or until the call ended without one."""
    usual_millis: int
    """The median of this gateway's latest calls of the same model; 0 while there are too few."""


class CallOverran(Record, kind="call.overran", version=1):
    """The provider's usage exceeds the reservation: charged, and nothing more passes under these clauses."""

    permit: Index
    clauses: tuple[str, ...]
    reserved: Amount
    charged: Amount


class CallAbandoned(Record, kind="call.abandoned", version=1):
    """A permit whose gateway died before it settled, charged at the reservation."""

    permit: Index
    incarnation: Hex32
    charged: Amount


class AccessStopped(Record, kind="access.stopped", version=1):
    """A party stopped the access: from here no call is sent and no byte is forwarded."""

    by: str
    cause: str
    note: str


class AccessSuspended(Record, kind="access.suspended", version=1):
    """A party suspended the access: no new call is sent until it is resumed; calls under way end by themselves."""

    by: str
    cause: str
    clock: str
    """stops (the window's clock stands still until the suspension ends) · runs"""
    note: str


class AccessResumed(Record, kind="access.resumed", version=1):
    """The party that stopped or suspended lets the access go on."""

    by: str
    cause: str
    note: str


class PlanFrozen(Record, kind="plan.frozen", version=1):
    """A plan's digest, held before the first call under it."""

    grant: Hex32
    person: str
    plan: Digest


class PlanDeviated(Record, kind="plan.deviated", version=1):
    """A party states a deviation from a frozen plan, before any scores under it; results are exploratory from here."""

    by: str
    """authority · provider"""
    plan: Digest
    """The plan that is left."""
    amended: str
    """Digest of the plan that takes its place; empty where none does."""
    because: str
    note: str
    """The signed note `comity plan-deviation/1`, verbatim."""


class RunBegun(Record, kind="run.begun", version=1):
    """A run under a frozen plan begins; its calls name it."""

    grant: Hex32
    person: str
    run: Hex32
    plan: Digest


class JudgeCalled(Record, kind="judge.called", version=1):
    """A run's answers were given to a judge model, under an arrangement of its own; each call is an entry there."""

    grant: Hex32
    person: str
    run: Hex32
    plan: Digest
    recipient: str
    """The judge's name in the clause `content.recipients`."""
    model: str
    ledger: str
    """Origin of the ledger that holds its calls."""
    begun: Index
    """Where the run begins in that ledger."""
    permitted: int
    refused: int


class SeedRevealed(Record, kind="seed.revealed", version=1):
    """The seed that a run's plan had committed to is told, once its calls were made."""

    grant: Hex32
    person: str
    run: Hex32
    plan: Digest
    seed: Hex32
    """What decided which items were asked; the plan holds its commitment, from before the first call."""


class RunFinished(Record, kind="run.finished", version=1):
    """A run ended, with the digest of the engine's own log."""

    grant: Hex32
    person: str
    run: Hex32
    plan: Digest
    log: Digest
    status: str


class RunAborted(Record, kind="run.aborted", version=1):
    """A run ended without a result, and why."""

    grant: Hex32
    person: str
    run: Hex32
    plan: Digest
    because: str


class ScoresCommitted(Record, kind="scores.committed", version=1):
    """The digest of a run's score table, and its counts."""

    grant: Hex32
    person: str
    run: Hex32
    plan: Digest
    rows: Digest
    intended: int
    attempted: int
    answered: int
    judged: int
    unscored: int
    repeated: int
    correct: int


class ReportPublished(Record, kind="report.published", version=1):
    """A report about a finished run was published, in exactly these bytes; a later one does not unsay it."""

    grant: Hex32
    person: str
    run: Hex32
    plan: Digest
    report: Digest
    """SHA-256 of report.json: the numbers."""
    page: Digest
    """SHA-256 of report.html: the page that states them."""


class DrawCommitted(Record, kind="draw.committed", version=1):
    """A party fixed its half of a draw over a run's rows, without telling it."""

    run: Hex32
    by: str
    """authority · provider"""
    commitment: Digest
    """SHA-256 of 32 secret bytes."""
    note: str
    """The signed note `comity draw-commit/1`, verbatim."""


class DrawRevealed(Record, kind="draw.revealed", version=1):
    """A party told the 32 bytes that it had committed to; with both halves the drawn rows are fixed."""

    run: Hex32
    by: str
    nonce: Digest
    """The 32 bytes, hex."""
    note: str
    """The signed note `comity draw-reveal/1`, verbatim."""


class ContentDisclosed(Record, kind="content.disclosed", version=1):
    """A recipient opened one sealed item to somebody, by the item's own key."""

    grant: Hex32
    person: str
    permit: Index
    part: str
    to: str
