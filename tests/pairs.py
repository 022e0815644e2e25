"""Observations and rewards together, each of which is a loop that has to be compiled.

Neither knows of the other: each observation is there with one reward, each reward with one
observation; and the two of which something is worked out once a slot are there with each other.
"""

from mec_gym.observations import OBSERVATIONS
from mec_gym.rewards import REWARDS

BOTH_PREPARED = "prices", "regret-prices"
PAIRS = [
    (observation, reward)
    for observation in sorted(OBSERVATIONS)
    for reward in sorted(REWARDS)
    if observation == "paper" or reward == "delay" or (observation, reward) == BOTH_PREPARED
]
