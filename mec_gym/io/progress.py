"""How far a piece of work is: a bar on a terminal, in a file or a log a line for each remark."""

import sys
import time
from typing import Any, Protocol, Self

_BAR = "{n_fmt}/{total_fmt} |{bar}| {elapsed}<{remaining}{postfix}"
"""Short, so that a remark of 50 characters is seen in whole where the terminal has 80."""


class Progress(Protocol):
    """What of a `tqdm.tqdm` is used, whether or not it is one."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: Any) -> Any: ...

    def update(self, n: int = 1) -> Any:
        """Move on."""

    def set_postfix_str(self, s: str) -> Any:
        """Say how it is going."""


class Unseen:
    """Progress that nobody is shown."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        pass

    def update(self, n: int = 1) -> None:
        """Move on."""

    def set_postfix_str(self, s: str) -> None:
        """Say nothing."""


class Lines(Unseen):
    """Progress as lines on stderr, one a remark.

    Args:
        total: how many pieces there are.
        unit: what a piece is called.
        done: how many are done at the start.
    """

    def __init__(self, total: int, unit: str, done: int = 0) -> None:
        self._total, self._unit, self._done = total, unit, done
        self._start = time.monotonic()

    def update(self, n: int = 1) -> None:
        """Move on."""
        self._done += n

    def set_postfix_str(self, s: str) -> None:
        """Print how it is going."""
        print(
            f"{self._unit} {self._done} of {self._total},"
            f" {time.monotonic() - self._start:.0f} s: {s}",
            file=sys.stderr,
            flush=True,
        )


def remark(said: str) -> None:
    """Print a line on stderr, above the bar where there is one."""
    from tqdm import tqdm

    tqdm.write(said, file=sys.stderr)


def progress(total: int, unit: str, done: int = 0, show: bool = True) -> Progress:
    """Return what shows how far a piece of work is, on stderr.

    Args:
        total: how many pieces there are.
        unit: what a piece is called.
        done: how many are done at the start.
        show: whether to show it at all.
    """
    if not show:
        return Unseen()  # a bar that is disabled begins a thread all the same
    if not sys.stderr.isatty():
        return Lines(total, unit, done)
    from tqdm import tqdm

    bar: Progress = tqdm(
        total=total,
        initial=done,
        file=sys.stderr,
        dynamic_ncols=True,
        bar_format=_BAR,
    )
    return bar
