"""How well Table I is learned: a plain Stable-Baselines3 script and ours, on held-out slots.

`python -m benchmarks.learning.against_sb3 [--json FILE] [--episodes N]` takes some minutes. Each
DQN learns from each seed, several side by side, then plays the same held-out slots greedily.
Intervals are of the mean over seeds, 95%, by Student's t; p is that of Welch's
t-test of the seeds' mean delays against the plain script's.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from stable_baselines3 import DQN

from benchmarks import common, table_i
from mec_gym import Instance, Scenario
from mec_gym.benchmark.comparison import Reference, find_reference, play
from mec_gym.commands.workers import Sharing
from mec_gym.estimates import Estimate
from mec_gym.jobs import Results, run
from mec_gym.jobs.on_ray import code_digest
from mec_gym.jobs.pieces import Piece
from mec_gym.policies import from_agent
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.training import make_dqn

MODULE = "benchmarks.learning.against_sb3"
FOLDER = Path("results/against-sb3")
SEEDS = range(5)
SLOTS, SLOTS_SEED = 500, 1_000_000


def stock(episodes: int, seed: int) -> DQN:
    """Return Stable-Baselines3's DQN, untrained; its loss is Huber's, its gradients are clipped."""
    settings = table_i.settings(1) | {"seed": seed, "max_grad_norm": 10}
    return DQN("MlpPolicy", gym.make(table_i.ID), device="cpu", **settings)


def ours(episodes: int, seed: int, **changes: object) -> DQN:
    """Return the DQN of our preset with some of its fields changed, untrained."""
    return make_dqn(
        TrainConfig.preset(
            "paper",
            episodes=episodes,
            epsilon_episodes=max(1, episodes // 2),
            seed=seed,
            **changes,
        )
    )


LEARNERS: dict[str, Callable[[int, int], DQN]] = {
    "stock": stock,
    "ours, Huber": partial(ours, loss="huber", max_grad_norm=10),
    "ours, preset": ours,
}


@cache
def slots() -> Instance:
    return Scenario.preset("paper").sample(SLOTS, SLOTS_SEED)


@cache
def optimum() -> Reference:
    """Return the proven optimum of each slot."""
    found = find_reference(slots(), time_limit=10)
    assert found.proven.all()
    return found


def assigned(settings: Mapping[str, Any], inputs: Mapping[str, bytes], workplace: Path) -> Any:
    """Return the server of each device of the slots, as one seed of a learner has learned it."""
    torch.set_num_threads(1)
    episodes = settings["episodes"]
    model = LEARNERS[settings["learner"]](episodes, settings["seed"])
    model.learn(episodes * table_i.DEVICES)
    return from_agent(model)(slots()).tolist()


def piece_of(name: str, episodes: int, seed: int) -> Piece:
    """Return the piece of one seed of a learner."""
    settings = {"learner": name, "episodes": episodes, "seed": seed, "code": code_digest()}
    return Piece(f"{name}, seed {seed}", f"{MODULE}:assigned", settings)


def learned(
    name: str, episodes: int, found: dict[str, NDArray[np.float64]], store: Results
) -> dict[str, float]:
    """Return the figures of one learner; its seeds' mean delays are left in `found`."""
    figures: dict[str, float] = {}
    players = []
    for seed in SEEDS:
        played = np.array(store.values(piece_of(name, episodes, seed)))
        players.append(lambda *_, played=played: played)
    (result,) = play({name: players}, slots(), reference=optimum())
    delays = result.average_delay.by_seed
    for what, values in (
        ("mean delay, s", delays),
        ("above the optimum, %", 100 * result.gap.by_seed),
    ):
        for seed, value in zip(SEEDS, values.tolist(), strict=True):
            figures[f"{name}, seed {seed}: {what}"] = value
        mean = Estimate.of(values)
        figures |= {f"{name}: {what}": mean.mean, f"{name}: {what}, 95% +-": mean.ci95}
    figures[f"{name}: feasible slots, %"] = 100 * result.feasible_rate
    if name != "stock":
        test = stats.ttest_ind(delays, found["stock"], equal_var=False)
        figures[f"{name} against stock: Welch's p"] = float(test.pvalue)
    found[name] = delays
    return figures


@dataclass(frozen=True)
class Arguments(Sharing):
    json: Path | None = None
    """File to write the figures to."""
    episodes: int = 4000
    """Episodes of training; Table I has 4000."""


if __name__ == "__main__":
    given = common.given(Arguments, __doc__)
    store, kept = Results(FOLDER), dict[str, NDArray[np.float64]]()
    pieces = [piece_of(name, given.episodes, seed) for name in LEARNERS for seed in SEEDS]
    failed = run(pieces, store, given.workers(), unit="run")
    if failed:
        sys.exit("; ".join(f"{name}: {reason}" for name, reason in failed.items()))
    common.report(
        {name: partial(learned, name, given.episodes, kept, store) for name in LEARNERS}, given.json
    )
