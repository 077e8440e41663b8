"""Starting: one process, one house, Django set up once, and the local tables made or moved on."""

from collections.abc import Mapping
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command

from comity.portal.house import House, enter

__all__ = ["make_local_tables", "start"]


def start(house: House, chosen: Mapping[str, Any]) -> None:
    """Let this process serve a house under these settings; may be called once in a process."""
    house.path.mkdir(parents=True, exist_ok=True, mode=0o700)
    enter(house)
    settings.configure(**chosen)
    django.setup()


def make_local_tables() -> None:
    """Make the tables of accounts and sessions, or bring those of an earlier release up to this one."""
    call_command("migrate", database="default", interactive=False, verbosity=0)
