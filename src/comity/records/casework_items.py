"""Items of a case: who is part of it, who met whom, what was written, and how the record is put right.

An *item* is one thing that a case knows, entered once.  Beside its own members it states:

| member | states |
|---|---|
| `item` | its stable id: every later entry about it names this |
| `on` | when it was so, as exactly as is known: `2026-05-11`, `2026-05`, `2026`, `2026-05-07/2026-05-11`, or words |
| `source` | where it is known from: a document, a register, an address |
| `confidence` | `stated`: by whoever entered it; `reported`: by the source; `unconfirmed` |
| `refs` | its names outside, such as a registration number or a ticket |

`at` is when it was entered, `on` when it was so.  Nothing is edited: a correction, a withdrawal and a clearance
for publication are entries of their own that name the item.

People stand here under pseudonyms; names, addresses and files lie sealed in the vault, and the entry holds the
commitment.  Closed vocabularies and mandatory members are checked where a case is read (`comity.engagement`),
because a record is bytes with a form and a case is what may follow from it.
"""

from comity.records.record import Digest, Hex32, Index, Record


class CaseItem(Record):
    """What every item of a case states beside its own members."""

    item: Hex32
    """The item's stable id."""
    on: str
    """When it was so: an instant, a day, a month, a year, a span, or words."""
    source: str
    """Where it is known from; empty where whoever entered it knows it first-hand."""
    confidence: str
    """stated · reported · unconfirmed"""
    refs: tuple[str, ...]
    """Names of the same thing outside, such as a registration number or a ticket."""


class CaseOpened(CaseItem, kind="case.opened", version=1):
    """The case between one authority and one provider begins, on one track, under one version of the law."""

    engagement: Hex32
    track: str
    """model (Arts 88-94 and 101 of the AI Act) · system (Arts 75-75d)"""
    law: str
    """The law pack, such as `eu-ai-act`."""
    law_version: str
    """The consolidation that the case is read under, such as `2026-07-27`."""
    authority: str
    provider: str
    initiated_by: str
    """authority · provider · unstated"""
    subjects: tuple[str, ...]
    """The models or systems that it is about; empty while that is open."""
    summary: str


class PartyNamed(CaseItem, kind="party.named", version=1):
    """An organisation or a function has a part in the case."""

    party: str
    """Its short name within the case."""
    role: str
    """authority · board · panel · expert · national-authority · provider · representative · lawyer ·
    downstream-provider · external-evaluator · third-party"""
    organisation: str
    """An organisation's name, never a person's."""


class ContactNamed(CaseItem, kind="contact.named", version=1):
    """A person speaks for a party. The pseudonym stands here, the identity in the vault."""

    person: str
    """The pseudonym."""
    party: str
    function: str
    """What the person is there, such as `head of policy`."""


class TopicOpened(CaseItem, kind="topic.opened", version=1):
    """A question of substance that the sides deal with over more than one meeting."""

    topic: str
    summary: str


class TopicClosed(CaseItem, kind="topic.closed", version=1):
    """A topic is settled or dropped."""

    topic: Hex32
    """The item that opened it."""
    because: str


class MeetingRecorded(CaseItem, kind="meeting.recorded", version=1):
    """The sides met, once or an inexact number of times."""

    form: str
    """in-person · remote · call · unstated"""
    count: str
    """How many meetings this stands for: `1`, `4–5`, `3+`, or `several`."""
    participants: tuple[str, ...]
    """Pseudonyms, or roles where the people are not known."""
    topics: tuple[str, ...]
    summary: str
    open: tuple[str, ...]
    """Questions that it left open."""
    next: str
    """What comes next and when, as agreed; empty when nothing was."""
    uid: str
    """SHA-256 of the calendar's own id for it, which may name a person; empty where it was entered by hand."""


