"""A house under a theme, in a process of its own: `python themed_house.py FOLDER THEME`.

One JSON line says where it answers, and by which cookie each account is signed in.
"""

import json
import sys
from pathlib import Path
from typing import Any


def main(folder: Path, theme: str) -> None:
    from dataclasses import replace

    from houses import ROLES, account, make_world
    from packages import part_into

    from comity.portal.settings import test
    from comity.portal.start import make_local_tables, start
    from comity.portal.themes import THEMES
    from comity.portal.vendored import FOLDER

    world = make_world(folder)
    house = replace(world.house(), theme=theme)
    house.path.mkdir(parents=True, exist_ok=True)
    part_into(THEMES[theme].part, house.path / FOLDER)
    start(house, test(house))
    make_local_tables()
    from comity.portal.projections import beat
    from comity.portal.projections.projector import Projector
    from comity.portal.projections.tables import make_tables, open_projector

    open_projector(house)
    make_tables()
    Projector(house).run_once()
    beat.give(house.path, world.now)
    cookies = {name: signed_in(account(name)) for name in ROLES}
    from browsers import served

    with served() as url:
        print(json.dumps({"url": url, "cookies": cookies}), flush=True)
        sys.stdin.read()


def signed_in(someone: Any) -> str:
    """A session of somebody with both factors."""
    from importlib import import_module

    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

    from comity.portal.accounts.gate import SEEN

    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY], session[SEEN] = str(someone.pk), True
    session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
    session[HASH_SESSION_KEY] = someone.get_session_auth_hash()
    session.create()
    return str(session.session_key)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
