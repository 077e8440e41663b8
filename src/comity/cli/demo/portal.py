"""The portal of the demo's authority: started at the end, over its own cases and a copy of the access ledger.

The authority operates no gateway, so its portal reads the copy that the evaluator makes, as files that travel; a stop
from the portal goes to the running gateway.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

from comity.cli.demo.processes import CommandFailed
from comity.cli.demo.story import PROVIDER, Story

__all__ = ["copy_ledger", "open_portal"]

COPY: Final = "ledger-for-the-portal"


def copy_ledger(story: Story) -> Path:
    """Let the evaluator copy the published ledger; the folder is the courier's."""
    copy = story.stage.mail / COPY
    story.stage.attempt("evaluator", "mirror", f"{story.gateway}/a/{story.arrangement}", "--out", str(copy))
    return copy


def open_portal(story: Story) -> dict[str, str]:
    """Start the authority's portal; who → the link by which they enter once."""
    stage = story.stage
    copy = copy_ledger(story)
    home = stage.home("authority")
    made = subprocess.run(
        [sys.executable, "-m", "comity.cli.demo.portal_home", "--home", str(home), "--provider", PROVIDER],
        cwd=stage.mail, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if made.returncode:
        raise CommandFailed(f"the accounts of the portal were not made: {made.stderr[-2000:]}")
    links: dict[str, str] = json.loads(made.stdout)
    ready = stage.start(
        "portal",
        ["comity", "--home", str(home), "portal", "serve", "--listen", "127.0.0.1:0", "--link-is-enough",
         "--gateway", story.gateway, *(("--access", str(copy)) if copy.exists() else ())],
    )  # fmt: skip
    return {who: f"{ready['portal']}{link}" for who, link in links.items()}
