"""Digests: JSON that vouches for each of its own bytes, and manifests of a directory's files."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mec_gym.io.files import read_file, replace_file

MANIFEST_FILE = "manifest.json"
_MANIFEST_FORMAT = 1
_DIGEST = "sha256_of_this"
_MOST_BYTES = 1 << 26
"""A longer file is refused before it is read; those of a run have some kilobytes."""


def sha256(content: bytes) -> str:
    """Return the SHA-256 of some bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def with_digest(content: dict[str, Any]) -> bytes:
    """Return JSON values as text that ends with the SHA-256 of what it says.

    Raises:
        ValueError: a number in it is not finite.
    """
    return _text(content | {_DIGEST: sha256(_text(content))})


def read_checked(path: Path, format_: int) -> dict[str, Any]:
    """Return what `with_digest` made the text of a file of.

    Args:
        path: of the file.
        format_: its entry `format` must be this one.

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
    if content.get("format") != format_:
        raise ValueError(
            f"its format is {content.get('format')}, this version of mec_gym reads {format_}; use"
            " the version that made it"
        )
    content.pop(_DIGEST, None)
    if with_digest(content) != text:
        raise ValueError("damaged or edited: its own SHA-256 differs")
    return content


def describe(path: Path) -> dict[str, Any]:
    """Return the size, bytes, and the SHA-256 of a file.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {"size": file.tell(), "sha256": digest}


def check(path: Path, described: Any, may_be_longer: bool = False) -> None:
    """Check that a file is the one described, or begins with it where it `may_be_longer`.

    Raises:
        ValueError: it is not, or the description is none; the message names the file.
    """
    try:
        size, digest = int(described["size"]), described["sha256"]
        found = path.stat().st_size
        if found < size or (found > size and not may_be_longer):
            raise ValueError(f"it has {found} bytes, not {size}")
        content, left = hashlib.sha256(), size
        with open(path, "rb") as file:
            while left > 0 and (part := file.read(min(left, 1 << 20))):
                content.update(part)
                left -= len(part)
        if content.hexdigest() != digest:
            raise ValueError("it is damaged or another file (SHA-256 differs)")
    except OSError as error:
        raise ValueError(f"{path}: it cannot be read: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise ValueError(f"{path}: {error}") from None


def write_manifest(directory: Path, names: Iterable[str], **facts: Any) -> None:
    """Write the manifest of files in a directory, with facts as JSON values.

    Raises:
        OSError: a file cannot be read, or the manifest not written.
    """
    files = {name: describe(directory / name) for name in names}
    replace_file(
        directory / MANIFEST_FILE, with_digest({"format": _MANIFEST_FORMAT, "files": files} | facts)
    )


def read_manifest(directory: Path) -> dict[str, Any]:
    """Return what a directory's manifest says, once every file that it lists has been checked.

    Raises:
        ValueError: it or a file is missing, damaged or outside the directory; the message names it.
    """
    content = read_manifest_alone(directory)
    for name, described in content["files"].items():
        if not (directory / name).resolve().is_relative_to(directory.resolve()):
            raise ValueError(
                f"{directory / MANIFEST_FILE}: it names {name!r}, which is outside {directory}"
            )
        check(directory / name, described)
    return content


def read_manifest_alone(directory: Path) -> dict[str, Any]:
    """Return what a directory's manifest says; the files that it lists are not looked at.

    Raises:
        ValueError: it is missing or damaged; the message names it.
    """
    path = directory / MANIFEST_FILE
    try:
        content = read_checked(path, _MANIFEST_FORMAT)
    except OSError as error:
        raise ValueError(f"{path}: it cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    files = content.get("files")
    if not isinstance(files, dict):
        raise ValueError(f"{path}: it lists no files")
    return content


def _text(content: dict[str, Any]) -> bytes:
    return json.dumps(content, indent=2, allow_nan=False).encode()
