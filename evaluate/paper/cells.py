"""Trained runs that a study is made of: each trained once, several at a time."""

import hashlib
import json
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

import mec_gym
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.training import train

Trainer = Callable[..., Any]
"""`trainer(config, directory, progress=False)` trains into a new directory, as `train` does."""


@dataclass(frozen=True)
class Cell:
    """One run: what people call it, and the settings that make it what it is."""

    label: str
    config: TrainConfig

    @property
    def name(self) -> str:
        """The name of its run directory: label, seed and a digest of all that decides the run."""
        settings = [mec_gym.__version__, self.config.model_dump(mode="json")]
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
        # The same settings lead to other slots where the code that draws them has changed.
        for array in self.config.scenario.sample(1, self.config.seed).arrays().values():
            digest.update(array.tobytes())
        return f"{self.label}-seed{self.config.seed}-{digest.hexdigest()[:8]}"


def train_cell(cell: Cell, runs: Path, scratch: Path, trainer: Trainer = train) -> None:
    """Train a cell into `runs`, where it appears when it is finished and not before.

    Args:
        cell: to train.
        runs: directory of the finished cells.
        scratch: directory of the unfinished ones, on the same file system.
        trainer: what trains.

    Raises:
        InterruptedError: the training was cut short.
    """
    if trainer(cell.config, scratch / cell.name, progress=False).interrupted:
        raise InterruptedError(f"{cell.name}: cut short")
    try:
        os.replace(scratch / cell.name, runs / cell.name)
    except OSError:
        if not (runs / cell.name).exists():  # else another command was faster
            raise


def train_cells(
    cells: Sequence[Cell], runs: Path, jobs: int, trainer: Trainer = train
) -> Mapping[str, str]:
    """Train the cells that are not finished yet, each in a process of its own, with a bar.

    An interrupt ends the workers at once; what was finished is kept.

    Args:
        cells: to train; those of the same name are one.
        runs: directory of the finished cells; it is made.
        jobs: how many at a time.
        trainer: what trains; it must be importable by the workers.

    Returns:
        Why cells failed, by name; the others are finished.
    """
    runs.mkdir(parents=True, exist_ok=True)
    wanted = {cell.name: cell for cell in cells}
    missing = [cell for name, cell in wanted.items() if not (runs / name).exists()]
    failures: dict[str, str] = {}
    if not missing:
        return failures
    with (
        tempfile.TemporaryDirectory(prefix="unfinished-", dir=runs) as scratch,
        tqdm(
            total=len(wanted), initial=len(wanted) - len(missing), unit="run", file=sys.stderr
        ) as bar,
        # torch's threads do not survive a fork.
        ProcessPoolExecutor(
            min(jobs, len(missing)), multiprocessing.get_context("spawn"), _obey_parent_only
        ) as pool,
    ):
        futures: dict[Future[None], str] = {
            pool.submit(train_cell, cell, runs, Path(scratch), trainer): cell.name
            for cell in missing
        }
        try:
            for future in as_completed(futures):
                name, error = futures[future], future.exception()
                if error is not None:
                    failures[name] = f"{type(error).__name__}: {error}"
                    bar.write(f"failed: {name}: {failures[name]}", file=sys.stderr)
                bar.set_postfix_str(name)
                bar.update()
        except BaseException:
            for worker in multiprocessing.active_children():
                worker.terminate()
            pool.shutdown(cancel_futures=True)
            raise
    return failures


def _obey_parent_only() -> None:
    """Leave Ctrl-C, which reaches all processes of a terminal, to the parent; end when it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # tqdm's own lock is a semaphore of the system's, which a worker that is ended would leak.
    tqdm.set_lock(threading.RLock())
    parent = multiprocessing.parent_process()
    assert parent is not None  # this runs in workers

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
