"""Table I for any DQN with Stable-Baselines3's interface: its settings, its time, its memory.

A step is one decision of one device; an update is one minibatch of 64. In chunks of k, k steps are
followed by k updates.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import tyro

from benchmarks import common

ID = "mec_gym:MEC-Offload-v0"
DEVICES = 9
HIDDEN = (128, 64)
STORED = 100_000


def settings(chunk: int) -> dict[str, Any]:
    """Return what a DQN is made with, beside its policy and environment."""
    return {
        "policy_kwargs": {"net_arch": list(HIDDEN)},
        "buffer_size": STORED,
        "batch_size": 64,
        "learning_rate": 1e-3,
        "gamma": 0.95,
        "learning_starts": 63,
        "train_freq": chunk,
        "gradient_steps": chunk,
        "target_update_interval": 100,
        "exploration_fraction": 0.5,
        "exploration_final_eps": 0.05,
        "seed": 0,
    }


def learn(model: Any, episodes: int) -> dict[str, float]:
    """Return the seconds of `learn`, and the updates in them."""
    before, start = model._n_updates, perf_counter()
    model.learn(episodes * DEVICES)
    return {"seconds": perf_counter() - start, "updates": model._n_updates - before}


def memory(make: Callable[[], Any]) -> dict[str, float]:
    """Return MB beyond the imports: of filling the replay buffer, and at most in all."""
    imported = common.resident()
    model = make()
    model.learn(1000)  # an update's own memory
    before, model.learning_starts = common.resident(), 2 * STORED
    model.learn(STORED)  # acts at random and learns nothing
    stored = common.resident() - before
    model.learning_starts = 0
    model.learn(500)
    return {"stored": stored, "peak": common.resident("VmHWM") - imported}


@dataclass(frozen=True)
class Arguments:
    episodes: tyro.conf.Positional[int]
    """Episodes of training."""
    chunk: tyro.conf.Positional[int] = 1
    """How many steps are played before as many updates are made."""
    memory: bool = False
    """Measure the memory, not the time."""


def main(make: Callable[[int, int], Any], warm_up: int = 0) -> None:
    """Print as JSON what a script measured of the DQN that `make` returns.

    Args:
        make: from episodes and the length of a chunk.
        warm_up: episodes learned before the time counts, for what compiles at first use.
    """
    given = tyro.cli(Arguments)
    if given.memory:
        print(json.dumps(memory(lambda: make(given.episodes, given.chunk))))
        return
    model = make(given.episodes, given.chunk)
    if warm_up:
        learn(model, warm_up)
    print(json.dumps(learn(model, given.episodes)))
