"""Run directories: what is in one, how it is begun, locked, resumed, ended and verified."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

import filelock

from mec_gym.io import digests
from mec_gym.io.files import replace_file, sync
from mec_gym.policies.trained import (
    POLICY_FILE,
    WEIGHTS_FILE,
    TrainedPolicy,
    load_policy,
    save_policy,
)
from mec_gym.sb3.run import checkpoint
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.own_parts import own_parts

CONFIG_FILE = "config.toml"
BEST = "best"
"""Directory of the policy of the best held-out evaluation; that of the run is the last one's."""

START = "start"
"""Directory of the policy whose weights the run began with, where it was given one."""

_CHECKPOINTS = "checkpoint"
_LOCK = ".lock"
_OWN_PARTS = "own_parts"
"""Fact of a manifest: what `own_parts` said when the run began; not there where it was nothing."""

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


def wait_until_free(directory: Path, seconds: float = 60.0) -> None:
    """Wait while another process holds a directory, which may be about to end; it is made.

    Raises:
        ValueError: it is still held after so many seconds.
    """
    directory.mkdir(parents=True, exist_ok=True)
    try:
        filelock.FileLock(directory / _LOCK, timeout=seconds).acquire().lock.release()
    except filelock.Timeout:
        raise ValueError(
            f"out: another process is training into {directory}; wait for it"
        ) from None


def check_new(directory: Path) -> None:
    """Check that a directory is empty, or not there.

    Raises:
        ValueError: it holds something.
    """
    if (directory / CONFIG_FILE).exists():
        raise ValueError(
            f"directory: {directory} is not empty but a run; train(..., resume=True) goes on with"
            " it, or give a new directory"
        )
    if directory.is_dir() and {path.name for path in directory.iterdir()} - _ONLY_BEGUN:
        raise ValueError(f"directory: {directory} is not empty; give a new directory")


def begin_run(directory: Path, config: TrainConfig, start: TrainedPolicy | None = None) -> None:
    """Write what a run has from its first moment: the configuration, and a manifest for it.

    Args:
        directory: of the run.
        config: of the run.
        start: the policy whose weights it begins with.

    Raises:
        ValueError: it cannot be written.
    """
    try:
        if start is not None:
            (directory / START).mkdir()
            save_policy(start, directory / START)
        replace_file(directory / CONFIG_FILE, config.to_toml().encode())
        _write_first_manifest(directory, own_parts(config))
    except OSError as error:
        raise ValueError(
            f"directory: cannot write {directory}: {error.strerror}; give another directory"
        ) from None


def _write_first_manifest(directory: Path, own: dict[str, str]) -> None:
    """Write the manifest of what stays as it is while a run goes on."""
    names = [CONFIG_FILE, *_policy_in(directory, START)]
    digests.write_manifest(directory, names, finished=False, **_facts_of(own))


def _facts_of(own: dict[str, str]) -> dict[str, Any]:
    return {_OWN_PARTS: own} if own else {}


def _policy_in(directory: Path, name: str) -> list[str]:
    """Return the files of a policy in a directory of a run; none where that is not there."""
    found = (directory / name).is_dir()
    return [f"{name}/{file}" for file in (POLICY_FILE, WEIGHTS_FILE)] if found else []


def start_of(directory: Path) -> TrainedPolicy | None:
    """Return the policy whose weights a run began with; None where it had none.

    Raises:
        ValueError: it is damaged.
    """
    return load_policy(directory / START) if (directory / START).is_dir() else None


def config_of(directory: Path) -> TrainConfig:
    """Return the configuration of a run.

    Raises:
        ValueError: the directory is not a run, or its configuration is damaged.
    """
    if not (directory / CONFIG_FILE).exists():
        of_seeds = any(directory.glob("seed-*")) or (directory / ".jobs").exists()
        remedy = (
            "the same command with --seeds goes on with what it holds"
            if of_seeds
            else "give a directory that `python -m train` made"
        )
        raise ValueError(f"resume: {directory} is not a run, it has no {CONFIG_FILE}; {remedy}")
    return TrainConfig.from_toml(directory / CONFIG_FILE)


