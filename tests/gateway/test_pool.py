"""A pool hands out the generator's own bytes, each once."""

from hypothesis import given
from hypothesis import strategies as st

from comity.gateway.pool import BLOCK, pooled


@given(st.lists(st.integers(0, BLOCK // 2), max_size=40))
def test_no_byte_is_handed_out_twice(words: list[int]) -> None:
    """Whatever is drawn, every draw has its length, and no word of the source stands in two of them."""
    told = iter(range(10**9))

    def source(count: int) -> bytes:
        return b"".join(next(told).to_bytes(4, "big") for _ in range(count // 4))

    draw = pooled(source)
    pieces = [draw(4 * count) for count in words]

    assert [4 * count for count in words] == [len(piece) for piece in pieces]
    seen = [piece[at : at + 4] for piece in pieces for at in range(0, len(piece), 4)]
    assert len(seen) == len(set(seen))
