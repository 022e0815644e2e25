"""Table I with `mec_gym.sb3`, only the learning; `benchmarks.table_i` says what is printed.

`python -m benchmarks.our_dqn EPISODES [CHUNK] [--memory]`.
"""

import torch
from threadpoolctl import threadpool_limits

from benchmarks import table_i
from mec_gym.sb3.agent.dqn import LossDQN
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.training import make_dqn


def make(episodes: int, chunk: int) -> LossDQN:
    """Return our DQN, untrained."""
    config = TrainConfig(
        episodes=episodes, epsilon_episodes=max(1, episodes // 2), updates_at_once=chunk
    )
    torch.set_num_threads(config.threads)
    threadpool_limits(config.threads)
    return make_dqn(config)


if __name__ == "__main__":
    table_i.main(make, warm_up=40)  # compiles, or loads what was compiled
