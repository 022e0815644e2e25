"""`mec-gym verify RUN ...`: check that every file of a run is as it was written."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from mec_gym.commands import shell
from mec_gym.commands.arguments import parse


@dataclass(frozen=True)
class Arguments:
    """Check that every file of some runs is as it was written."""

    run: Annotated[
        tuple[Path, ...],
        tyro.conf.Positional,
        tyro.conf.arg(metavar="RUN [RUN ...]", help_behavior_hint="(required)"),
    ]
    """Run directories, as `train` makes them."""
    imports: tyro.conf.UseAppendAction[list[str]] = field(default_factory=list)
    """Module of your own to import first, where a run's files name it; may be repeated."""


def main(arguments: list[str], launcher: str) -> int:
    """Check the runs that the arguments name, the rest too where one is damaged."""
    shell.import_modules(arguments)
    status = 0
    given = parse(Arguments, arguments, f"{launcher} verify")
    if not given.run:
        raise ValueError("run: give one run directory or more")
    from mec_gym.sb3.run import directory as runs  # imports torch

    for directory in given.run:
        try:
            print(f"{directory}: {runs.verify(directory)} files, each as it was written")
        except (ValueError, OSError) as error:
            shell.complain(error)
            status = 2
    return status
