"""Answers of each variant of the local model, collected once, out of which the benchmark draws its engagements.

    python -m benchmarks.identity_pools --cache DIR --out FILE

For every variant of `benchmarks.variants`:

- `pools`: answers to 25 prompts at temperature 1, 8 tokens each; 60 a prompt of the reference, 24 of each other one;
- `first`: for 160 border candidates the 20 likeliest first tokens with their log-probabilities, which the server states
  exactly; a first token at a low temperature is then drawn without a further question.

Each request brings a seed of its own, fixed by variant, prompt and number.  Four are asked at once, and neighbours in a
batch can tip a close call; so a second collection agrees with the first in nearly all answers, not in all.
"""

import argparse
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from benchmarks.variants import ALIAS, KEY, VARIANTS

from comity.evaluation.identity.material import border_candidates, completion_prompts

SEED: Final = b"comity benchmark 5"
PROMPTS: Final = 25
CANDIDATES: Final = 160
TOKENS: Final = 8
REFERENCE_ANSWERS: Final = 60
ANSWERS: Final = 24
TOP: Final = 20
SEEDS: Final = 8
"""Tries at one candidate; one that ends at once each time is left out."""
AT_ONCE: Final = 4


@contextmanager
def serving(variant: str, cache: Path) -> Iterator[str]:
    """A variant in a process of its own; yields its address."""
    # leaving the block closes its input, at whose end it ends
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.variants", variant, "--cache", str(cache)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        cwd=Path(__file__).parents[1], env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    ) as process:  # fmt: skip
        if process.stdout is None or not (line := process.stdout.readline()):
            raise RuntimeError(f"the variant {variant} did not start")
        yield str(json.loads(line)["url"])


def ask(url: str, prompt: str, *, max_tokens: int, temperature: float, **more: Any) -> dict[str, Any]:
    """One chat completion's first choice."""
    body = {"model": ALIAS, "messages": [{"role": "user", "content": prompt}], "max_tokens": max_tokens, **more}
    data = json.dumps({**body, "temperature": temperature}).encode()
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"{url}/v1/chat/completions", data, headers)) as answer:
        choice: dict[str, Any] = json.load(answer)["choices"][0]
        return choice


def seed_of(*what: object) -> int:
    """A request's seed."""
    return int.from_bytes(sha256(SEED + repr(what).encode()).digest()[:4], "big") >> 1


def collect(variant: str, cache: Path, *, prompts: int, answers: int, candidates: int) -> dict[str, Any]:
    """Answers and first tokens of one variant; `temperature` is the reference, asked at 0.8."""
    served, temperature = ("reference", 0.8) if variant == "temperature" else (variant, 1.0)
    texts = completion_prompts(SEED, prompts)

    with serving(served, cache) as url, ThreadPoolExecutor(AT_ONCE) as pool:

        def answer(place: tuple[int, int]) -> str:
            seed = seed_of(variant, *place)
            said = ask(url, texts[place[0]], max_tokens=TOKENS, temperature=temperature, seed=seed)
            return str(said["message"]["content"])

        def first(text: str) -> list[list[Any]]:
            for seed in range(SEEDS):  # an answer that ends at once states no probabilities
                said = ask(url, text, max_tokens=1, temperature=1.0, logprobs=True, top_logprobs=TOP, seed=seed)
                if content := (said.get("logprobs") or {}).get("content"):
                    return [[top["token"], top["logprob"]] for top in content[0]["top_logprobs"]]
            return []

        flat = list(pool.map(answer, [(prompt, number) for prompt in range(prompts) for number in range(answers)]))
        firsts = list(pool.map(first, border_candidates(SEED, candidates))) if variant != "temperature" else []
    grouped = [flat[prompt * answers : (prompt + 1) * answers] for prompt in range(prompts)]
    return {"pools": grouped, "first": firsts}


def collect_all(
    cache: Path,
    out: Path,
    *,
    prompts: int = PROMPTS,
    reference: int = REFERENCE_ANSWERS,
    answers: int = ANSWERS,
    candidates: int = CANDIDATES,
) -> dict[str, Any]:
    """Collect every variant that the file does not hold yet, and write the file after each."""
    found: dict[str, Any] = json.loads(out.read_text()) if out.exists() else {}
    for variant in (*VARIANTS, "temperature"):
        if variant not in found:
            count = reference if variant == "reference" else answers
            found[variant] = collect(variant, cache, prompts=prompts, answers=count, candidates=candidates)
            out.write_text(json.dumps(found))
            print(f"collected {variant}: {prompts * count} answers", file=sys.stderr, flush=True)
    return found


def main() -> None:
    """Collect into the file that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.identity_pools", description="Collect answers.")
    parser.add_argument("--cache", type=Path, required=True, help="folder of the weights")
    parser.add_argument("--out", type=Path, required=True, help="file of the answers")
    asked = parser.parse_args()
    collect_all(asked.cache, asked.out)


if __name__ == "__main__":
    main()
