"""How well Table I is learned: a plain Stable-Baselines3 script and ours, on held-out slots.

`python -m benchmarks.heldout [--json FILE] [--episodes N]` takes some minutes. Each DQN learns from
each seed, then plays the same held-out slots greedily. Intervals are of the mean over seeds, 95%,
by Student's t; p is that of Welch's t-test of the seeds' mean delays against the plain script's.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from stable_baselines3 import DQN
from threadpoolctl import threadpool_limits

from benchmarks import common, table_i
from mec_gym import Instance, Scenario
from mec_gym.benchmark.comparison import Estimate
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.training import make_dqn
from mec_gym.solvers.exact import solve

SEEDS = range(5)
SLOTS, SLOTS_SEED = 500, 1_000_000


class Outcome(NamedTuple):
    """What the held-out slots came to, (SLOTS,): average delays, s, and which are feasible."""

    delay: NDArray[np.float64]
    feasible: NDArray[np.bool_]


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
def optimum() -> NDArray[np.float64]:
    """Return the proven optimum of each slot, (SLOTS,), s."""
    solution = solve(slots())
    assert solution.proven.all()
    return solution.average_delay


def play(model: DQN) -> Outcome:
    """Play the held-out slots greedily, all side by side."""
    env = gym.make_vec(table_i.ID, num_envs=SLOTS)
    observation, _ = env.reset(seed=0, options={"instance": slots()})
    ended = np.zeros(SLOTS, dtype=np.bool_)
    while not ended.any():
        actions, _ = model.predict(observation, deterministic=True)
        observation, _, ended, _, info = env.step(actions)
    return Outcome(info["final_info"]["average_delay"], info["final_info"]["feasible"])


def learned(name: str, episodes: int, found: dict[str, list[float]]) -> dict[str, float]:
    """Return the figures of one learner; its seeds' mean delays are left in `found`."""
    figures: dict[str, float] = {}
    played: list[Outcome] = []
    for seed in SEEDS:
        model = LEARNERS[name](episodes, seed)
        model.learn(episodes * table_i.DEVICES)
        played.append(play(model))
    delays = [float(outcome.delay.mean()) for outcome in played]
    gaps = [float(100 * (outcome.delay / optimum() - 1).mean()) for outcome in played]
    for what, values in (("mean delay, s", delays), ("above the optimum, %", gaps)):
        for seed, value in zip(SEEDS, values, strict=True):
            figures[f"{name}, seed {seed}: {what}"] = value
        mean = Estimate.of(values)
        figures |= {f"{name}: {what}": mean.mean, f"{name}: {what}, 95% +-": mean.ci95}
    figures[f"{name}: feasible slots, %"] = 100 * float(
        np.mean([outcome.feasible.mean() for outcome in played])
    )
    if name != "stock":
        test = stats.ttest_ind(delays, found["stock"], equal_var=False)
        figures[f"{name} against stock: Welch's p"] = float(test.pvalue)
    found[name] = delays
    return figures


if __name__ == "__main__":
    parser = common.command(__doc__)
    parser.add_argument("--episodes", type=int, default=4000, help="of training; Table I: 4000")
    given = parser.parse_args()
    torch.set_num_threads(1)
    threadpool_limits(1)
    kept: dict[str, list[float]] = {}
    common.report(
        {name: partial(learned, name, given.episodes, kept) for name in LEARNERS}, given.json
    )
