"""A draw: both parties commit, then both tell, and neither can choose the rows."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.arrangement import specimen
from tests.verify.bundle_world import RUN, SECRETS, World, make_world, open_draw, tell_run, whole_draw
from tests.verify.specimen import OFFER

from comity.evaluation.rescoring import SCORERS
from comity.records import Record, parse_canonical
from comity.verify import K, draw_rows, find_draw, read_offer, seed_of, settle, verify_bundle
from comity.verify.draw import check_draws, opens, read_drawn
from comity.verify.errors import MalformedDrawn
from comity.verify.signing import check_acts


def history(world: World) -> tuple[tuple[int, Record], ...]:
    return tuple(enumerate(world.story.records))


@pytest.fixture
def told(tmp_path: Path) -> World:
    """A story up to the committed scores."""
    world = World(folder=tmp_path)
    tell_run(world)
    return world


def reference(seed: bytes, rows: list[int]) -> list[int]:
    """The draw as the reference page words it, written a second time."""

    def numbers() -> Iterator[int]:
        for counter in range(10_000):
            yield int(hashlib.sha256(seed + counter.to_bytes(8, "big")).hexdigest()[:16], 16)

    stream, drawn = numbers(), []
    while rows and len(drawn) < 5:
        number = next(stream)
        if number < 2**64 // len(rows) * len(rows):
            place = number % len(rows)
            drawn.append(rows[place])
            rows = rows[:place] + rows[place + 1 :]
    return drawn


@given(st.binary(min_size=32, max_size=32), st.lists(st.integers(0, 10_000), unique=True, max_size=60))
def test_the_draw_is_the_one_that_the_page_words(seed: bytes, rows: list[int]) -> None:
    """A second implementation gives the same rows, in the same order; none twice, and all where there are few."""
    drawn = draw_rows(seed, rows)

    assert list(drawn) == reference(seed, rows)
    assert len(set(drawn)) == len(drawn) == min(K, len(rows))
    assert set(drawn) <= set(rows)


def test_every_row_is_equally_likely() -> None:
    """Over 4,000 seeds each of 20 rows is drawn about as often, as a chi-square with 19 degrees says at 1 in 10^4."""
    seen: Counter[int] = Counter()
    seeds = 4_000
    for number in range(seeds):
        seen.update(draw_rows(hashlib.sha256(number.to_bytes(4, "big")).digest(), range(20)))
    expected = seeds * K / 20
    # Drawing without replacement makes the counts vary less than independent draws do, so this is on the safe side.
    assert sum((seen[row] - expected) ** 2 / expected for row in range(20)) < 50.8


def test_the_first_row_drawn_is_as_likely_as_any() -> None:
    """The order of a draw carries no preference either."""
    seen = Counter(draw_rows(hashlib.sha256(b"%d" % number).digest(), range(7))[0] for number in range(7_000))

    assert sum((count - 1_000) ** 2 / 1_000 for count in seen.values()) < 30.0


def test_either_secret_alone_changes_the_rows() -> None:
    """Who knows one half knows nothing of the draw: over the other half the first row takes every value."""
    firsts = {
        draw_rows(seed_of(run=RUN, root="00" * 32, authority="a1" * 32, provider=f"{n:064x}"), range(8))[0]
        for n in range(200)
    }
    assert firsts == set(range(8))


def test_a_whole_draw_holds(told: World) -> None:
    """Scores, both commitments, both secrets, all signed: it is complete, and its tree ends at the commitments."""
    whole_draw(told)
    draw = find_draw(history(told), RUN)

    assert draw is not None
    assert draw.complete
    assert check_draws(history(told)).holds
    assert check_acts(history(told), read_offer(OFFER.envelope), specimen.ORIGIN).holds
    assert draw.size == len(told.story.records) - 2
    root, seed = settle(draw, told.story.entries())
    assert seed == seed_of(run=RUN, root=root, **SECRETS)


def test_what_comes_after_the_commitments_does_not_change_the_draw(told: World) -> None:
    """The root is that of the first tree with both commitments, so nobody chooses among checkpoints afterwards."""
    whole_draw(told)
    draw = find_draw(history(told), RUN)
    assert draw is not None
    before = settle(draw, told.story.entries())
    told.story.stopped()

    assert settle(draw, told.story.entries()) == before


def early(world: World) -> None:
    world.half("authority", SECRETS["authority"])
    world.told("authority", SECRETS["authority"])
    world.half("provider", SECRETS["provider"])
    world.told("provider", SECRETS["provider"])


def other(world: World) -> None:
    world.half("authority", SECRETS["authority"])
    world.half("provider", SECRETS["provider"])
    world.told("provider", "cc" * 32)


def twice(world: World) -> None:
    world.half("authority", SECRETS["authority"])
    world.half("provider", SECRETS["provider"])
    world.half("provider", "cc" * 32)


def copied(world: World) -> None:
    world.half("authority", SECRETS["authority"])
    world.half("provider", SECRETS["authority"])


def again(world: World) -> None:
    whole_draw(world)
    world.told("provider", SECRETS["provider"])


def uncommitted(world: World) -> None:
    world.told("provider", SECRETS["provider"])


def rescored(world: World) -> None:
    world.half("authority", SECRETS["authority"])
    scored = next(record for record in world.story.records if record.kind == "scores.committed")
    world.story.tell(replace(scored, at=world.story.at()))


def nobody(world: World) -> None:
    world.half("operator", SECRETS["authority"], signer=specimen.AUTHORITY)


@pytest.mark.parametrize(
    ("cheat", "says"),
    [
        (early, "the authority tells before both parties had committed"),
        (other, "what the provider tells is not what it committed to"),
        (twice, "the provider had committed at entry"),
        (copied, "one copied the other's"),
        (again, "the provider had told at entry"),
        (uncommitted, "the provider tells what it had not committed to"),
        (rescored, "scores committed after a draw"),
        (nobody, "a draw has two halves"),
    ],
)
def test_a_draw_out_of_order_fails_at_its_entry(cheat: Callable[[World], None], says: str, told: World) -> None:
    """Whoever tells early, tells something else, commits twice, copies, or scores anew, is named by entry."""
    cheat(told)
    fact = check_draws(history(told))

    assert fact.holds is False
    assert says in fact.detail
    assert fact.where.startswith("entry ")


def test_a_commitment_before_the_scores_fails(tmp_path: Path) -> None:
    """A draw over scores that can still be chosen draws nothing."""
    world = World(folder=tmp_path)
    world.story.opened()
    world.half("authority", SECRETS["authority"])

    assert "before the scores" in check_draws(history(world)).detail


def test_a_half_signed_by_the_other_side_fails(told: World) -> None:
    """The provider cannot commit in the authority's name."""
    told.half("authority", SECRETS["authority"], signer=specimen.PROVIDER)
    fact = check_acts(history(told), read_offer(OFFER.envelope), specimen.ORIGIN)

    assert fact.holds is False
    assert "the entry names the authority, the provider signed" in fact.detail


