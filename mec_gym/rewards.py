"""What a decision costs, by name.

A cost takes the state before the decision and the chosen server, and returns seconds; the reward
is its negative, less the penalty for a server that is already full.
"""

from collections.abc import Callable

import numpy as np

from mec_gym import system
from mec_gym.mdp import Server, State
from mec_gym.system import Real

Cost = Callable[[State, Server], Real]


def paper(state: State, server: Server) -> Real:
    """Return the delay of the task on equal CPU shares, the bracket of Eq. (13)."""
    place = state.place(server)
    return system.equal_share_delay(
        state.instance.tx_delay[state.link(server)],
        state.instance.task_cycles[state.task()],
        state.instance.server_hz[place],
        state.load[place],
    )


def delay(state: State, server: Server) -> Real:
    """Return the rise in the total delay under Eq. (20); over a slot it sums to M D."""
    place = state.place(server)
    return system.delay_rise(
        state.instance.tx_delay[state.link(server)],
        state.sqrt_cycles[state.task()],
        state.instance.server_hz[place],
        state.sqrt_load[place],
    )


REWARDS: dict[str, Cost] = {"paper": paper, "delay": delay}
"""The costs by name; a new one is a function and an entry here."""


def reward(cost: Cost, state: State, server: Server, overload_penalty: np.float64) -> Real:
    """Return the reward of a decision: minus its cost, less lambda on overload; Eq. (13).

    `overload_penalty` is NumPy's float because NumPy multiplies a Python float by one boolean ten
    times slower.
    """
    place = state.place(server)
    overload = state.load[place] >= state.instance.capacity[place]
    return -cost(state, server) - overload_penalty * overload
