"""What all commands share: how they are started, and how they end.

A command ends with status 0; with 1 where its work failed, see `CommandError`; with 2 where what it
was given cannot be used; with 130 where Ctrl-C or SIGTERM ended it, as shells have it.
"""

import importlib
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from mec_gym.io import extras
from mec_gym.io.messages import one_line
from mec_gym.io.names import import_module

INTERRUPTED = 130
_NOBODY_READS = 128 + 13
"""As shells have it where the reader of a pipe is gone."""


class Command(NamedTuple):
    """What a command does, the extra of the package it needs, and what an interrupt leaves."""

    summary: str
    extra: str
    interrupted: str = "nothing was written"


COMMANDS = {
    "train": Command(
        "train a network into a run directory, and compare it with the baselines",
        "train",
        "a run keeps what it has",
    ),
    "evaluate": Command("compare policies and trained runs on the same slots", "cli"),
    "plan": Command(
        "say of a network which policy to run, how much to build, and where",
        "cli",
        "no plan was written",
    ),
    "export": Command("write a trained policy for ONNX runtimes or Stable-Baselines3", "onnx"),
    "verify": Command("check that every file of a run is as it was written", "train"),
    "completion": Command("print what makes your shell complete all this on Tab", "cli"),
}
"""By the name of the module beside this one."""


class CommandError(Exception):
    """What a command was to do failed, though it was given what it needs; one line."""


def complain(error: object) -> None:
    """Print an error in one line on stderr."""
    print(f"error: {error}", file=sys.stderr)


@contextmanager
def warned(strict: bool) -> Iterator[None]:
    """Print warnings of scenarios that are hardly meant, each once; `strict`: as errors."""
    from mec_gym.plausibility import PlausibilityWarning

    said: set[str] = set()

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if not issubclass(category, PlausibilityWarning):
            others(message, category, *where, **more)
        elif str(message) not in said:
            said.add(str(message))
            print(f"warning: {message}", file=sys.stderr)

    with warnings.catch_warnings():
        others = warnings.showwarning
        warnings.showwarning = show
        warnings.simplefilter("error" if strict else "always", PlausibilityWarning)
        try:
            yield
        except PlausibilityWarning as warning:
            raise ValueError(str(warning)) from None


def run(work: Callable[[], int | None], interrupted: str = "nothing was written") -> int:
    """Return the exit status of a command's work; its errors are printed, each in one line.

    Args:
        work: does it; it returns a status, or None for 0.
        interrupted: what to say of an interrupt.
    """
    try:
        try:
            return work() or 0
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # as by `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _NOBODY_READS
    except (ValueError, OSError) as error:
        complain(error)
        return 2
    except MemoryError as error:
        complain(f"memory: {one_line(error)}; give fewer devices, servers or slots")
        return 1
    except CommandError as error:
        complain(error)
        return 1
    except KeyboardInterrupt:
        print(f"interrupted; {interrupted}", file=sys.stderr)
        return INTERRUPTED


def main(name: str, arguments: list[str], launcher: str = "mec-gym") -> int:
    """Run one of `COMMANDS` and return its exit status.

    Args:
        name: of the command.
        arguments: what follows it on the command line.
        launcher: what the command line has before its name, for what it says of itself.
    """

    def work() -> int | None:
        with warned(strict="--strict" in arguments):
            return begun()

    def begun() -> int | None:
        command = importlib.import_module(f"mec_gym.commands.{name}")
        status: int | None = command.main(arguments, launcher)
        return status

    try:
        return run(work, COMMANDS[name].interrupted)
    except ModuleNotFoundError as error:
        library = extras.missing(error)
        if library is None:
            raise
        extra = COMMANDS[name].extra if extras.EXTRAS[library] == "cli" else extras.EXTRAS[library]
        complain(extras.remedy(f"mec-gym {name}", library, extra))
        return 2


def start(command: Callable[[list[str]], int]) -> None:
    """Run a command on this process's arguments and exit with its status; SIGTERM is as Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(command(sys.argv[1:]))


def import_modules(arguments: Sequence[str]) -> None:
    """Import what `--imports MODULE` names, wherever it stands: presets and files may need it.

    Raises:
        ValueError: there is no such module, or it imports what is not there.
    """
    for flag, following in pairwise([*arguments, ""]):
        option, _, value = flag.partition("=")
        module = value or following
        if option == "--imports" and module:
            try:
                import_module(module, "imports")
            except ModuleNotFoundError as error:
                raise ValueError(
                    f"imports: no module {module!r}: {one_line(error)}; it is looked for in"
                    f" {Path.cwd()} and where Python finds all others"
                ) from None
