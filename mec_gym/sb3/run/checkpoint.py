"""Checkpoints: all that a training goes on from, in files that cannot run code.

A checkpoint is a directory: the parameters and the optimiser's state in safetensors, the replay
buffer in npz, files of the caller's, and a manifest with their digests and the rest as JSON. It is
taken where an iteration of Stable-Baselines3's `learn` is complete, before the next step is played.
"""

from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
import torch
from numpy.typing import NDArray

from mec_gym.io import digests
from mec_gym.io.files import new_directory, read_npz
from mec_gym.sb3.agent.dqn import LossDQN

_NETWORKS = "networks.safetensors"
_REPLAY = "replay.npz"

_COUNTERS = {
    "num_timesteps": int,
    "_n_calls": int,
    "_n_updates": int,
    "_episode_num": int,
    "exploration_rate": float,
    "_current_progress_remaining": float,
}
"""Attributes of the model that are numbers."""

_STORED = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")
"""Arrays of the replay buffer, a row a step."""


def save(
    model: LossDQN, path: Path, files: Mapping[str, bytes] | None = None, **facts: Any
) -> None:
    """Write a checkpoint, which is there when it is whole and not before.

    Args:
        model: to save, between two iterations of `learn`.
        path: of the directory to make.
        files: to keep with it, their contents by name.
        **facts: JSON values to keep with it.

    Raises:
        FloatingPointError: a parameter is not a finite number.
        OSError: it cannot be written; there is then nothing at `path`.
    """
    model.require_finite()
    with new_directory(path) as new:
        (new / _NETWORKS).write_bytes(safetensors.numpy.save(_tensors(model)))
        with open(new / _REPLAY, "wb") as file:
            np.savez(file, allow_pickle=False, **_stored(model))
        for name, content in (files or {}).items():
            (new / name).write_bytes(content)
        names = (_NETWORKS, _REPLAY, *(files or {}))
        digests.write_manifest(new, names, state=_state(model), **facts)


def load(path: Path) -> dict[str, Any]:
    """Return the manifest of a checkpoint, whose files have been checked.

    Raises:
        ValueError: a file is missing or damaged; the message names it.
    """
    return digests.read_manifest(path)


def restore(model: LossDQN, path: Path, state: Any) -> None:
    """Make a new model, of the same configuration, the one that was saved.

    Args:
        model: with its logger set.
        path: of the checkpoint.
        state: the entry `state` of its manifest.

    Raises:
        ValueError: it is not a checkpoint of such a model.
    """
    try:
        _restore_tensors(model, safetensors.numpy.load((path / _NETWORKS).read_bytes()))
        _restore_replay(model, path / _REPLAY, state["replay"])
        _restore_state(model, state)
    except (
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        IndexError,
        OverflowError,
        safetensors.SafetensorError,
    ) as error:
        raise ValueError(f"{path}: not a checkpoint of this run: {error!r}") from None


def _tensors(model: LossDQN) -> dict[str, NDArray[Any]]:
    """Return both networks' parameters and what Adam keeps of them."""
    kept = model.policy.optimizer.state_dict()["state"].get(0, {})
    tensors = {f"optimizer.{name}": value for name, value in kept.items()}
    tensors |= {"online": model.flat.values, "target": model.flat_target.values}
    return {name: tensor.detach().numpy() for name, tensor in tensors.items()}


def _restore_tensors(model: LossDQN, arrays: dict[str, NDArray[Any]]) -> None:
    for name, network in (("online", model.flat), ("target", model.flat_target)):
        array, own = arrays.pop(name), network.values.detach().numpy()
        if array.shape != own.shape or array.dtype != own.dtype or not np.isfinite(array).all():
            raise ValueError(f"{name}: not {own.shape} finite numbers of {own.dtype}")
        own[...] = array  # in place: the layers are views
    optimizer = model.policy.optimizer
    kept = {
        name.removeprefix("optimizer."): torch.from_numpy(array.copy())
        for name, array in arrays.items()
    }
    if any(value.shape not in ((), model.flat.values.shape) for value in kept.values()):
        raise ValueError("optimizer: of another network")
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": {0: kept} if kept else {}, "param_groups": groups})


def _stored(model: LossDQN) -> dict[str, NDArray[Any]]:
    """Return the rows of the replay buffer that hold something."""
    buffer = model.replay_buffer
    assert buffer is not None  # made by DQN
    rows = buffer.buffer_size if buffer.full else buffer.pos
    return {name: getattr(buffer, name)[:rows] for name in _STORED}


def _restore_replay(model: LossDQN, path: Path, state: dict[str, Any]) -> None:
    buffer = model.replay_buffer
    assert buffer is not None  # made by DQN
    full, position = bool(state["full"]), int(state["pos"])
    if not 0 <= position < buffer.buffer_size:
        raise ValueError(f"replay: position {position} of {buffer.buffer_size}")
    rows = buffer.buffer_size if full else position
    arrays = read_npz(path, limit=sum(getattr(buffer, name).nbytes for name in _STORED) + 2**20)
    for name in _STORED:
        own, array = getattr(buffer, name), arrays[name]
        if array.shape != (rows, *own.shape[1:]) or array.dtype != own.dtype:
            raise ValueError(f"replay: {name} is {array.dtype} of shape {array.shape}")
        own[:rows] = array
    buffer.full, buffer.pos = full, position


def _state(model: LossDQN) -> dict[str, Any]:
    """Return all else as JSON values."""
    buffer, numbers = model.replay_buffer, np.random.get_state(legacy=False)  # noqa: NPY002
    assert buffer is not None  # made by DQN
    assert isinstance(numbers, dict)  # not legacy
    key = numbers["state"]["key"].tolist()
    logger = model.logger
    return {
        "counters": {name: kind(getattr(model, name)) for name, kind in _COUNTERS.items()},
        "replay": {"pos": int(buffer.pos), "full": bool(buffer.full)},
        "episodes": list(model.ep_info_buffer or ()),
        "numpy": numbers | {"state": numbers["state"] | {"key": key}},
        "action_space": model.action_space.np_random.bit_generator.state,
        "env": model.environment.state(),
        "logger": {
            name: [
                float(value),
                logger.name_to_count.get(name, 0),
                logger.name_to_excluded.get(name),
            ]
            for name, value in logger.name_to_value.items()
        },
    }


def _restore_state(model: LossDQN, state: dict[str, Any]) -> None:
    numbers = state["numpy"]
    key = np.array(numbers["state"]["key"], dtype=np.uint32)
    if not 0 <= numbers["state"]["pos"] <= len(key):
        raise ValueError("numpy: a position that its generator has not")
    counters = {name: kind(state["counters"][name]) for name, kind in _COUNTERS.items()}
    model._last_obs = model.environment.restore(state["env"])
    model.action_space.np_random.bit_generator.state = state["action_space"]
    np.random.set_state(numbers | {"state": numbers["state"] | {"key": key}})  # noqa: NPY002
    for name, value in counters.items():
        setattr(model, name, value)
    model.ep_info_buffer = deque(state["episodes"], maxlen=model._stats_window_size)
    model.ep_success_buffer = deque(maxlen=model._stats_window_size)
    logger = model.logger
    for name, (value, count, excluded) in state["logger"].items():
        logger.name_to_value[name] = float(value)
        logger.name_to_count[name] = int(count)
        if excluded is not None:
            logger.name_to_excluded[name] = tuple(excluded)