class MessageExchanged(CaseItem, kind="message.exchanged", version=1):
    """One side wrote to the other. The words lie in the vault, as documents of this item."""

    by: str
    """Who wrote: a party or a pseudonym."""
    to: tuple[str, ...]
    subject: str
    summary: str
    message_id: str
    """SHA-256 of the mail's Message-ID, which may name a person; empty where it came another way."""
    in_reply_to: str
    """The same of the message that it answers; empty where it answers none."""


class DocumentAttached(CaseItem, kind="document.attached", version=1):
    """A file belongs to an item. Its bytes are sealed in the vault; the entry commits to them."""

    document: Hex32
    to: Hex32
    """The item that it belongs to."""
    part: str
    """What it is there: minutes · attachment · original · identity · answer · report · evidence · notes"""
    title: str
    """What it is called in public; a file's own name lies sealed."""
    media_type: str
    length: int
    """Bytes before sealing."""
    sealed_to: tuple[str, ...]
    """Who can open it, by the names of the keys."""
    commitment: Digest
    """HMAC-SHA-256 over the bytes, under a salt that is sealed with them."""


class DocumentDisclosed(CaseItem, kind="document.disclosed", version=1):
    """A document was shown to somebody beside its recipients, by its own key. It cannot be taken back."""

    document: Hex32
    shown_to: str
    because: str


class DocumentErased(CaseItem, kind="document.erased", version=1):
    """A document's ciphertext and keys were destroyed here; its entry, and every proof, stays."""

    document: Hex32
    because: str
    """The ground, such as a purpose that ended (Art. 78(2) of the AI Act)."""


class ItemCorrected(CaseItem, kind="item.corrected", version=1):
    """Members of an item are to be read otherwise from now on; what stood there stays readable."""

    corrects: Hex32
    changes: tuple[tuple[str, ...], ...]
    """Each a member's name and its new value; a list's values follow one another."""
    because: str


class ItemWithdrawn(CaseItem, kind="item.withdrawn", version=1):
    """An item counts no longer: entered in error, or twice."""

    withdraws: Hex32
    because: str


class ItemAnswered(CaseItem, kind="item.answered", version=1):
    """A side answers an offer, a request, a measure, an alert or a complaint, or reports what became of it."""

    answers: Hex32
    by: str
    answer: str
    """accepted · partly · declined · withdrawn · fulfilled · acted-upon · closed · noted"""
    summary: str
    cites: tuple[str, ...]
    """What shows it: ids of items or documents, or `origin#index` for an entry of another ledger."""


class PublicationCleared(CaseItem, kind="publication.cleared", version=1):
    """Named items may be published as they stand now; nothing is public that is not cleared."""

    items: tuple[Hex32, ...]
    entries: tuple[Index, ...]
    """Entries of kinds that have no item id."""
    by: str
    """Who decided."""
    because: str


class PeriodExtended(CaseItem, kind="period.extended", version=1):
    """A request's or an act's period ends later than it said."""

    extends: Hex32
    until: str
    because: str


class EventStated(CaseItem, kind="event.stated", version=1):
    """Something happened from which the law counts time and which no other kind says."""

    event: str
    """The law pack's name for it, such as `EU_PLACEMENT`."""
    subject: str
    """The model or system."""
    summary: str


class ContextNoted(CaseItem, kind="context.noted", version=1):
    """Something outside the dealings of the two sides bears on the case; it moves no stage and no clock."""

    by: str
    """Whose act or word it is; empty where that is not known."""
    subject: str
    """The model or system; empty where it is about none."""
    summary: str


class NotesOpened(CaseItem, kind="notes.opened", version=1):
    """One side's own notes on a case begin, in a ledger that is not shared."""

    engagement: Hex32
    of: str
    """Whose notes."""
    ledger: str
    """The origin of the shared case's ledger."""


class NoteWritten(CaseItem, kind="note.written", version=1):
    """One side's own note, in its own ledger."""

    about: str
    """The item of the shared case that it is about; empty where it is about the whole."""
    seen: int
    """How many entries the shared ledger had when the note was written: its place in the common order."""
    text: str
