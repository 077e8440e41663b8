"""A published report and its bundle, out of real parts: ledger, publisher, witnesses, vault, report and page.

One run of eight items: seven answered (one of them only when asked again), one refused; beside it a run that was
aborted, a call before the plan was frozen, and, where a test wants one, a draw by both parties.  `files` are the
bundle's files by name, so a forger's test changes one and packs them again with a list of digests that agrees.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from tests.arrangement import specimen
from tests.verify.specimen import BEGIN, GRANT, OFFER, POLICY, Story

from comity.arrangement import deviation_text, draw_commit_text, draw_reveal_text, sign_act
from comity.estimate import Placed
from comity.evaluation.framing import make_frame
from comity.evaluation.history import History as PastRuns
from comity.evaluation.history import PastRun, parse_days, subject_of
from comity.evaluation.plan import Design, canonical_plan, drawn_from, plan_members, select_ids
from comity.evaluation.scores import Row, blind, row_salt, score_table
from comity.evaluation.suites import Item, load_suite
from comity.ledger import Ledger, Signer, create_ledger, open_checkpoint_strictly
from comity.ledger.publisher import Published, Publisher
from comity.ledger.transport import Answer
from comity.ledger.witness import Witness
from comity.records import (
    CallPermitted,
    CallRefused,
    Digest,
    DrawCommitted,
    DrawRevealed,
    Hex32,
    Index,
    PlanDeviated,
    PlanFrozen,
    ReportPublished,
    RunAborted,
    RunBegun,
    RunFinished,
    ScoresCommitted,
    SeedRevealed,
    canonical_bytes,
    to_bytes,
)
from comity.report.bundle import bundle_files, write_files
from comity.report.numbers import numbers
from comity.report.page import render_page
from comity.vault import (
    Epoch,
    SealedBundle,
    disclose,
    format_disclosure,
    format_sealed,
    generate_recipient,
    parse_recipient,
)
from comity.verify import draw_rows, find_draw, settle
from comity.verify.archive import labels_name
from comity.verify.sample import sample_of

RUN: Final = Hex32("33" * 16)
OTHER: Final = Hex32("34" * 16)
SALT: Final = b"s" * 32
SEED: Final = "ab" * 16
ITEMS: Final = 8
SECRETS: Final = {"authority": "a1" * 32, "provider": "b2" * 32}
SIGNERS: Final[dict[str, Signer]] = {"authority": specimen.AUTHORITY, "provider": specimen.PROVIDER}
WHO: Final[dict[str, Any]] = {"grant": GRANT, "person": "evaluator-1"}


def suite_items() -> tuple[Item, ...]:
    """The items that the plan draws, in the order in which they are asked."""
    suite = load_suite("short-answers")
    design = Design(items=ITEMS, seed=SEED, commitment="", epochs=1)
    return tuple(suite.item(name) for name in select_ids(design, [item.id for item in suite.items]))


@dataclass
class World:
    """What was made, and the parts of it that tests ask for."""

    folder: Path
    story: Story = field(default_factory=Story)
    files: dict[str, bytes] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    content: dict[tuple[int, str], SealedBundle] = field(default_factory=dict)
    plan: bytes = b""
    report: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.key = generate_recipient(os.urandom)
        recipient = parse_recipient("evaluator", self.key.public_text())
        self.epoch = Epoch.begin([recipient], b"test", os.urandom)

    @property
    def terms(self) -> bytes:
        return OFFER.envelope

    def pack(self, name: str = "bundle.zip", **changes: bytes | None) -> Path:
        """The bundle, with some of its files changed or (None) left out; the list of digests is made to agree."""
        changed = {**self.files, **{key.replace("__", "/"): value for key, value in changes.items()}}
        return write_files(self.folder / name, {key: value for key, value in changed.items() if value is not None})

    def packed(self, changed: dict[str, bytes | None], name: str = "changed.zip") -> Path:
        """As `pack`, for names that are no identifiers."""
        whole = {**self.files, **changed}
        return write_files(self.folder / name, {key: value for key, value in whole.items() if value is not None})

    def call(self, item: Item, answer: str, *, run: str, outcome: str = "answered", status: int = 200) -> Index:
        """One call with real sealed content."""
        plan = json.loads(self.plan)
        messages = [{"role": "developer", "content": plan["instruction"]}, {"role": "user", "content": item.question}]
        request = json.dumps({"model": plan["target"]["model"], "messages": messages}).encode()
        body = json.dumps({"model": "gemma-3-270m", "choices": [{"message": {"content": answer}}]}).encode()
        asked = self.epoch.seal(request, ledger=specimen.ORIGIN, part="request", random=os.urandom)
        said = self.epoch.seal(body, ledger=specimen.ORIGIN, part="answer", random=os.urandom)
        permit = self.story.permitted(run=run, request=Digest(asked.commitment), request_bytes=len(request))
        self.story.settled(
            permit, answer=said.commitment, answer_bytes=len(body), outcome=outcome, status=status,
            served="gemma-3-270m" if outcome == "answered" else "",
            served_check="agreed" if outcome == "answered" else "none",
        )  # fmt: skip
        for sealed in (asked, said):
            bundle = SealedBundle(
                ledger=specimen.ORIGIN, index=permit, part=sealed.part, commitment=sealed.commitment,
                epoch=self.epoch.id, context=self.epoch.context, wrapped_key=sealed.wrapped_key,
                ciphertext=sealed.ciphertext, encapsulations=self.epoch.encapsulations,
            )  # fmt: skip
            self.content[permit, sealed.part] = bundle
            if run == RUN:
                self.files[f"sealed/{permit}-{sealed.part}.json"] = format_sealed(bundle)
        return permit

    def opened(self, call: int) -> bytes:
        """The disclosure of both parts of a call."""
        return format_disclosure(disclose((self.content[call, "request"], self.content[call, "answer"]), self.key))

    def half(self, by: str, secret: str, *, signer: Signer | None = None) -> Index:
        """One party commits to its half of the draw."""
        commitment = sha256(bytes.fromhex(secret)).hexdigest()
        text = draw_commit_text(ledger=specimen.ORIGIN, run=RUN, commitment=commitment, nonce=self.story.nonce())
        note = sign_act(text, signer or SIGNERS[by]).decode()
        record = DrawCommitted(at=self.story.at(), run=RUN, by=by, commitment=Digest(commitment), note=note)
        return self.story.tell(record)

    def told(self, by: str, secret: str) -> Index:
        """One party tells its half."""
        text = draw_reveal_text(ledger=specimen.ORIGIN, run=RUN, secret=secret, nonce=self.story.nonce())
        note = sign_act(text, SIGNERS[by]).decode()
        return self.story.tell(DrawRevealed(at=self.story.at(), run=RUN, by=by, nonce=Digest(secret), note=note))

    def deviate(self, plan: str) -> None:
        """The authority states a deviation from the plan."""
        because, nonce = "two items were known to be broken", self.story.nonce()
        text = deviation_text(ledger=specimen.ORIGIN, plan=plan, amended="", because=because, nonce=nonce)
        note = sign_act(text, specimen.AUTHORITY).decode()
        self.story.tell(
            PlanDeviated(at=self.story.at(), by="authority", plan=Digest(plan), amended="", because=because, note=note)
        )


def tell_run(
    world: World,
    forge: Callable[[list[Row]], list[Row]] = list,
    *,
    claim: Mapping[str, Any] = MappingProxyType({}),
    design: Mapping[str, Any] = MappingProxyType({}),
    seed: str = SEED,
    deviations: str = "",
    kind: str = "",
    frame: Callable[[dict[str, Any]], dict[str, Any]] = dict,
) -> None:
    """The entries from the terms to the end of two runs, and the score table of the first, which `forge` may bend.

    `kind` makes the sample `stratified` or `active`, from a frame that `frame` may bend before the plan is frozen.
    """
    story = world.story
    suite = load_suite("short-answers")
    members = plan_members(
        plan_id="cd" * 16, arrangement=specimen.ID, title="Eight short answers", suite=suite, protocol="openai",
        model="gemma-3-270m", items=ITEMS, seed=SEED,
    )  # fmt: skip
    if kind:
        content, members = framed(members, kind, frame)
        world.files["frame.json"] = content
    members["claim"] |= claim
    members["design"] |= design
    world.plan = canonical_plan(members)
    digest = Digest(sha256(world.plan).hexdigest())
    story.opened()
    items = suite_items()
    sample = sample_of(members, 0.05, world.files.get("frame.json"), seed, {}) if kind else None
    world.call(items[0], "a try", run="")
    story.tell(PlanFrozen(at=story.at(), plan=digest, **WHO))
    story.tell(RunBegun(at=story.at(), run=RUN, plan=digest, **WHO))
    for place in range(ITEMS):
        placed = None if sample is None else sample.placed[place]
        names = {blind(one.id, SALT): one for one in suite.items}
        item = items[place] if placed is None else names[placed.item]
        if sample is not None and placed is not None:
            sample.end(placed.item, None if place == 0 else int(place > 2))
        if place == 0:
            refused = CallRefused(
                at=story.at(), grant=GRANT, person="evaluator-1", protocol="openai", route="chat/completions",
                model="gemma-3-270m", status=403, clause="features.logprobs", because="not agreed", irid="", run=RUN,
            )  # fmt: skip
            world.rows.append(row(item, None, "refused:403", story.tell(refused), placed=placed))
            continue
        calls = [world.call(item, "", run=RUN, outcome="provider-failed", status=503)] if place == 1 else []
        right = place > 2
        calls.append(world.call(item, item.answers[0] if right else "no idea", run=RUN))
        world.rows.append(row(item, int(right), "", *calls, placed=placed))
    world.rows = sorted(forge(world.rows), key=lambda one: one.item)
    table = score_table(world.rows, run=RUN, plan=digest)
    judged = sum(one.score is not None for one in world.rows)
    if deviations == "before":
        world.deviate(digest)
    story.tell(SeedRevealed(at=story.at(), run=RUN, plan=digest, seed=Hex32(seed), **WHO))
    story.tell(
        ScoresCommitted(
            at=story.at(), run=RUN, plan=digest, rows=Digest(sha256(table).hexdigest()), intended=len(world.rows),
            attempted=len(world.rows), answered=judged, judged=judged, unscored=len(world.rows) - judged, repeated=1,
            correct=sum(one.score == 1 for one in world.rows), **WHO,
        )
    )
    if deviations == "after":
        world.deviate(digest)
    story.tell(RunFinished(at=story.at(), run=RUN, plan=digest, log=Digest("77" * 32), status="success", **WHO))
    story.tell(RunBegun(at=story.at(), run=OTHER, plan=digest, **WHO))
    world.call(items[0], "another try", run=OTHER)
    story.tell(RunAborted(at=story.at(), run=OTHER, plan=digest, because="interrupted", **WHO))
    story.counted([n for n, record in enumerate(story.records) if isinstance(record, CallPermitted)])
    world.files |= {"plan.json": world.plan, "scores.json": table, "terms.json": OFFER.envelope}


def row(item: Item, score: int | None, reason: str, *calls: int, placed: Placed | None = None) -> Row:
    """A row of the score table."""
    return Row(item=blind(item.id, SALT), epoch=1, score=score, reason=reason, calls=calls, placed=placed)


def framed(
    members: dict[str, Any], kind: str, bend: Callable[[dict[str, Any]], dict[str, Any]]
) -> tuple[bytes, dict[str, Any]]:
    """A frame of the suite that three earlier models inform, and the members of the plan that states its digest."""
    suite = load_suite("short-answers")
    runs = tuple(
        PastRun(
            subject=subject_of(name, days=parse_days("2026-05-01")),
            outcomes=tuple(float(one.difficulty <= knows) for one in suite.items),
        )
        for name, knows in (("olmo-1", 2), ("qwen-1", 3), ("phi-1", 4))
    )
    past = PastRuns(bank=suite.name, items=tuple(one.id for one in suite.items), runs=runs)
    fields = dict.fromkeys(past.items, "")
    active = kind == "active"
    files = [letter * 64 for letter in "abc"]
    made = make_frame(
        fields, SALT, past=past, files=files, predict=active, strata=None if active else 2, neyman=False
    )
    content = canonical_bytes(bend(json.loads(made.content)))
    sampling = {"kind": kind, "frame": sha256(content).hexdigest()}
    sampling |= {"batch": 4, "uniform_mix": "0.40"} if active else {"strata": 2}
    history = {"cutoff": "2026-06-01", "digest": made.history, "families_excluded": ["gemma"]}
    return content, drawn_from(members, sampling, history)


def make_world(
    folder: Path,
    *,
    forge: Callable[[list[Row]], list[Row]] = list,
    publish: Callable[[bytes, bytes], tuple[bytes, bytes]] = lambda report, page: (report, page),
    before: Callable[[World], None] | None = None,
    draw: Callable[[World], None] | None = None,
    labels: Callable[[World], dict[str, bytes]] | None = None,
    **told: Any,
) -> World:
    """Tell the story, publish the report, and pack everything.

    `forge` bends the rows before they are committed, `publish` report and page before they are published, `before`
    adds entries between the count and the publication, `draw` after it; `labels` commits raters' files before them.
    `told` is what `tell_run` takes beside: members of the plan's claim and design, another seed, deviations.
    """
    world = World(folder=folder)
    tell_run(world, forge, **told)
    said = labels(world) if labels is not None else {}
    keys = {"authority": specimen.AUTHORITY_WITNESS, "provider": specimen.PROVIDER_WITNESS}
    witnesses = {name: Witness(folder / name, signer=key, clock=lambda: BEGIN) for name, key in keys.items()}
    for witness in witnesses.values():
        witness.add_log(POLICY)

    def ask(url: str, body: bytes) -> Answer:
        return witnesses["authority" if "authority" in url else "provider"].add_checkpoint(body)

    def clock() -> datetime:
        return BEGIN

    public = folder / "public"
    with create_ledger(folder / "ledger.sqlite", origin=specimen.ORIGIN) as ledger:
        signers = [specimen.LOG, specimen.LOG_PQ]
        publisher = Publisher(ledger, public, signers=signers, policy=POLICY, clock=clock, ask=ask)
        append(world, ledger, publisher)
        _report(world, ledger, public, publish, before, said)
        if draw is not None:
            draw(world)
        append(world, ledger, publisher)
    for witness in witnesses.values():
        witness.close()
    world.files |= bundle_files(public)
    return world


def append(world: World, ledger: Ledger, publisher: Publisher) -> None:
    """Write what was told since the last time, and publish it under both sides' cosignatures."""
    ledger.append([to_bytes(record) for record in world.story.records[ledger.size() :]])
    outcome = publisher.publish_once()
    assert isinstance(outcome, Published), outcome


