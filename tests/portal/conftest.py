"""One house for all tests of the portal: Django is set up once in a process, and the cases are projected once."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from houses import World, account, make_world


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The house with its tables made and filled."""
    from comity.portal.settings import test
    from comity.portal.settings.base import PROJECTIONS
    from comity.portal.start import make_local_tables, start

    made = make_world(tmp_path_factory.mktemp("portal"))
    house = made.house()
    start(house, test(house))
    make_local_tables()
    from django.db import connections
    from django.test.utils import setup_test_environment, teardown_test_environment

    from comity.portal.projections import beat
    from comity.portal.projections.projector import Projector
    from comity.portal.projections.tables import make_tables, open_for_writing

    setup_test_environment()
    open_for_writing(house.path / PROJECTIONS)
    make_tables()
    Projector(house).run_once()
    beat.give(house.path, made.now)
    yield made
    teardown_test_environment()
    connections.close_all()


@pytest.fixture
def project(world: World) -> Callable[[], int]:
    """Bring the tables up to the ledgers."""
    from comity.portal.projections.projector import Projector

    return Projector(world.house()).run_once


@pytest.fixture
def visit(world: World) -> Callable[[str], Any]:
    """A browser of somebody with both factors; of nobody for an empty name."""
    from django.test import Client

    from comity.portal.accounts.gate import SEEN

    def enter(name: str) -> Any:
        client = Client()
        if name:
            client.force_login(account(name), backend="allauth.account.auth_backends.AuthenticationBackend")
            session = client.session
            session[SEEN] = True
            session.save()
        return client

    return enter


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder of the test's own."""
    return tmp_path
