"""A training run as a piece of work: its result is the packed run directory."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mec_gym import plausibility
from mec_gym.io.digests import MANIFEST_FILE, read_manifest
from mec_gym.jobs import archives
from mec_gym.jobs.pieces import Piece
from mec_gym.policies.trained import TrainedPolicy, files_of, from_files
from mec_gym.sb3.run.config import TrainConfig


def training(
    name: str,
    config: TrainConfig,
    start_from: TrainedPolicy | None = None,
    imports: tuple[str, ...] = (),
    **hints: Any,
) -> Piece:
    """Return the piece that trains a run.

    Args:
        name: of the piece.
        config: of the run.
        start_from: the policy whose weights it begins with.
        imports: modules of a user's own that the configuration names.
        **hints: `checkpoint_seconds`, as `train` takes it.
    """
    settings = {"config": config.model_dump(mode="json", exclude_none=True)}
    weight = float(config.episodes * config.scenario.num_decisions)
    inputs = {} if start_from is None else files_of(start_from)
    return Piece(name, f"{__name__}:train_run", settings, inputs, hints, weight, imports)


def train_run(settings: Mapping[str, Any], inputs: Mapping[str, bytes], workplace: Path) -> bytes:
    """Train a run, from its newest checkpoint where the workplace has one; return it packed.

    Raises:
        InterruptedError: it was cut short.
        ValueError: what an earlier start left is damaged; the message has the remedy.
        FloatingPointError: loss or weights are no longer finite numbers.
    """
    from mec_gym.sb3.run.directory import CONFIG_FILE, wait_until_free
    from mec_gym.sb3.run.training import CHECKPOINT_SECONDS, train  # torch

    directory = workplace / "run"
    wait_until_free(directory)
    begun = (directory / CONFIG_FILE).exists()
    if not (begun and is_finished(directory)):
        with plausibility.quiet():  # who ordered it has been warned
            config = TrainConfig(**settings["config"])
        done = train(
            config,
            directory,
            progress=False,
            start_from=from_files(inputs) if inputs and not begun else None,
            resume=begun,
            checkpoint_seconds=settings.get("checkpoint_seconds", CHECKPOINT_SECONDS),
        )
        if done.interrupted:
            raise InterruptedError("cut short")
    return archives.pack(directory, lambda path: path.name != ".lock")


def is_finished(directory: Path) -> bool:
    """Return whether a run's manifest says that nothing is left to train.

    Raises:
        ValueError: a file is damaged.
    """
    return (directory / MANIFEST_FILE).exists() and read_manifest(directory)["finished"] is True
