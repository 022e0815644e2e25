"""Whether memory stays flat over many decisions: `python -m benchmarks.soak [--decisions N]`.

A batch of `paper` is stepped on and on; what is printed at intervals is decisions a second and the
resident MB (Linux). It exits with 1 where memory at the end is more than 5 % above that after the
first tenth.
"""

import sys
import time
from dataclasses import dataclass

import gymnasium as gym
import numpy as np

from benchmarks import common
from benchmarks.environments import ID

COPIES = 1024
INTERVALS = 10
GROWTH = 1.05


def soak(decisions: int, copies: int = COPIES) -> list[float]:
    """Step a batch through so many decisions; return the resident MB after each tenth."""
    env = gym.make_vec(ID, num_envs=copies, scenario="paper-varied")
    env.reset(seed=0)
    actions = np.random.default_rng(0).integers(0, env.single_action_space.n, (50, copies))
    steps, held = -(-decisions // (copies * INTERVALS)), []
    for interval in range(INTERVALS):
        start = time.perf_counter()
        for step in range(steps):
            observation, reward, *_ = env.step(actions[step % len(actions)])
        rate = steps * copies / (time.perf_counter() - start)
        if not (np.isfinite(observation).all() and np.isfinite(reward).all()):
            raise ArithmeticError("an observation or a reward is not finite")
        held.append(common.resident())
        done = (interval + 1) * steps * copies
        print(f"{done:>13,} decisions  {rate:>12,.0f} a second  {held[-1]:.1f} MB", flush=True)
    return held


@dataclass(frozen=True)
class Arguments:
    decisions: int = 10**8
    """How many decisions to play."""


if __name__ == "__main__":
    first, *_, last = soak(common.given(Arguments, __doc__).decisions)
    print(f"memory grew by {last / first - 1:+.1%}; {GROWTH - 1:.0%} is allowed")
    sys.exit(last > GROWTH * first)