def _report(
    world: World,
    ledger: Ledger,
    public: Path,
    publish: Callable[[bytes, bytes], tuple[bytes, bytes]],
    before: Callable[[World], None] | None,
    labels: dict[str, bytes],
) -> None:
    entries = ledger.read(0, ledger.size())
    made = numbers(
        terms=OFFER.terms, plan=world.plan, scores=world.files["scores.json"], entries=entries, run=RUN, labels=labels,
        frame=world.files.get("frame.json"),
    )  # fmt: skip
    world.files |= {labels_name(rater): content for rater, content in labels.items()}
    opened = open_checkpoint_strictly((public / "checkpoint").read_bytes(), POLICY)
    report, page = publish(made.data, render_page(made, terms=OFFER.terms, checkpoint=opened))
    if before is not None:
        before(world)
    world.report = dict(made.members)
    world.files |= {"report.json": report, "report.html": page}
    world.story.tell(
        ReportPublished(
            at=world.story.at(), run=RUN, plan=Digest(sha256(world.plan).hexdigest()),
            report=Digest(sha256(report).hexdigest()), page=Digest(sha256(page).hexdigest()), **WHO,
        )
    )


def whole_draw(world: World) -> None:
    """Both parties commit, then both tell."""
    for by in SECRETS:
        world.half(by, SECRETS[by])
    for by in SECRETS:
        world.told(by, SECRETS[by])


def open_draw(world: World) -> None:
    """What the evaluator adds after a draw: the drawn rows, each with its item, its salt and its call."""
    history = tuple(enumerate(world.story.records))
    draw = find_draw(history, RUN)
    assert draw is not None
    root, seed = settle(draw, world.story.entries())
    names = {blind(item.id, SALT): item.id for item in suite_items()}
    drawn = draw_rows(seed, [place for place, one in enumerate(world.rows) if one.score is not None])
    opened = [
        {"row": n, "item": names[world.rows[n].item], "salt": row_salt(names[world.rows[n].item], SALT).hex()}
        for n in drawn
    ]
    world.files["drawn.json"] = canonical_bytes(
        {"format": "comity drawn/1", "ledger": specimen.ORIGIN, "run": RUN, "size": draw.size, "root": root,
         "seed": seed.hex(), "rows": opened}
    )  # fmt: skip
    for call in (world.rows[n].calls[-1] for n in drawn if world.rows[n].calls):
        world.files[f"disclosed/{call}.json"] = world.opened(call)
