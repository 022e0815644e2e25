"""Sealed files: JSON that vouches for each of its own bytes."""

import hashlib
import json
from pathlib import Path
from typing import Any

from mec_gym.files import read_file

_SEAL = "sha256_of_this"
_MOST_BYTES = 1 << 26
"""A longer file is refused before it is read; those of a run have some kilobytes."""


def seal(content: dict[str, Any]) -> bytes:
    """Return JSON values as text that ends with the SHA-256 of what it says.

    Raises:
        ValueError: a number in it is not finite.
    """
    return _text(content | {_SEAL: hashlib.sha256(_text(content)).hexdigest()})


def read_sealed(path: Path, reads: int) -> dict[str, Any]:
    """Return what was sealed in a file.

    Args:
        path: of the file.
        reads: its entry `format`, which the caller knows how to read.

    Raises:
        ValueError: some byte is not the one that was written, the format is another, or it is no
            file.
        OSError: it cannot be read.
    """
    text = read_file(path, _MOST_BYTES)
    try:
        content = json.loads(text)
        if not isinstance(content, dict):
            raise ValueError("no table")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"damaged: {error}") from None
    if content.get("format") != reads:
        raise ValueError(
            f"its format is {content.get('format')}, this version of mec_gym reads {reads}; use the"
            " version that made it"
        )
    content.pop(_SEAL, None)
    if seal(content) != text:
        raise ValueError("damaged or edited: its own SHA-256 differs")
    return content


def _text(content: dict[str, Any]) -> bytes:
    return json.dumps(content, indent=2, allow_nan=False).encode()
