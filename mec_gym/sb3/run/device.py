"""The device that updates run on: whether it is there, and whether it pays."""

from collections.abc import Callable
from time import perf_counter

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from mec_gym.sb3.agent.dqn import LossDQN
from mec_gym.sb3.agent.replay import Minibatch
from mec_gym.sb3.run.config import TrainConfig

_CHUNKS = 5
"""So many times a chunk of updates is timed; the least counts."""


def check(config: TrainConfig) -> None:
    """Check that the device of a configuration is there.

    Raises:
        ValueError: it is not.
    """
    if config.device == "cuda" and not torch.cuda.is_available():
        built = "sees no GPU" if torch.version.cuda else "is built without CUDA"
        raise ValueError(
            f"device: 'cuda' is not there: PyTorch {torch.__version__} {built}; set device cpu, or"
            " install a PyTorch for your GPU (pytorch.org)"
        )


def verdict(config: TrainConfig, make: Callable[[TrainConfig], LossDQN]) -> str:
    """Return in one line how long an update takes on the device and on the CPU.

    Args:
        config: of the run.
        make: returns the DQN of a configuration, whose updates are timed.
    """
    torch.set_num_threads(config.threads)
    with threadpool_limits(config.threads):
        there, here = (
            seconds(make(each), config.updates_at_once, config.batch_size)
            for each in (config, config.replace(device="cpu"))
        )
    took = (
        f"device: an update of {config.batch_size} transitions, {config.updates_at_once} at once,"
        f" takes {1e3 * there:.3g} ms on {config.device} and {1e3 * here:.3g} ms on the CPU"
    )
    if there < here:
        return f"{took}: it pays"
    return f"{took}: it does not pay; leave device out, or raise batch_size or updates_at_once"


def seconds(model: LossDQN, updates: int, batch_size: int) -> float:
    """Return how long an update takes, and change the parameters of the model."""
    shape = model.observation_space.shape or ()
    seen = np.resize(model.environment.reset(), (updates * batch_size, *shape))
    zeros = np.zeros(len(seen), dtype=np.float32)
    batch = Minibatch(seen, zeros.astype(np.int64), seen, zeros, zeros)
    model.descend(batch, batch_size)  # compiles, or fills caches
    took = []
    for _ in range(_CHUNKS):
        start = perf_counter()
        model.descend(batch, batch_size)
        took.append(perf_counter() - start)
    return min(took) / updates
