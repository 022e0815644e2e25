"""The directory of a plan: begun for one, gone on with by the same; its files are whole or not."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mec_gym
from mec_gym.io.digests import read_checked, sha256, with_digest
from mec_gym.io.files import replace_file

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
        ValueError: it holds something else.
    """
    if out.exists() and not out.is_dir():
        raise ValueError(f"out: {out} is a file; give a directory")
    if not out.exists() or not any(out.iterdir()):
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
        OSError: it cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    replace_file(out / SETTINGS_FILE, with_digest(_said(settings)))


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
