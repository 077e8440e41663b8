"""nginx, twice: the upstream with its canned answer, and a plain proxy in front of it."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.load.wrk import MODEL, Target
from benchmarks.peers.machine import Cores, free_port, need, started, wait_for

__all__ = ["ANSWER", "CALL", "running", "upstream"]

CALL: Final = "/v1/chat/completions"
_TEXT: Final = (
    "The Peace of Westphalia, negotiated in Münster and Osnabrück and signed on 24 October 1648. What lawyers still "
    "cite is the sovereign equality of states: each has its own territory and its own law, none judges another, and "
    "each nevertheless recognises what the other has done, as a matter of courtesy and of interest. "
)
ANSWER: Final = json.dumps(
    {
        "id": "chatcmpl-0123456789abcdefghijklmn",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": MODEL,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": _TEXT * 2, "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 96, "completion_tokens": 58, "total_tokens": 154},
        "system_fingerprint": "fp_bench",
    },
    ensure_ascii=False,
)
"""The canned answer: a chat completion of about 1 kB that names the agreed model and its usage."""

_COMMON: Final = """\
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  server_tokens off;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
{http}
}}
"""
_UPSTREAM: Final = """\
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location = /v1/chat/completions {{ default_type application/json; return 200 '{answer}'; }}
    location / {{ return 404; }}
  }}
"""
_PROXY: Final = """\
  upstream model {{ server {authority}; keepalive 1024; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://model;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
"""


@contextlib.contextmanager
def _nginx(folder: Path, http: str, port: int, core: int) -> Iterator[int]:
    folder.mkdir(parents=True, exist_ok=True)
    configuration, log = folder / "nginx.conf", folder / "nginx.log"
    configuration.write_text(_COMMON.format(folder=folder, http=http), encoding="utf-8")
    with started([need("nginx"), "-p", folder, "-c", configuration], core=core, log=log) as process:
        wait_for(f"http://127.0.0.1:{port}/", process, log)
        yield process.pid


@contextlib.contextmanager
def upstream(folder: Path, cores: Cores) -> Iterator[Target]:
    """The model's endpoint, on the core of the load: the same answer to every chat completion."""
    port = free_port()
    http = _UPSTREAM.format(port=port, answer=ANSWER.replace("\\", "\\\\").replace("'", "\\'"))
    with _nginx(folder, http, port, cores.load) as pid:
        yield Target(url=f"http://127.0.0.1:{port}{CALL}", headers={}, pid=pid)


@contextlib.contextmanager
def running(folder: Path, model: str, cores: Cores) -> Iterator[Target]:
    """A plain proxy with kept connections, on the core of the gateway; it passes streams on at once."""
    port = free_port()
    with _nginx(folder, _PROXY.format(port=port, authority=model), port, cores.gateway) as pid:
        yield Target(url=f"http://127.0.0.1:{port}{CALL}", headers={}, pid=pid)
