"""Run directories: what is in one, how it is begun, locked, resumed, ended and verified."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock

from mec_gym.io import digests
from mec_gym.io.files import replace_file, sync
from mec_gym.policies.trained import POLICY_FILE, WEIGHTS_FILE, load_policy
from mec_gym.sb3.run import checkpoint
from mec_gym.sb3.run.config import TrainConfig

CONFIG_FILE = "config.toml"
_CHECKPOINTS = "checkpoint"
_LOCK = ".lock"
_EVENTS = "events.out.tfevents.*"
_ONLY_BEGUN = {_LOCK, f"{CONFIG_FILE}.new"}
"""What a run that was killed before it had a configuration may have left."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that a run goes on from: its directory, and what its manifest says."""

    path: Path
    facts: dict[str, Any]


@contextmanager
def locked(directory: Path, field: str) -> Iterator[None]:
    """Hold a directory, which is made, so that no other process trains into it.

    Raises:
        ValueError: another process holds it, or it cannot be written; the message names `field`.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(directory / _LOCK, timeout=0)
        lock.acquire()
    except filelock.Timeout:
        raise ValueError(
            f"{field}: another process is training into {directory}; wait for it, or give another"
        ) from None
    except OSError as error:
        raise ValueError(
            f"{field}: cannot write {directory}: {error.strerror}; give another directory"
        ) from None
    with lock:
        yield


def check_new(directory: Path) -> None:
    """Check that a directory is empty, or not there.

    Raises:
        ValueError: it holds something.
    """
    if (directory / CONFIG_FILE).exists():
        raise ValueError(
            f"out: {directory} is not empty but a run; --resume {directory} goes on with it,"
            " or give a new directory"
        )
    if directory.is_dir() and {path.name for path in directory.iterdir()} - _ONLY_BEGUN:
        raise ValueError(f"out: {directory} is not empty; give a new directory")


def begin_run(directory: Path, config: TrainConfig) -> None:
    """Write what a run has from its first moment: the configuration, and a manifest for it.

    Raises:
        ValueError: it cannot be written.
    """
    try:
        replace_file(directory / CONFIG_FILE, config.to_toml().encode())
        digests.write_manifest(directory, [CONFIG_FILE], finished=False)
    except OSError as error:
        raise ValueError(
            f"out: cannot write {directory}: {error.strerror}; give another directory"
        ) from None


def config_of(directory: Path) -> TrainConfig:
    """Return the configuration of a run.

    Raises:
        ValueError: the directory is not a run, or its configuration is damaged.
    """
    if not (directory / CONFIG_FILE).exists():
        raise ValueError(
            f"resume: {directory} is not a run, it has no {CONFIG_FILE}; give a directory that"
            " `python -m train` made"
        )
    return TrainConfig.from_toml(directory / CONFIG_FILE)


def resume_run(directory: Path, config: TrainConfig) -> Checkpoint | None:
    """Bring a run back to its newest checkpoint and return that; None where there is none.

    Curves and files younger than the checkpoint are removed.

    Raises:
        ValueError: the run is finished, has another configuration or is damaged.
    """
    own = config_of(directory)
    if own != config:
        ours, theirs = config.model_dump(mode="json"), own.model_dump(mode="json")
        differences = ", ".join(
            f"{name} {theirs[name]!r} there and {ours[name]!r} here"
            for name in ours
            if ours[name] != theirs[name]
        )
        raise ValueError(
            f"resume: {directory} was begun with {differences}; leave these fields out, or begin a"
            " new run with --out"
        )
    if (directory / digests.MANIFEST_FILE).exists():
        try:
            finished = digests.read_manifest(directory)["finished"]
        except ValueError as error:
            raise ValueError(
                f"{error}; {directory / digests.MANIFEST_FILE} may be removed to go on from the"
                " newest checkpoint, which has a manifest of its own"
            ) from None
        if finished:
            raise ValueError(f"resume: {directory} is finished; nothing is left to train")
    else:  # killed before it was written
        begin_run(directory, config)
    digests.write_manifest(directory, [CONFIG_FILE], finished=False)  # the rest will change
    newest = _newest(directory)
    _cut_events(directory, newest.facts["events"] if newest else {})
    return newest


def save_checkpoint(directory: Path, model: Any, keep: int, **facts: Any) -> None:
    """Add a checkpoint to a run, then remove all but the newest `keep`.

    Raises:
        FloatingPointError: a parameter is not a finite number.
        OSError: it cannot be written; the one before is as it was.
    """
    path = directory / _CHECKPOINTS / f"{model.num_timesteps:012d}"
    if path.exists():  # nothing has been played since
        return
    events = {}
    for file in directory.glob(_EVENTS):
        sync(file)
        events[file.name] = digests.describe(file)
    config = digests.describe(directory / CONFIG_FILE)
    checkpoint.save(model, path, config=config, events=events, **facts)
    for old in _checkpoints(directory)[:-keep]:
        shutil.rmtree(old)


def end_run(directory: Path, finished: bool) -> None:
    """Write the manifest of all that a run leaves; a finished run needs no checkpoint any more.

    Raises:
        OSError: it cannot be written.
    """
    names = [CONFIG_FILE, POLICY_FILE, WEIGHTS_FILE]
    names += sorted(path.name for path in directory.glob(_EVENTS))
    digests.write_manifest(directory, names, finished=finished)
    if finished:
        shutil.rmtree(directory / _CHECKPOINTS, ignore_errors=True)


def verify(directory: Path) -> int:
    """Check every file of a run, and return how many there are.

    Raises:
        ValueError: a file is missing or damaged; the message names it.
    """
    files = set(digests.read_manifest(directory)["files"])
    load_policy(directory)
    for path in _checkpoints(directory):
        facts = checkpoint.load(path)
        files |= {f"{path.name}/{name}" for name in (digests.MANIFEST_FILE, *facts["files"])}
        for name, said in _events_of(facts).items():
            digests.check(directory / name, said, may_be_longer=True)
    return len(files | {digests.MANIFEST_FILE, POLICY_FILE, WEIGHTS_FILE})


def _checkpoints(directory: Path) -> list[Path]:
    """Return the checkpoints of a run, the newest last."""
    found = (directory / _CHECKPOINTS).glob("*")
    return sorted(path for path in found if path.is_dir() and path.name.isdecimal())


def _newest(directory: Path) -> Checkpoint | None:
    for unfinished in (directory / _CHECKPOINTS).glob("*.new"):
        shutil.rmtree(unfinished)
    found = _checkpoints(directory)
    if not found:
        return None
    try:
        facts = checkpoint.load(found[-1])
        digests.check(directory / CONFIG_FILE, facts.get("config"))
        for name, said in _events_of(facts).items():
            digests.check(directory / name, said, may_be_longer=True)
    except ValueError as error:
        before = f"from {found[-2]}" if len(found) > 1 else "from its beginning"
        raise ValueError(f"{error}; remove {found[-1]} to go on {before}") from None
    return Checkpoint(found[-1], facts)


def _events_of(facts: dict[str, Any]) -> dict[str, Any]:
    events = facts.get("events")
    if not isinstance(events, dict) or any(Path(name).name != name for name in events):
        raise ValueError("events: not names of files of the run")
    return events


def _cut_events(directory: Path, events: dict[str, Any]) -> None:
    """Cut the curves back to what a checkpoint describes."""
    for file in directory.glob(_EVENTS):
        if file.name in events:
            os.truncate(file, events[file.name]["size"])
        else:
            file.unlink()
    # TensorBoard reads files in the order of their names, which begin with the second.
    now = time.time()
    if any(name.startswith(_EVENTS.replace("*", str(int(now)))) for name in events):
        time.sleep(int(now) + 1 - now)
