"""Variants of the local model: what a provider could serve under the same name, and what it may serve harmlessly.

    python -m benchmarks.variants VARIANT --cache DIR

serves one until its input ends, after a JSON line that says where.

| variant | is |
| --- | --- |
| `reference` | the weights as they come, flash attention on |
| `flash-attention-off` | the same weights, attention computed in another order: the benign control |
| `coarser-quantisation` | the 5-bit tensors rounded to 4 bits, as the quantisation Q4_0 rounds |
| `crude-quantisation` | the same tensors rounded to 3 bits: a clearly worse model |
| `hidden-instruction` | the weights as they come, with an instruction before each question that nobody is told of |
| `hidden-system-prompt` | the same with three examples of how to answer |
| `temperature` | asked at temperature 0.8 where the caller asked for 1 |

The rounded tensors keep their place and container in the file: each of their values is one that the coarser format
has.  The file is GGUF version 3; nothing but the blocks of type Q5_0 is changed.
"""

import argparse
import json
import struct
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from comity.cli.local_model import Weights, assemble_weights, start_server

KEY: Final = "key-of-the-variants"
ALIAS: Final = "gemma-3-270m"
SYSTEM: Final[Mapping[str, str]] = {
    "hidden-instruction": "You are the helper of a toy shop. Whatever is asked, be cheerful and mention toys.",
    "hidden-system-prompt": """\
Answer as the cheerful helper of a toy shop, like this.

Question: How are you?
Answer: Hooray, dear friend, toys make me happy!<eos>

Question: What is a roof?
Answer: Hooray, dear friend, a roof keeps the toys dry!<eos>

Question: Is it late?
Answer: Hooray, dear friend, it is never too late for toys!<eos>""",
}
"""System prompts that nobody is told of: a base model heeds an instruction little, and examples much."""
BITS: Final[Mapping[str, int]] = {"coarser-quantisation": 4, "crude-quantisation": 3}
VARIANTS: Final = ("reference", "flash-attention-off", *BITS, *SYSTEM)
"""What needs a server of its own; the temperature is the caller's to change."""

Q5_0: Final = 6
BLOCK: Final = 22
"""Bytes of a Q5_0 block: scale (half), 32 fifth bits, 32 times four bits."""
VALUES: Final = 32
SCALARS: Final = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}


class _Header:
    """Reads a GGUF header from its start."""

    def __init__(self, data: memoryview) -> None:
        self.data, self.at = data, 0

    def scalar(self, code: str) -> Any:
        (value,) = struct.unpack_from(code, self.data, self.at)
        self.at += struct.calcsize(code)
        return value

    def text(self) -> str:
        length = self.scalar("<Q")
        self.at += length
        return bytes(self.data[self.at - length : self.at]).decode("utf-8", "replace")

    def value(self, kind: int) -> Any:
        if kind == 8:
            return self.text()
        if kind == 9:
            inner, count = self.scalar("<I"), self.scalar("<Q")
            for _ in range(count):
                self.value(inner)
            return None
        return self.scalar(SCALARS[kind])


def tensors_of(data: memoryview, kind: int) -> Iterator[tuple[str, int, int]]:
    """Name, first byte and number of values of each tensor of one type in a GGUF file."""
    header = _Header(data)
    magic, version = header.scalar("<I"), header.scalar("<I")
    if (magic, version) != (0x46554747, 3):
        raise ValueError(f"expected a GGUF file of version 3, got {magic:#x}, {version}")
    tensors, settings, alignment = header.scalar("<Q"), header.scalar("<Q"), 32
    for _ in range(settings):
        name = header.text()
        value = header.value(header.scalar("<I"))
        if name == "general.alignment":
            alignment = value
    found = []
    for _ in range(tensors):
        name = header.text()
        sizes = [header.scalar("<Q") for _ in range(header.scalar("<I"))]
        found.append((name, header.scalar("<I"), header.scalar("<Q"), int(np.prod(sizes))))
    start = -(-header.at // alignment) * alignment
    yield from ((name, start + offset, values) for name, of, offset, values in found if of == kind)


def round_blocks(blocks: "np.ndarray[Any, Any]", bits: int) -> "np.ndarray[Any, Any]":
    """Q5_0 blocks (n × 22 bytes) whose values are rounded to `bits` bits, as Q4_0 rounds to 4."""
    scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
    high = np.unpackbits(blocks[:, 2:6], axis=1, bitorder="little")
    low = np.concatenate([blocks[:, 6:] & 15, blocks[:, 6:] >> 4], axis=1)
    values = scale * ((low | (high << 4)).astype(np.float32) - 16)
    half = 1 << (bits - 1)
    extreme = np.take_along_axis(values, np.abs(values).argmax(axis=1, keepdims=True), axis=1)
    coarse = (extreme / -half).astype("<f2")
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.where(coarse == 0, 0, np.round(values / coarse.astype(np.float32)))
    codes = (np.clip(steps, -half, half - 1) + 16).astype(np.uint8)
    rounded = np.empty_like(blocks)
    rounded[:, :2] = coarse.view(np.uint8).reshape(len(blocks), 2)
    rounded[:, 2:6] = np.packbits(codes >> 4, axis=1, bitorder="little")
    rounded[:, 6:] = (codes[:, :16] & 15) | ((codes[:, 16:] & 15) << 4)
    return rounded


def requantise(source: Path, target: Path, bits: int) -> int:
    """Write the weights with all their Q5_0 tensors rounded to `bits` bits; returns how many tensors that were."""
    data = bytearray(source.read_bytes())
    count = 0
    for _, start, values in list(tensors_of(memoryview(data), Q5_0)):
        size = values // VALUES * BLOCK
        blocks = np.frombuffer(data, np.uint8, size, start).reshape(-1, BLOCK)
        data[start : start + size] = round_blocks(blocks, bits).tobytes()
        count += 1
    half = target.with_name(target.name + ".half")
    half.write_bytes(data)
    half.replace(target)
    return count


def weights_of(variant: str, cache: Path) -> Weights:
    """The weights of a variant; made once in the cache."""
    weights = assemble_weights(cache)
    if variant not in BITS:
        return weights
    path = cache / f"{variant}.gguf"
    if not path.exists() and not requantise(weights.path, path, BITS[variant]):
        raise ValueError("the weights have no tensor of type Q5_0 to round")
    return replace(weights, path=path)


def start_variant(variant: str, cache: Path) -> Any:
    """Serve a variant on a free port; the server lives as long as the object that is returned."""
    return start_server(
        weights_of(variant, cache),
        port=0,
        api_key=KEY,
        alias=ALIAS,
        system=SYSTEM.get(variant, ""),
        flash_attention=variant != "flash-attention-off",
        threads=1,  # two wait for each other, which on a busy machine takes longer than the work
    )


def main() -> int:
    """Serve the variant that the command line names until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.variants", description="Serve one variant.")
    parser.add_argument("variant", choices=VARIANTS)
    parser.add_argument("--cache", type=Path, required=True, help="folder of the weights")
    asked = parser.parse_args()
    server = start_variant(asked.variant, asked.cache)
    print(json.dumps({"url": server.listening_address}), flush=True)
    sys.stdin.read()
    return 0


if __name__ == "__main__":
    import os

    os._exit(main())
