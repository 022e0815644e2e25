"""Pieces of work for the tests of `mec_gym.jobs`; their functions are found by name in workers."""

import os
import signal
import time
from pathlib import Path

from mec_gym.jobs import Piece


def square(settings, inputs, workplace):
    """The square of a number, after a while; each start is noted in a file where one is named."""
    if "starts" in settings:
        with open(settings["starts"], "a") as file:
            file.write(f"{settings['number']}\n")
    time.sleep(settings.get("seconds", 0))
    return {"square": settings["number"] ** 2, "threads": os.environ.get("OMP_NUM_THREADS")}


def fail(settings, inputs, workplace):
    raise RuntimeError("bad\nluck")


def killed_at_first(settings, inputs, workplace):
    """Killed at its first start, whatever happens to others; then done from what that left."""
    note = workplace / "note"
    if not note.exists():
        note.write_text("left by the first")
        os.kill(os.getpid(), signal.SIGKILL)
    return {"found": note.read_text()}


def killed(settings, inputs, workplace):
    """Killed at each start."""
    os.kill(os.getpid(), signal.SIGKILL)


def count_bytes(settings, inputs, workplace):
    return bytes([len(content) for content in inputs.values()])


def wait_for_file(settings, inputs, workplace):
    """Nothing, once a file is there."""
    deadline = time.monotonic() + 60
    while not Path(settings["file"]).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return {}


def files(settings, inputs, workplace):
    """A packed directory."""
    from mec_gym.jobs import archives

    (workplace / "run" / "deep").mkdir(parents=True)
    (workplace / "run" / "deep" / "file").write_text(str(settings["number"]))
    return archives.pack(workplace / "run")


def squares(numbers, **settings):
    """A piece for each number."""
    return [of(square, f"square {n}", number=n, **settings) for n in numbers]


def of(function, name, inputs=None, **settings):
    """A piece of one of these functions."""
    text = {
        key: str(value) if isinstance(value, Path) else value for key, value in settings.items()
    }
    return Piece(name, f"at_work:{function.__name__}", text, inputs or {})
