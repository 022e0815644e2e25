"""The directory of a plan: begun for one, gone on with by the same; its files are whole or not."""

import csv
import io
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mec_gym
from mec_gym.io.digests import read_checked, sha256, with_digest
from mec_gym.io.files import replace_file
from mec_gym.jobs.results import held

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SETTINGS_FILE = "settings.json"
PIECES = "pieces"
_FORMAT = 1


def check(out: Path, settings: Mapping[str, Any]) -> None:
    """Check that a directory can hold a plan: it is not there, is empty, or was begun for it.

    Args:
        out: the directory.
        settings: all that decides the plan's numbers, as JSON values.

    Raises:
        ValueError: it holds something else, or cannot be made or written.
    """
    there = next(each for each in (out, *out.absolute().parents) if each.exists())
    if not there.is_dir():
        raise ValueError(f"out: {there} is a file; give a directory")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ValueError(f"out: {there} cannot be written; give another directory")
    if there != out or not any(out.iterdir()):
        return
    try:
        held = read_checked(out / SETTINGS_FILE, _FORMAT)
    except FileNotFoundError:
        raise ValueError(
            f"out: {out} holds files that are no plan; give an empty or a new directory"
        ) from None
    except (OSError, ValueError) as error:
        raise ValueError(f"out: {out / SETTINGS_FILE}: {error}; give another directory") from None
    mine = _said(settings)
    if held != mine:
        differs = [name for name in mine if held.get(name) != mine[name]]
        raise ValueError(
            f"out: {out} holds another plan (other {', '.join(differs)}); give another directory,"
            " or remove it"
        )


def begin(out: Path, settings: Mapping[str, Any]) -> None:
    """Make the directory, and note whose it is.

    Raises:
        ValueError: it cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        replace_file(out / SETTINGS_FILE, with_digest(_said(settings)))
    except OSError as error:
        raise ValueError(
            f"out: {out} cannot be written: {error.strerror}; give another directory"
        ) from None


@contextmanager
def undone(out: Path) -> Iterator[None]:
    """Take back, where the block fails, a directory begun in it that holds no result yet."""
    made = [each for each in (out, *out.absolute().parents) if not each.exists()]
    before = (out / SETTINGS_FILE).exists()
    try:
        yield
    except BaseException:
        if not before:
            with suppress(ValueError):  # another command works there
                _take_back(out, made)
        raise


def _take_back(out: Path, made: Sequence[Path]) -> None:
    pieces = out / PIECES
    with held(pieces) if pieces.exists() else nullcontext():
        if any(pieces.glob("*.result")):
            return
        (out / SETTINGS_FILE).unlink(missing_ok=True)
        shutil.rmtree(pieces, ignore_errors=True)
    for each in made:
        with suppress(OSError):  # something else is in it
            each.rmdir()


def write_json(path: Path, content: Any) -> None:
    """Write JSON values, which may hold no number that is not finite."""
    replace_file(path, f"{json.dumps(content, indent=2, allow_nan=False)}\n".encode())


def write_csv(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table; numbers with all their digits, None as an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    replace_file(path, text.getvalue().encode())


def write_picture(path: Path, figure: "Figure") -> None:
    """Write a figure as a PNG."""
    content = io.BytesIO()
    figure.savefig(content, format="png", metadata={"Software": None})
    replace_file(path, content.getvalue())


def _said(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as they are kept: a long one, such as a network, as a digest."""
    said = {"format": _FORMAT, "mec_gym": mec_gym.__version__}
    for name, value in settings.items():
        text = json.dumps(value, sort_keys=True)
        said[name] = json.loads(text) if len(text) <= 200 else f"sha256 {sha256(text.encode())}"
    return said
