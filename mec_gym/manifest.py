"""Manifests: which files a directory holds, with size and SHA-256, and facts about them."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mec_gym.files import replace_file
from mec_gym.sealed import read_sealed, seal

NAME = "manifest.json"
FORMAT = 1


def describe(path: Path) -> dict[str, Any]:
    """Return the size, bytes, and the SHA-256 of a file.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {"size": file.tell(), "sha256": digest}


def check(path: Path, said: Any, may_go_on: bool = False) -> None:
    """Check that a file is the one described, or begins with it where it `may_go_on`.

    Raises:
        ValueError: it is not, or the description is none; the message names the file.
    """
    try:
        size, digest = int(said["size"]), said["sha256"]
        found = path.stat().st_size
        if found < size or (found > size and not may_go_on):
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


def write(directory: Path, names: Iterable[str], **facts: Any) -> None:
    """Write the manifest of files in a directory, with facts as JSON values.

    Raises:
        OSError: a file cannot be read, or the manifest not written.
    """
    files = {name: describe(directory / name) for name in names}
    replace_file(directory / NAME, seal({"format": FORMAT, "files": files} | facts))


def read(directory: Path) -> dict[str, Any]:
    """Return what a directory's manifest says, once every file that it lists has been checked.

    Raises:
        ValueError: it or a file is missing, damaged or outside the directory; the message names it.
    """
    path = directory / NAME
    try:
        content = read_sealed(path, FORMAT)
    except OSError as error:
        raise ValueError(f"{path}: it cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    files = content.get("files")
    if not isinstance(files, dict):
        raise ValueError(f"{path}: it lists no files")
    for name, said in files.items():
        if not (directory / name).resolve().is_relative_to(directory.resolve()):
            raise ValueError(f"{path}: it names {name!r}, which is outside {directory}")
        check(directory / name, said)
    return content