def resume_run(directory: Path, config: TrainConfig) -> Checkpoint | None:
    """Bring a run back to its newest checkpoint and return that; None where there is none.

    Curves younger than the checkpoint are removed, and the best policy is the one it knew.

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
            f"resume: {directory} was begun with {differences}; leave these fields as they were, or"
            " begin a new run in another directory"
        )
    parts = own_parts(config)
    if (directory / digests.MANIFEST_FILE).exists():
        try:
            manifest = digests.read_manifest(directory)
            finished, before = manifest["finished"], manifest.get(_OWN_PARTS, {})
        except ValueError as error:
            raise ValueError(
                f"{error}; {directory / digests.MANIFEST_FILE} may be removed to go on from the"
                " newest checkpoint, which has a manifest of its own"
            ) from None
        if finished:
            raise ValueError(
                f"resume: {directory} is finished; nothing is left to train;"
                f" `python -m train {directory / CONFIG_FILE} --from {directory} --seed N` begins a"
                " new run with its weights, which takes it further"
            )
        if edited := [part for part, digest in before.items() if parts.get(part) != digest]:
            raise ValueError(
                f"resume: {directory} was begun with another {' and '.join(edited)}, whose source"
                " has been edited since; bring that back, or remove"
                f" {directory / digests.MANIFEST_FILE} to go on with the new one all the same"
            )
    _write_first_manifest(directory, parts)  # killed before there was one; or the rest will change
    newest = _newest(directory)
    _cut_events(directory, newest.facts["events"] if newest else {})
    _restore_best(directory, newest)
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
    for name in _events_in(directory):
        sync(directory / name)
        events[name] = digests.describe(directory / name)
    config = digests.describe(directory / CONFIG_FILE)
    best = {
        name.replace("/", "."): (directory / name).read_bytes()
        for name in _policy_in(directory, BEST)
    }
    checkpoint.save(model, path, best, config=config, events=events, **facts)
    for old in _checkpoints(directory)[:-keep]:
        shutil.rmtree(old)


def end_run(directory: Path, finished: bool) -> None:
    """Write the manifest of all that a run leaves; a finished run needs no checkpoint any more.

    Raises:
        OSError: it cannot be written.
    """
    names = [CONFIG_FILE, POLICY_FILE, WEIGHTS_FILE]
    for policy in (START, BEST):
        names += _policy_in(directory, policy)
    names += _events_in(directory)
    own = digests.read_manifest_alone(directory).get(_OWN_PARTS, {})
    digests.write_manifest(directory, names, finished=finished, **_facts_of(own))
    if finished:
        shutil.rmtree(directory / _CHECKPOINTS, ignore_errors=True)


def verify(directory: Path) -> int:
    """Check every file of a run, and return how many there are.

    Raises:
        ValueError: a file is missing or damaged; the message names it.
    """
    files = set(digests.read_manifest(directory)["files"])
    load_policy(directory)
    for policy in (START, BEST):
        if there := _policy_in(directory, policy):
            load_policy(directory / policy)
            files |= set(there)
    for path in _checkpoints(directory):
        facts = checkpoint.load(path)
        files |= {f"{path.name}/{name}" for name in (digests.MANIFEST_FILE, *facts["files"])}
        for name, said in _events_of(directory, facts).items():
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
        if not {f"{BEST}.{file}" for file in (POLICY_FILE, WEIGHTS_FILE)} <= facts["files"].keys():
            raise ValueError(f"{found[-1]}: it has no best policy; it is of an older version")
        digests.check(directory / CONFIG_FILE, facts.get("config"))
        for name, said in _events_of(directory, facts).items():
            digests.check(directory / name, said, may_be_longer=True)
    except ValueError as error:
        before = f"from {found[-2]}" if len(found) > 1 else "from its beginning"
        raise ValueError(f"{error}; remove {found[-1]} to go on {before}") from None
    return Checkpoint(found[-1], facts)


def _events_in(directory: Path) -> list[str]:
    """Return the event files of a run and its sub-runs, sorted, by their paths within it."""
    found = [*directory.glob(_EVENTS), *directory.glob(f"*/{_EVENTS}")]
    names = sorted(path.relative_to(directory).as_posix() for path in found)
    return [name for name in names if _is_events(directory, name)]


def _events_of(directory: Path, facts: dict[str, Any]) -> dict[str, Any]:
    events = facts.get("events")
    if not isinstance(events, dict) or not all(_is_events(directory, name) for name in events):
        raise ValueError("events: not names of files of the run")
    return events


def _is_events(directory: Path, name: str) -> bool:
    """Return whether a path is that of an event file in a run, links followed."""
    path = PurePosixPath(name)
    inside = (directory / path).resolve().is_relative_to(directory.resolve())
    return inside and len(path.parts) <= 2 and fnmatch(path.name, _EVENTS)


def _cut_events(directory: Path, events: dict[str, Any]) -> None:
    """Cut the curves back to what a checkpoint describes."""
    for name in _events_in(directory):
        if name in events:
            os.truncate(directory / name, events[name]["size"])
        else:
            (directory / name).unlink()
    # TensorBoard reads files in the order of their names, which begin with the second.
    now = time.time()
    begun_now = _EVENTS.replace("*", str(int(now)))
    if any(PurePosixPath(name).name.startswith(begun_now) for name in events):
        time.sleep(int(now) + 1 - now)


def _restore_best(directory: Path, newest: Checkpoint | None) -> None:
    """Bring back the best policy that a checkpoint knew; without one there is none yet.

    Raises:
        ValueError: what the checkpoint has is no policy.
    """
    if newest is None:
        shutil.rmtree(directory / BEST, ignore_errors=True)
        return
    (directory / BEST).mkdir(exist_ok=True)
    for file in (POLICY_FILE, WEIGHTS_FILE):
        replace_file(directory / BEST / file, (newest.path / f"{BEST}.{file}").read_bytes())
    load_policy(directory / BEST)
