"""The status door says how an arrangement stands, from the tables that the decisions themselves read."""

from pathlib import Path

import httpx
import pytest

from support import RecordingProvider, live_gateway


@pytest.mark.slow
def test_status_counts_spend_and_every_refusal_by_its_clause(tmp_path: Path) -> None:
    """Refusals beyond the sixty of a minute that have entries are in the count at once, and once they are entries."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url, budget__calls=2) as gateway:
        with httpx.Client() as client:
            answers = [gateway.chat(client).status_code for _ in range(67)]
        assert answers == [200] * 2 + [403] * 65
        assert gateway.chat(logprobs=True).status_code == 403

        def status() -> dict[str, object]:
            headers = {"authorization": f"Bearer {gateway.secret}"}
            found: dict[str, object] = httpx.get(gateway.door("/status"), headers=headers, timeout=10).json()
            return found

        said = status()
        assert said["refusals"] == {"budget.calls": 65, "features.logprobs": 1}
        assert (said["plans"], said["runs"]) == (0, {"begun": 0, "open": 0, "finished": 0, "aborted": 0})
        assert said["published"] == 0
        before = said["refusals"]
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        assert len(gateway.of("calls.refused")) == 1
        assert status()["refusals"] == before
