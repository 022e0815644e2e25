"""Table I as a plain Stable-Baselines3 script: `python benchmarks/stock_sb3.py EPISODES`."""

import sys

import gymnasium as gym
import torch
from stable_baselines3 import DQN

torch.set_num_threads(1)
episodes = int(sys.argv[1])
model = DQN(
    "MlpPolicy",
    gym.make("mec_gym:MEC-Offload-v0"),
    policy_kwargs={"net_arch": [128, 64]},
    buffer_size=100_000,
    batch_size=64,
    learning_rate=1e-3,
    gamma=0.95,
    learning_starts=63,
    train_freq=1,
    target_update_interval=100,
    exploration_fraction=0.5,
    exploration_final_eps=0.05,
    seed=0,
    device="cpu",
)
model.learn(episodes * 9)
