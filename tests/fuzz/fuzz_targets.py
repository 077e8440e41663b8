"""Every fuzzing target by its name, and the corpus that is kept for each.

A target is a function of bytes that returns for any input; what it raises is a
finding.  The corpus of a target is the folder of its name, a file an input, named
by the beginning of its SHA-256.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

import fuzz_http
import fuzz_requests
import fuzz_streams
import fuzz_texts

__all__ = ["CORPUS", "MOST_BYTES", "TARGETS", "corpus_of", "name_of"]

Target = Callable[[bytes], None]

TARGETS: Final[Mapping[str, Target]] = {
    **fuzz_requests.TARGETS,
    **fuzz_http.TARGETS,
    **fuzz_streams.TARGETS,
    **fuzz_texts.TARGETS,
}
CORPUS: Final = Path(__file__).parent / "corpus"
MOST_BYTES: Final = 16_384
"""The longest input that is kept or tried; bounds that lie beyond have tests of their own."""


def name_of(data: bytes) -> str:
    """The file name of an input."""
    return sha256(data).hexdigest()[:20]


def corpus_of(target: str) -> list[Path]:
    """The files that are kept for one target."""
    folder = CORPUS / target
    return sorted(folder.iterdir()) if folder.is_dir() else []
