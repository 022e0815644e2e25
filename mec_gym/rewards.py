"""What a decision costs, by name.

A cost takes slots before the decision and where in them it finds its link, task and place (see
`mec_gym.mdp`), and returns seconds; the reward is its negative, less the penalty for a server that
is already full.
"""

from collections.abc import Callable

from mec_gym import system
from mec_gym.mdp import Index, Slots, State
from mec_gym.system import Real

Cost = Callable[[Slots, Index, Index, Index], Real]


def paper(slots: Slots, link: Index, task: Index, place: Index) -> Real:
    """Return the delay of the task on equal CPU shares, the bracket of Eq. (13)."""
    return system.equal_share_delay(
        slots.tx_delay[link], slots.task_cycles[task], slots.server_hz[place], slots.load[place]
    )


def delay(slots: Slots, link: Index, task: Index, place: Index) -> Real:
    """Return the rise in the total delay under Eq. (20); over a slot it sums to M D."""
    return system.delay_rise(
        slots.tx_delay[link],
        slots.sqrt_cycles[task],
        slots.server_hz[place],
        slots.sqrt_load[place],
    )


REWARDS: dict[str, Cost] = {"paper": paper, "delay": delay}
"""The costs by name; a new one is a function and an entry here."""


def reward(cost: Cost, state: State, server: Index, overload_penalty: float) -> Real:
    """Return the reward of a decision: minus its cost, less lambda on overload; Eq. (13)."""
    slots, (link, task, place) = state.slots, state.at(server)
    return paid(slots, place, cost(slots, link, task, place), overload_penalty)


def paid(slots: Slots, place: Index, cost: Real, overload_penalty: float) -> Real:
    """Return minus the cost, less lambda where the server is already full; Eq. (13)."""
    return -cost - overload_penalty * (slots.load[place] >= slots.capacity[place])
