"""Opening: a gateway serves the terms whose signatures its ledger holds, and no others."""

import asyncio
import os
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
            clock=now,
            random=os.urandom,
            software="test",
        )

        with pytest.raises(OtherTerms, match=f"(?s){signed.terms.digest}.*{swapped.terms.digest}"):
            asyncio.run(gate.start())

        assert 1 == ledger.size()