def test_who_never_tells_is_named_and_the_rung_is_not_reached(tmp_path: Path) -> None:
    """A party that keeps silent prevents the draw; that is no failure, and the verdict says who it was."""

    def silent(world: World) -> None:
        world.half("authority", SECRETS["authority"])
        world.half("provider", SECRETS["provider"])
        world.told("authority", SECRETS["authority"])

    world = make_world(tmp_path, draw=silent)
    found = verify_bundle(world.pack(), rescore=SCORERS)

    assert found.verdict.stands
    assert found.reached == (1, 2)
    assert "the provider committed at entry" in found.rungs[2].detail
    assert "never told" in found.rungs[2].detail


def test_an_opened_row_is_tied_to_its_name_by_its_own_salt(tmp_path: Path) -> None:
    """The file that opens the drawn rows reads back, and another item or salt does not give the row's name."""
    world = make_world(tmp_path, draw=whole_draw)
    open_draw(world)
    drawn = read_drawn(world.files["drawn.json"])
    assert len(drawn.rows) == K
    for row in drawn.rows:
        name = world.rows[row.row].item
        assert opens(row, name)
        assert not opens(replace(row, item=row.item + "x"), name)
        assert not opens(replace(row, salt=bytes(32)), name)


@pytest.mark.parametrize("ciphertext", [5, None, ["x"], {}, True, "x"])
def test_a_sealed_item_that_holds_no_ciphertext_fails_where_it_lies(tmp_path: Path, ciphertext: object) -> None:
    """Whatever stands for it, an opened item is compared with it, and nothing is raised."""
    world = make_world(tmp_path, draw=whole_draw)
    open_draw(world)
    call = next(name for name in world.files if name.startswith("disclosed/")).removeprefix("disclosed/")
    name = f"sealed/{call.removesuffix('.json')}-answer.json"
    broken = json.loads(world.files[name]) | {"ciphertext": ciphertext}
    found = verify_bundle(world.packed({name: json.dumps(broken).encode()}))

    assert {"sealed", "disclosed"} == {fact.name for fact in found.verdict.failures}
    assert {name} == {fact.where for fact in found.verdict.failures}


NAMES = ["format", "ledger", "root", "rows", "run", "seed", "size"]
members = st.dictionaries(st.sampled_from(NAMES), st.integers() | st.text(max_size=6))


@given(st.binary(max_size=200) | members.map(lambda value: json.dumps(value).encode()))
def test_the_reader_of_drawn_rows_is_total(data: bytes) -> None:
    """Whatever the bytes, the rows are read or refused by the one error."""
    try:
        drawn = read_drawn(data)
    except MalformedDrawn:
        return
    assert parse_canonical(data)["run"] == drawn.run


def test_few_rows_are_all_drawn() -> None:
    """Of no judged rows none is drawn, and of one that one."""
    assert draw_rows(bytes(32), []) == ()
    assert draw_rows(bytes(32), [3]) == (3,)
