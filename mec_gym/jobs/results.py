"""Results of pieces in a folder: each there as a whole or not at all, and held by one command."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from mec_gym.io import extras
from mec_gym.io.digests import sha256
from mec_gym.io.files import new_directory, replace_file
from mec_gym.io.progress import remark
from mec_gym.jobs import archives
from mec_gym.jobs.pieces import Piece

_OWN = ".jobs"
_FORMAT = 1


class Store(Protocol):
    """Where results are written, and found again by the next command."""

    @property
    def folder(self) -> Path:
        """The directory they are in."""

    def finished(self, piece: Piece) -> bool:
        """Return whether a piece's result is there."""

    def write(self, piece: Piece, result: bytes) -> None:
        """Write the result of a piece, as a whole."""


class Results:
    """A file for each result, named by its piece and the digest of all that decides it.

    Its first line says what it is the result of, and has its SHA-256; the rest is the result.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, piece: Piece) -> Path:
        """Return the file of a piece's result."""
        return self.folder / f"{piece.key}.result"

    def finished(self, piece: Piece) -> bool:
        """Return whether a piece's result is there; of a damaged one it is said, and it is not."""
        if not self.path(piece).exists():
            return False
        try:
            self.read(piece)
        except ValueError as error:
            remark(f"{error}; it is made anew")
            return False
        return True

    def write(self, piece: Piece, result: bytes) -> None:
        """Write a result.

        Raises:
            OSError: it cannot be written; nothing is then there.
        """
        replace_file(self.path(piece), _head(piece, result) + result)

    def read(self, piece: Piece) -> bytes:
        """Return the result of a finished piece.

        Raises:
            ValueError: it is not there, or damaged; the message names the file.
        """
        path = self.path(piece)
        try:
            head, newline, result = path.read_bytes().partition(b"\n")
        except OSError as error:
            raise ValueError(f"{path}: it cannot be read: {error.strerror}") from None
        if head + newline != _head(piece, result):
            raise ValueError(f"{path}: damaged: its own SHA-256 differs")
        return result

    def values(self, piece: Piece) -> Any:
        """Return the result of a finished piece whose function returned JSON values."""
        return json.loads(self.read(piece))


def _head(piece: Piece, result: bytes) -> bytes:
    said = piece.facts | {"format": _FORMAT, "name": piece.name, "sha256": sha256(result)}
    return json.dumps(said, sort_keys=True).encode() + b"\n"


class Directories:
    """A directory for each result, named as its piece; the function packs it, see `archives`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, piece: Piece) -> Path:
        """Return the directory of a piece's result."""
        return self.folder / piece.name

    def finished(self, piece: Piece) -> bool:
        """Return whether a piece's result is there.

        Raises:
            ValueError: what is there was made with other settings.
        """
        path = self.path(piece)
        if not path.exists():
            return False
        if entries(self.folder).get(piece.name, {}).get("digest", piece.digest) != piece.digest:
            raise ValueError(
                f"out: {path} was made with other settings, or by another version of mec_gym; give"
                " another directory, or remove it"
            )
        return True

    def write(self, piece: Piece, result: bytes) -> None:
        """Write a result.

        Raises:
            OSError: it cannot be written; nothing is then there.
            ValueError: the result is no packed directory.
        """
        with new_directory(self.path(piece)) as new:
            archives.unpack(result, new)


@contextmanager
def held(folder: Path, field: str = "out") -> Iterator[Path]:
    """Make a folder and hold it, so that no other command works into it; give where to work.

    Raises:
        ValueError: another command holds it, or it cannot be written; the message names `field`.
    """
    with extras.needed("work that is done once"):
        import filelock
    own = folder / _OWN
    try:
        own.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(own / "lock", timeout=0)
        lock.acquire()
    except filelock.Timeout:
        raise ValueError(
            f"{field}: another command works into {folder}; wait for it, or give another directory"
        ) from None
    except OSError as error:
        raise ValueError(
            f"{field}: cannot write {folder}: {error.strerror}; give another directory"
        ) from None
    with lock:
        yield own / "unfinished"


def enter(folder: Path, piece: Piece, seconds: float) -> None:
    """Note that a piece is finished, and how long it took, for estimates."""
    entry = {
        "name": piece.name,
        "digest": piece.digest,
        "seconds": round(seconds, 3),
        "weight": piece.weight,
    }
    with open(folder / _OWN / "finished.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")


def entries(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what `enter` noted, by the pieces' names; a line that was cut short is left out."""
    path = folder / _OWN / "finished.jsonl"
    found: dict[str, dict[str, Any]] = {}
    if path.exists():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                entry = json.loads(line)
                found[entry["name"]] = entry
            except (ValueError, KeyError, TypeError):
                continue
    return found


def forget(unfinished: Path, piece: Piece) -> None:
    """Remove the workplace of a piece whose result is written."""
    shutil.rmtree(unfinished / piece.key, ignore_errors=True)
