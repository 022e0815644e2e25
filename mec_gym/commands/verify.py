"""`mec-gym verify RUN ...`: check that every file of a run is as it was written."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from mec_gym.commands import shell
from mec_gym.commands.arguments import parse
from mec_gym.io.digests import MANIFEST_FILE


@dataclass(frozen=True)
class Arguments:
    """Check that every file of some runs is as it was written."""

    run: Annotated[
        tuple[Path, ...],
        tyro.conf.Positional,
        tyro.conf.arg(metavar="RUN [RUN ...]", help_behavior_hint="(required)"),
    ]
    """Run directories, as `train` makes them, or directories of `train --seeds`."""
    imports: tyro.conf.UseAppendAction[list[str]] = field(default_factory=list)
    """Module of your own to import first, where a run's files name it; may be repeated."""


def main(arguments: list[str], launcher: str) -> int:
    """Check the runs that the arguments name, the rest too where one is damaged."""
    shell.import_modules(arguments)
    status = 0
    given = parse(Arguments, arguments, f"{launcher} verify")
    if not given.run:
        raise ValueError("run: give one run directory or more")
    from mec_gym.benchmark.models import runs_of
    from mec_gym.sb3.run import directory as runs  # imports torch

    for directory in (Path(run) for named in given.run for run in runs_of(str(named))):
        try:
            if not any((directory / file).exists() for file in (MANIFEST_FILE, runs.CONFIG_FILE)):
                raise ValueError(
                    f"run: {directory} is not a run, it has no {MANIFEST_FILE}; give a directory"
                    f" that `{launcher} train` made"
                )
            print(f"{directory}: {runs.verify(directory)} files, each as it was written")
        except (ValueError, OSError) as error:
            shell.complain(error)
            status = 2
    return status
