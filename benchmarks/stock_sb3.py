"""Table I as a plain Stable-Baselines3 script; `benchmarks.table_i` says what is printed.

`python -m benchmarks.stock_sb3 EPISODES [CHUNK] [--memory]`.
"""

import gymnasium as gym
import torch
from stable_baselines3 import DQN

from benchmarks import table_i


def make(episodes: int, chunk: int) -> DQN:
    """Return Stable-Baselines3's DQN, untrained."""
    torch.set_num_threads(1)
    env = gym.make(table_i.ID)
    return DQN("MlpPolicy", env, device="cpu", **table_i.settings(chunk))


if __name__ == "__main__":
    table_i.main(make)
