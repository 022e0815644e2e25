"""Writing files so that a reader finds the old one or the new one, never a part."""

import os
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Write a file beside `path`, to the disk, and put it in its place.

    Raises:
        OSError: it cannot be written; `path` is then as it was.
    """
    temporary = path.with_name(path.name + ".new")
    with open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def check_writable(path: Path, field: str) -> None:
    """Check that a file can be written at `path`; nothing is touched.

    Raises:
        ValueError: it is a directory, or its directory is missing or cannot be written.
    """
    if path.is_dir():
        raise ValueError(f"{field}: {path} is a directory; give a file")
    if not path.parent.is_dir():
        raise ValueError(f"{field}: there is no directory {path.parent}; make it first")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ValueError(f"{field}: {path} cannot be written; give another file")
