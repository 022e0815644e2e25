"""Slots played step by step."""

import numpy as np
from slots import slot_by_hand

from mec_gym import Scenario


def play(env, actions):
    """Play a slot out; return what each step gave."""
    return [env.step(action) for action in actions]


def digest(steps):
    """Everything a list of steps gave, as bytes and plain values."""
    return [
        (
            observation.tobytes(),
            reward,
            terminated,
            truncated,
            {key: np.asarray(value).tobytes() for key, value in info.items()},
        )
        for observation, reward, terminated, truncated, info in steps
    ]


def tiny():
    """A scenario and a slot of it with every rate a whole number of Mbit/s."""
    scenario = Scenario(
        num_devices=3,
        num_servers=2,
        capacity=(1, 2),
        task_bits=(2e5, 5e5),
        task_cycles=(4e8, 2e9),
        servers="listed",
        server_hz=(4e9, 8e9),
        channel={"kind": "uniform", "gain": (0.01, 2.0)},
    )
    return scenario, slot_by_hand()
