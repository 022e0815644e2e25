"""Observations and rewards together: each observation with one reward, each reward with one."""

from mec_gym.observations import OBSERVATIONS
from mec_gym.rewards import REWARDS

PAIRS = [
    (observation, reward)
    for observation in sorted(OBSERVATIONS)
    for reward in sorted(REWARDS)
    # Neither knows of the other; each pair is a loop that has to be compiled.
    if observation == "paper" or reward == "delay"
]
