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
from mec_gym.io.progress import progress
from mec_gym.sb3.run.config import TrainConfig

Trainer = Callable[..., Any]
"""`trainer(config, directory, progress=False)` trains into a new directory, as `train` does."""


@dataclass(frozen=True)
class StudyRun:
    """One run of a study: what people call it, and the settings that make it what it is."""

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


def train_run(run: StudyRun, runs: Path, scratch: Path, trainer: Trainer | None = None) -> None:
    """Train a run into `runs`, where it appears when it is finished and not before.

    Args:
        run: to train.
        runs: directory of the finished ones.
        scratch: directory of the unfinished ones, on the same file system.
        trainer: what trains; None: `mec_gym.sb3.run.training.train`.

    Raises:
        InterruptedError: the training was cut short.
    """
    if trainer is None:
        from mec_gym.sb3.run.training import train  # imports torch

        trainer = train
    if trainer(run.config, scratch / run.name, progress=False).interrupted:
        raise InterruptedError(f"{run.name}: cut short")
    try:
        os.replace(scratch / run.name, runs / run.name)
    except OSError:
        if not (runs / run.name).exists():  # else another command was faster
            raise


def train_all(
    wanted: Sequence[StudyRun], runs: Path, jobs: int, trainer: Trainer | None = None
) -> Mapping[str, str]:
    """Train the runs that are not finished yet, each in a process of its own, with a bar.

    An interrupt ends the workers at once; what was finished is kept.

    Args:
        wanted: to train; those of the same name are one.
        runs: directory of the finished ones; it is made.
        jobs: how many at a time.
        trainer: what trains, see `train_run`; it must be importable by the workers.

    Returns:
        Why runs failed, by name; the others are finished.
    """
    runs.mkdir(parents=True, exist_ok=True)
    named = {run.name: run for run in wanted}
    missing = [run for name, run in named.items() if not (runs / name).exists()]
    failures: dict[str, str] = {}
    if not missing:
        return failures
    with (
        tempfile.TemporaryDirectory(prefix="unfinished-", dir=runs) as scratch,
        progress(len(named), "run", len(named) - len(missing)) as bar,
        # torch's threads do not survive a fork.
        ProcessPoolExecutor(
            min(jobs, len(missing)), multiprocessing.get_context("spawn"), _obey_parent_only
        ) as pool,
    ):
        futures: dict[Future[None], str] = {
            pool.submit(train_run, run, runs, Path(scratch), trainer): run.name for run in missing
        }
        try:
            for future in as_completed(futures):
                name, error = futures[future], future.exception()
                if error is not None:
                    failures[name] = f"{type(error).__name__}: {error}"
                    tqdm.write(f"failed: {name}: {failures[name]}", file=sys.stderr)
                bar.update()
                bar.set_postfix_str(name)
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
