"""Two spellings that every ledger format shares: base64 and decimal, each in one form only.

RFC 4648 lets a decoder accept several base64 texts for the same bytes (stray bits in the last
character), and Python's `int()` takes "+7", "07", " 7", "7_0" and Arabic-Indic digits.
A second spelling is a second file with the same meaning, so both readers here refuse it.
They raise `ValueError`; each format turns that into its own error with its own line number.
"""

import base64
import binascii
from typing import Final

MAX_DECIMAL: Final = 2**63 - 1
"""The largest number in any of the formats: Go reads them as int64, tlog-cosignature limits times to it."""


def encode_base64(value: bytes) -> str:
    """Standard base64 with padding (RFC 4648, section 4)."""
    return base64.b64encode(value).decode("ascii")


def decode_base64(text: str) -> bytes:
    """Read standard base64 with padding, refusing every second spelling of the same bytes."""
    try:
        value = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise ValueError(f"{_short(text)} is not standard base64 with padding") from None
    if encode_base64(value) != text:
        raise ValueError(
            f"{_short(text)} is a second spelling of {_short(encode_base64(value))}, which is expected"
        )
    return value


def parse_decimal(text: str, limit: int = MAX_DECIMAL) -> int:
    """Read a number from 0 to `limit` in ASCII digits without a leading zero.

    The length is looked at first: past 4,300 digits `int()` raises an error of its own.
    """
    if not (1 <= len(text) <= 19 and text.isascii() and text.isdigit()) or (text[0] == "0" and text != "0"):
        raise ValueError(f"{_short(text)} is not a decimal without leading zeros")
    if (value := int(text)) > limit:
        raise ValueError(f"{text} is larger than {limit}")
    return value


def _short(text: str) -> str:
    return repr(text) if len(text) <= 48 else repr(text[:45] + "…")
