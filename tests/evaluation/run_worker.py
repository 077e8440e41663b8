"""A process that carries out `comity run` again and again, so that the tests load the engine once.

It reads one JSON object a line (`home`, `plan`, `gateway`) and writes one (`code`, `stdout`, `stderr`).  The engine
leaves streams unclosed, which the tests' own process would count as failures of ours.
"""

import json
import os
import sys
import traceback
from pathlib import Path

from click.testing import CliRunner

from comity.cli.home import open_home
from comity.cli.run import run


def main() -> None:
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        asked = json.loads(line)
        arguments = [asked["plan"], "--gateway", asked["gateway"], "--json"]
        found = CliRunner().invoke(run, arguments, obj=open_home(Path(asked["home"])))
        error = ""
        if found.exception is not None and not isinstance(found.exception, SystemExit):
            error = "".join(traceback.format_exception(found.exception))
        said = {"code": found.exit_code, "stdout": found.stdout, "stderr": found.stderr + error}
        print(json.dumps(said), file=out, flush=True)


if __name__ == "__main__":
    main()
