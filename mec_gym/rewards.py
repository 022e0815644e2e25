"""What a decision costs, by name.

A cost takes slots before the decision and where in them it finds its link, task and place (see
`mec_gym.mdp`), and returns seconds; the reward is its negative, less the penalty for a server that
is already full.
"""

import math
from collections.abc import Callable

from mec_gym import bounds, equations
from mec_gym.equations import Real
from mec_gym.mdp import Index, Slots, State

Cost = Callable[[Slots, Index, Index, Index], Real]


def paper(slots: Slots, link: Index, task: Index, place: Index) -> Real:
    """Return the delay of the task on equal CPU shares, the bracket of Eq. (13)."""
    return equations.equal_share_delay(
        slots.tx_delay[link], slots.task_cycles[task], slots.server_hz[place], slots.load[place]
    )


def delay(slots: Slots, link: Index, task: Index, place: Index) -> Real:
    """Return the rise in the total delay under Eq. (20); over a slot it sums to M D."""
    return equations.delay_rise(
        slots.tx_delay[link],
        slots.sqrt_cycles[task],
        slots.server_hz[place],
        slots.sqrt_load[place],
    )


def regret(slots: Slots, link: Index, task: Index, place: Index) -> Real:
    """Return the rise in a lower bound on the total delay of any completion; of one slot only.

    The bound B fills what remains to compute up to the water level, capacity ignored, and sends
    each task still to come on its fastest link to a free server. Over a slot its rise sums to
    M D - B_0; it is at least 0 where the server has a free place.
    """
    first = place - place % slots.num_servers
    end = task - task % slots.num_devices + slots.num_devices  # of the slot's tasks
    remaining = 0.0
    for later in range(task + 1, end):
        remaining += slots.sqrt_cycles[later]
    joining = slots.sqrt_cycles[task]
    rise = slots.tx_delay[link] - cheapest(slots, task, first, -1)
    level = bounds.fill(
        slots.server_hz, slots.sqrt_load, first, slots.num_servers, joining + remaining, -1, 0.0
    )
    rise += computing_rise(slots, first, place, joining, remaining, level)
    if slots.load[place] + 1 == slots.capacity[place]:  # those to come cannot be sent there
        for later in range(task + 1, end):
            rise += cheapest(slots, later, first, place) - cheapest(slots, later, first, -1)
    return rise


def computing_rise(
    slots: Slots, first: int, place: int, joining: float, remaining: float, level: float
) -> float:
    """Return the rise in the bound on the total computation delay when a task joins a server.

    Args:
        slots: before the decision.
        first: where in them the slot's servers begin.
        place: the server joined.
        joining: sqrt(C) of the task.
        remaining: sum of sqrt(C) over those still to come after it.
        level: the water level before, `bounds.fill` with all of these to come.
    """
    hz, load, count = slots.server_hz, slots.sqrt_load, slots.num_servers
    if load[place] + joining <= level * hz[place]:
        return 0.0  # the server stays under water
    after = bounds.fill(hz, load, first, count, remaining, place, joining)
    rise = bounds.filled(hz, load, first, count, after, place, joining) - bounds.filled(
        hz, load, first, count, level, -1, 0.0
    )
    return max(rise, 0.0)  # less would be rounding


def cheapest(slots: Slots, task: int, first: int, closed: int) -> float:
    """Return the least transmission delay of a task to a free server, none of them `closed`."""
    least = math.inf
    for place in range(first, first + slots.num_servers):
        if slots.load[place] < slots.capacity[place] and place != closed:
            least = min(least, slots.tx_delay[task * slots.num_servers + place - first])
    return least if least < math.inf else 0.0


REWARDS: dict[str, Cost] = {"paper": paper, "delay": delay, "regret": regret}
"""The costs by name; a new one is a function and an entry here."""


def reward(cost: Cost, state: State, server: Index, overload_penalty: float) -> Real:
    """Return the reward of a decision: minus its cost, less lambda on overload; Eq. (13)."""
    slots, (link, task, place) = state.slots, state.at(server)
    return paid(slots, place, cost(slots, link, task, place), overload_penalty)


def paid(slots: Slots, place: Index, cost: Real, overload_penalty: float) -> Real:
    """Return minus the cost, less lambda where the server is already full; Eq. (13)."""
    return -cost - overload_penalty * (slots.load[place] >= slots.capacity[place])
