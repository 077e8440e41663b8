"""Prompts of an enrolment: made for it alone, so that nobody has seen them before.

A completion prompt asks for a sentence about things that do not go together; a border candidate asks for a choice
between two things of which neither is better.  Things and wordings are drawn from the lists below by bytes that come
in from outside, so two enrolments share a prompt only by chance: there are more than 100,000 of each kind.

They look like what people ask.  They are not secret from the provider, who receives them.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import Final

__all__ = ["border_candidates", "completion_prompts"]

THINGS: Final = tuple(
    "anchor apron arrow atlas axe backpack ball banjo barrel basket bell bench blanket boat book bottle bowl box "
    "bracelet bread bridge broom brush bucket button cabin cake camera candle canoe carpet cart castle chair cheese "
    "chest clock cloud coat coin comb compass cup curtain desk door drum egg engine envelope fan feather fence fiddle "
    "flag flute fork fountain garden gate glove goose hammer harp hat hedge helmet hill horn house jacket jar kettle "
    "key kite knife ladder lake lamp lantern leaf lemon letter lock loom magnet map marble mask mast melon mill mirror "
    "mug nail needle nest net oar onion orchard oven paddle pan pear pen pillow pipe plate plough pond pot pump puzzle "
    "quilt radio raft rake ribbon ring road roof rope ruler saddle sail scarf shelf shoe shovel sled soap spoon spring "
    "stairs stamp stone stove sword table tent thread ticket torch tower train tray trumpet tunnel umbrella vase "
    "violin wagon wall watch well wheel whistle window wool wreath yacht".split()
)
PEOPLE: Final = tuple(
    "baker barber carpenter child cook dancer doctor farmer fisher gardener judge librarian mayor nurse painter pilot "
    "poet sailor shepherd singer smith tailor teacher weaver".split()
)
COMPLETIONS: Final = (
    "Why would a {person} carry a {one} and a {other}?",
    "Describe a {one} that belongs to a {person} in one sentence.",
    "What does a {person} say about a {one} with a {other} in it?",
    "Tell in one sentence how a {person} lost a {one}.",
    "How can a {one} be made out of a {other}?",
    "What happens when a {person} puts a {one} on a {other}?",
    "Name three uses of a {one} for a {person}.",
    "What did the {person} find under the {one}, next to the {other}?",
)
BORDERS: Final = (
    "Which is the better gift for a {person}, a {one} or a {other}?",
    "A {person} may keep one thing, a {one} or a {other}. Which one?",
    "Pick one for a {person}: {one} or {other}?",
    "Which would a {person} rather paint, a {one} or a {other}?",
)


def completion_prompts(seed: bytes, count: int) -> tuple[str, ...]:
    """So many different prompts whose answers vary in many ways."""
    return _take(COMPLETIONS, seed + b"completions", count)


def border_candidates(seed: bytes, count: int) -> tuple[str, ...]:
    """So many different prompts of whose answers the first word may be nearly a draw."""
    return _take(BORDERS, seed + b"border", count)


def _take(wordings: tuple[str, ...], seed: bytes, count: int) -> tuple[str, ...]:
    numbers, found = _numbers(seed), dict[str, None]()
    while len(found) < count:
        wording = wordings[next(numbers) % len(wordings)]
        one, other = THINGS[next(numbers) % len(THINGS)], THINGS[next(numbers) % len(THINGS)]
        if one != other:
            found[wording.format(person=PEOPLE[next(numbers) % len(PEOPLE)], one=one, other=other)] = None
    return tuple(found)


def _numbers(seed: bytes) -> Iterator[int]:
    block = 0
    while True:
        digest = sha256(b"comity prompts/1\n" + seed + block.to_bytes(8, "big")).digest()
        for at in range(0, 32, 4):
            yield int.from_bytes(digest[at : at + 4], "big")
        block += 1
