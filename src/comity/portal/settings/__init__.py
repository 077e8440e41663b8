"""Settings: what Django is told, as functions of a house and of where it is served.

`base` holds for every portal; `deploy` is base behind TLS; `local` is base on this machine alone, without TLS; `test`
is local with hashes that cost little.  A test names each setting that is a requirement.
"""

from comity.portal.settings.base import CSP, base
from comity.portal.settings.deploy import deploy, local
from comity.portal.settings.test import test

__all__ = ["CSP", "base", "deploy", "local", "test"]
