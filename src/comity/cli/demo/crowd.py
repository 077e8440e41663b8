"""The evaluator's crowd: many clients that call at the same instant, to take more calls than are left.

    python -m comity.cli.demo.crowd --home DIR --url URL --model NAME --clients 64

URL is the gateway's route for chat completions.  Every client is a connection of its own with the same key;
all are open before the first byte of a request is sent.  What each was answered is counted and printed in one
JSON line, `{"answers":{"200":10,"403":54},"clients":64}`, which proves nothing: the demo counts in the ledger.
"""

import argparse
import http.client
import json
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from comity.cli.home import open_home

SECONDS: Final = 120


def rush(url: str, secret: str, body: bytes, clients: int) -> Counter[str]:
    """Send `body` from so many clients at once; how many got which status."""
    parts = urlsplit(url)
    together = threading.Barrier(clients)
    answers: Counter[str] = Counter()
    lock = threading.Lock()
    headers = {"authorization": f"Bearer {secret}", "content-type": "application/json"}

    def client() -> None:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=SECONDS)
        try:
            connection.connect()
            together.wait(SECONDS)
            connection.request("POST", parts.path, body, headers)
            answer = connection.getresponse()
            answer.read()
            got = str(answer.status)
        except (OSError, http.client.HTTPException, threading.BrokenBarrierError) as fault:
            got = type(fault).__name__
        finally:
            connection.close()
        with lock:
            answers[got] += 1

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m comity.cli.demo.crowd", description="Many clients at once.")
    parser.add_argument("--home", type=Path, required=True, help="the evaluator's folder")
    parser.add_argument("--url", required=True, help="the gateway's route")
    parser.add_argument("--model", required=True)
    parser.add_argument("--clients", type=int, required=True)
    asked = parser.parse_args()
    question = {"role": "user", "content": "What is the capital of France?"}
    body = json.dumps({"model": asked.model, "max_tokens": 8, "messages": [question]}).encode()
    answers = rush(asked.url, open_home(asked.home).secret(), body, asked.clients)
    print(json.dumps({"answers": dict(sorted(answers.items())), "clients": asked.clients}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
