"""A directory's files as bytes, and back; the same files give the same bytes."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path


def pack(directory: Path, keep: Callable[[Path], bool] = lambda path: True) -> bytes:
    """Return the files of a directory as a zip.

    Args:
        directory: to pack.
        keep: whether a file is packed, by its path within the directory.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path in sorted(directory.rglob("*")):
            within = path.relative_to(directory)
            if path.is_file() and keep(within):
                archive.writestr(zipfile.ZipInfo(within.as_posix()), path.read_bytes())
    return content.getvalue()


def unpack(content: bytes, directory: Path) -> None:
    """Write the files that `pack` packed; none lands outside the directory.

    Raises:
        ValueError: it is no such zip.
        OSError: a file cannot be written.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            archive.extractall(directory)
    except zipfile.BadZipFile as error:
        raise ValueError(f"result: {error}") from None
