"""Where the pieces of a command's work are done: the flags that several commands share."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from mec_gym.commands.arguments import by_default
from mec_gym.jobs import Processes
from mec_gym.jobs.running import Workers


@dataclass(frozen=True, kw_only=True)
class Sharing:
    """Where pieces of work are done."""

    processes: Annotated[int | None, arg(metavar="K"), by_default("one a core")] = None
    """How many pieces to do at a time on this machine."""
    ray: Annotated[str | None, arg(metavar="auto|HOST:PORT"), by_default("this machine")] = None
    """Ray cluster to do them on instead, one a CPU of it."""
    storage: Annotated[
        Path | None,
        arg(
            metavar="DIR",
            help="Directory that all machines of --ray share; a run is then gone on with from its"
            " newest checkpoint where a machine was lost.",
        ),
        by_default("none"),
    ] = None
    dry_run: Annotated[
        bool,
        arg(
            help="Say how many pieces there are, how many are finished and about how long the"
            " others take; where none is finished the first ones are done, and kept."
        ),
    ] = False

    @property
    def shared(self) -> bool:
        """Whether the work is to be done in pieces at all."""
        return self.ray is not None or self.processes not in (None, 1) or self.dry_run

    def workers(self) -> Workers:
        """Return what does the pieces.

        Raises:
            ValueError: the flags contradict each other, or nothing answers at the address.
        """
        if self.ray is None:
            if self.storage is not None:
                raise ValueError(
                    "storage: it is for machines of --ray; on this one a run is gone on with anyway"
                )
            return Processes(cores() if self.processes is None else self.processes)
        if self.processes is not None:
            raise ValueError("processes, ray: give one of the two")
        from mec_gym.jobs.on_ray import OnRay

        if self.storage is not None and not self.storage.is_dir():
            raise ValueError(
                f"storage: {self.storage} is no directory; give one that all machines share"
            )
        return OnRay(self.ray, self.storage)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
