"""Opening: a gateway serves the terms whose signatures its ledger holds, and no others."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from comity.gateway import Gate, Provider, Upstream, begin_ledger
from comity.gateway.gate import OtherTerms
from support import Keys, now, signed_offer, terms_value


def test_a_gateway_refuses_terms_other_than_those_its_ledger_began_with(tmp_path: Path) -> None:
    """Terms swapped beside a ledger are refused before the first call, and both digests are named."""
    keys = Keys()
    signed = signed_offer(keys, terms_value(keys))
    swapped = signed_offer(keys, terms_value(keys, budget__calls=999_999))
    provider = Provider(upstream=Upstream("http://127.0.0.1:9/v1"), key="k")

    with begin_ledger(tmp_path / "ledger.sqlite", signed, now=now()) as ledger:
        gate = Gate(
            ledger=ledger,
            terms=swapped.terms,
            providers={"openai": provider, "anthropic": provider},
            permit_signer=keys.permit,
            clock=now,
            monotonic=time.monotonic,
            random=os.urandom,
            software="test",
        )

        with pytest.raises(OtherTerms, match=f"(?s){signed.terms.digest}.*{swapped.terms.digest}"):
            asyncio.run(gate.start())

        assert 1 == ledger.size()


@pytest.mark.parametrize("key", ["", "sk-1\n", "two words", "sk-\u2011abc", "sk-\xe9"])
def test_a_providers_key_that_no_header_can_hold_is_refused_at_the_start(key: str, tmp_path: Path) -> None:
    """A key with a typeset hyphen, a space or a line's end is told before the first call, and is not itself shown."""
    keys = Keys()
    offer = signed_offer(keys, terms_value(keys))
    provider = Provider(upstream=Upstream("http://127.0.0.1:9/v1"), key=key)

    with (
        begin_ledger(tmp_path / "ledger.sqlite", offer, now=now()) as ledger,
        pytest.raises(ValueError, match="the provider's key for anthropic: expected printable ASCII") as refused,
    ):
        Gate(
            ledger=ledger,
            terms=offer.terms,
            providers={"openai": provider, "anthropic": provider},
            permit_signer=keys.permit,
            clock=now,
            monotonic=time.monotonic,
            random=os.urandom,
            software="test",
        )

    assert not key or key not in str(refused.value)
