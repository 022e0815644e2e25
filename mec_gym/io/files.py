"""Files: written so that a reader finds the old one or the new one; read without trusting them."""

import io
import math
import os
import shutil
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from mec_gym.io.messages import one_line

ARRAYS_LIMIT = 1 << 30
"""Bytes that the arrays of an npz file may take; or four times the file's own, if that is more."""

_AT_ONCE = 1 << 20

_folder: ContextVar[Path | None] = ContextVar("folder", default=None)


@contextmanager
def beside(file: Path) -> Iterator[None]:
    """Let `located` look beside a file within the block: paths in it are relative to it."""
    token = _folder.set(file.parent)
    try:
        yield
    finally:
        _folder.reset(token)


def located(path: str | os.PathLike[str]) -> Path:
    """Return where a path leads: from the folder of the file that names it, or else from here."""
    return (_folder.get() or Path()) / path


def replace_file(path: Path, content: bytes) -> None:
    """Write a file beside `path`, to the disk, and put it in its place.

    Raises:
        OSError: it cannot be written; `path` is then as it was.
    """
    temporary = path.with_name(path.name + ".new")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync(path.parent)  # else a power cut may bring the old file back


@contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """Give a directory to write files into; after the block it stands at `path`, on the disk.

    Raises:
        OSError: something cannot be written; nothing new stands then at `path`.
    """
    temporary = path.with_name(path.name + ".new")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir(parents=True)
        yield temporary
        for file in temporary.iterdir():
            sync(file)
        sync(temporary)
        os.rename(temporary, path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync(path.parent)


def sync(path: Path) -> None:
    """Wait until a file, or the list of a directory, is on the disk."""
    if os.name == "nt" and path.is_dir():
        return  # Windows opens no directory
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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


def read_file(path: Path, limit: int) -> bytes:
    """Read a whole file of `limit` bytes at most.

    Raises:
        ValueError: it is longer, or no file but a pipe or a device, which may never end.
        OSError: it cannot be read.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("it is not a file")
    if found.st_size > limit:
        raise ValueError(f"it is longer than {limit:,} bytes")
    return path.read_bytes()


def read_npz(source: str | Path | bytes, limit: int = ARRAYS_LIMIT) -> dict[str, NDArray[Any]]:
    """Read the arrays of an npz file by name; nothing is unpickled, no code in it is run.

    What the file claims to hold is checked before memory is taken for it: a few bytes may claim, or
    expand to, any size.

    Args:
        source: path of the file, or its content.
        limit: bytes that the arrays may take in all; or four times the file's size, if that is
            more, as honest numbers hardly shrink.

    Raises:
        ValueError: it cannot be opened, is damaged, is no npz file of numbers, or its arrays would
            take too much; the message is one line and does not name the file.
    """
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            with zipfile.ZipFile(file) as archive:
                return _arrays(archive, max(limit, 4 * size))
    except Exception as error:  # what a damaged zip raises is documented nowhere
        raise ValueError(one_line(error)) from None


def _arrays(archive: zipfile.ZipFile, limit: int) -> dict[str, NDArray[Any]]:
    members = archive.infolist()
    claimed = sum(member.file_size for member in members)
    if claimed > limit:
        raise ValueError(f"its arrays would take {claimed:,} bytes; the limit is {limit:,}")
    arrays = {}
    for member in members:
        name = member.filename.removesuffix(".npy")
        if name == member.filename or name in arrays:
            raise ValueError(f"it holds {member.filename!r} twice, or as no array")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{name} is compressed as npz files are not")
        with archive.open(member) as content:
            arrays[name] = _array(name, content, member.file_size)
    return arrays


def _array(name: str, content: IO[bytes], size: int) -> NDArray[Any]:
    """Read one array; it takes no more than `size`, the bytes that the archive gives it."""
    version = np.lib.format.read_magic(content)
    if version != (1, 0):  # later ones are for records, and their headers have no bound
        raise ValueError(f"{name} is no array of numbers, but of npy version {version}")
    shape, by_columns, dtype = np.lib.format.read_array_header_1_0(content)
    if dtype.kind not in "biufc":
        raise ValueError(f"{name} holds {dtype}, not numbers; objects are never unpickled")
    held, claimed = size - content.tell(), dtype.itemsize * math.prod(shape)
    if claimed != held or min(shape, default=0) < 0:
        raise ValueError(f"{name} has {held:,} bytes for {dtype} of shape {shape}")
    raw = np.empty(held, dtype=np.uint8)
    for start in range(0, held, _AT_ONCE):
        part = raw[start : start + _AT_ONCE]
        part[:] = np.frombuffer(content.read(len(part)), dtype=np.uint8)
    content.read(1)  # the checksum is compared at the end, which an empty array may not reach
    return raw.view(dtype).reshape(shape, order="F" if by_columns else "C")
