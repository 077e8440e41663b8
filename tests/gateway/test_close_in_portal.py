"""What a portal's house does at the end of an access, over a real gateway and its published ledger."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.gateway.test_close_page import World, world

from comity.cli.home import open_home
from comity.cli.portal_acts import acts_of
from comity.portal.house import HouseRefused
from support import ARRANGEMENT

__all__ = ["world"]


@pytest.fixture
def homes(world: World) -> Iterator[World]:
    """Both parties hold the terms in force, as they do once they were agreed."""
    for role in ("authority", "provider"):
        kept = world.folder / role / "arrangements" / ARRANGEMENT
        kept.mkdir(parents=True)
        shutil.copy(world.folder / "mail" / "terms.json", kept / "terms-1.json")
    yield world


def test_two_houses_close_and_certify(homes: World) -> None:
    """One signs, the other adds and hands in, with the grants revoked; each then signs one certificate that is true."""
    acts = {role: acts_of(open_home(homes.folder / role), homes.gateway.url) for role in ("authority", "provider")}
    assert acts["provider"]["certificate_of"](ARRANGEMENT) is None
    with pytest.raises(HouseRefused, match="no copy of the published ledger"):
        acts["provider"]["certify"](ARRANGEMENT, None)

    begun, nothing = acts["provider"]["close"](ARRANGEMENT, None)
    assert nothing is None and ("provider",) == begun.signed_by
    closed, index = acts["authority"]["close"](ARRANGEMENT, begun.note)
    assert isinstance(index, int) and 2 == len(closed.signed_by)
    assert 401 == homes.gateway.chat().status_code

    homes.hand_over()
    mirror = homes.folder / "provider" / "mirrors" / "operator"
    shutil.copytree(homes.folder / "mail" / "ledger", mirror)
    acts["provider"]["certify"](ARRANGEMENT, None)
    drawn, text = acts["provider"]["certificate_of"](ARRANGEMENT)
    acts["authority"]["certify"](ARRANGEMENT, drawn.envelope)
    whole, _text = acts["authority"]["certificate_of"](ARRANGEMENT)

    assert ("provider",) == drawn.signed_by and ["authority", "provider"] == sorted(whole.signed_by)
    assert {"issued": 1, "revoked": 1, "live": 0} == whole.facts["grants"] and "CLOSING CERTIFICATE" in text
    kept = homes.folder / "authority" / "arrangements" / ARRANGEMENT / "closing-certificate.json"
    checked = homes.run(f"comity verify {kept} --ledger mail/ledger --arrangement mail/terms.json --json")
    assert 0 == checked.exit_code and json.loads(checked.output.splitlines()[-1])


def test_a_bent_certificate_is_neither_signed_nor_shown(homes: World, tmp_path: Path) -> None:
    """A changed number refuses to be signed; one that is changed where it is kept is said not to hold."""
    acts = acts_of(open_home(homes.folder / "authority"), homes.gateway.url)
    begun, _none = acts_of(open_home(homes.folder / "provider"), homes.gateway.url)["close"](ARRANGEMENT, None)
    acts["close"](ARRANGEMENT, begun.note)
    homes.hand_over()
    shutil.copytree(homes.folder / "mail" / "ledger", homes.folder / "authority" / "mirrors" / "operator")
    acts["certify"](ARRANGEMENT, None)
    kept = homes.folder / "authority" / "arrangements" / ARRANGEMENT / "closing-certificate.json"
    bent = kept.read_bytes().replace(b'\\"permitted\\":2', b'\\"permitted\\":3')

    assert bent != kept.read_bytes()
    with pytest.raises(HouseRefused):
        acts["certify"](ARRANGEMENT, bent)
    kept.write_bytes(bent)
    with pytest.raises(HouseRefused):
        acts["certificate_of"](ARRANGEMENT)
