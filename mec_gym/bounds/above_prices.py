"""How far a partly assigned slot is above the bound that prices prove, part by part.

For any prices p_n and charges k_n, both at least 0 and p_n = 0 where F_n = inf, a feasible
assignment costs more than the bound of `loops.dual_bound`, rounding left aside, by

    sum over m of (c_m,chosen - min over n of c_mn), where c_mn = a_mn + p_n q_m + k_n,
    + sum over n of (L_n - p_n F_n / 2)^2 / F_n, where F_n < inf,
    + sum over n of k_n (M_n^max - u_n),

as L^2 / F = p L - p^2 F / 4 + (L - p F / 2)^2 / F. No part is below 0. Of a partly assigned slot
each is replaced by the least that it can still become; what decisions leave to choose from only
shrinks, so none falls while servers have free places, and their rises add up to the parts in the
end less those at first, which are 0 at the best prices.
"""

import math
from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from mec_gym.kernels import kernel

Numbers = Sequence[float] | NDArray[Any]
"""Of each server, (N,): in plain Python or in compiled loops."""


@kernel
def load_level(
    server_hz: Numbers,
    price: Numbers,
    sqrt_load: Numbers,
    remaining: float,
    joined: int = -1,
    joining: float = 0.0,
) -> float:
    """Return the level w of the loads that come nearest to what prices plan, s / sqrt(cycle).

    The least of sum of (L_n + y_n - p_n F_n / 2)^2 / F_n over splits y_n >= 0 of the work to come
    has L_n + y_n - p_n F_n / 2 = max(L_n - p_n F_n / 2, w F_n). Where a server shares no CPU,
    F = inf, it may take any of that work, and w is at most 0.

    Args:
        server_hz: CPU frequency F_n, (N,), cycles/s.
        price: p_n, (N,), s / sqrt(cycle).
        sqrt_load: sum of q over the tasks already on each server L_n, (N,), sqrt(cycles).
        remaining: sum of q over the tasks still to come.
        joined: a server that has one more task than `sqrt_load` says; -1: none.
        joining: q of that task.
    """
    level, before, limit = math.inf, len(server_hz) + 1, math.inf
    while True:  # leave out the servers that stand above the level, which lowers it
        load, speed, below = remaining, 0.0, 0
        for server in range(len(server_hz)):
            hz = server_hz[server]
            if hz == math.inf:
                limit = 0.0
                continue
            standing = sqrt_load[server] - price[server] * hz / 2
            if server == joined:
                standing += joining
            if standing < level * hz:
                load += standing
                speed += hz
                below += 1
        if below == 0 or below >= before:  # more would be rounding
            return min(level, limit)
        level, before = load / speed, below


@kernel
def rise_of_loads(
    server_hz: Numbers,
    price: Numbers,
    sqrt_load: Numbers,
    remaining: float,
    joined: int,
    joining: float,
) -> float:
    """Return the rise in the least of the loads' part when a task joins a server, seconds.

    Arguments as for `load_level`; `remaining` is what is then still to come.
    """
    level = load_level(server_hz, price, sqrt_load, joining + remaining)
    rise: float = rise_of_loads_at_level(
        server_hz, price, sqrt_load, remaining, joined, joining, level
    )
    return rise


@kernel
def rise_of_loads_at_level(
    server_hz: Numbers,
    price: Numbers,
    sqrt_load: Numbers,
    remaining: float,
    joined: int,
    joining: float,
    level: float,
) -> float:
    """Return what `rise_of_loads` does, seconds, where the level before is known.

    Arguments as there, and `level`: `load_level` with `joining` and `remaining` to come.
    """
    after = load_level(server_hz, price, sqrt_load, remaining, joined, joining)
    rise = 0.0
    for server in range(len(server_hz)):
        hz = server_hz[server]
        if hz == math.inf:
            continue
        standing = sqrt_load[server] - price[server] * hz / 2
        filled = max(standing, level * hz)
        rise -= filled * filled / hz
        if server == joined:
            standing += joining
        filled = max(standing, after * hz)
        rise += filled * filled / hz
    return max(rise, 0.0)  # less would be rounding


@kernel
def rise_of_places(
    charge: Numbers,
    load: Numbers,
    capacity: Numbers,
    to_come: int,
    joined: int,
) -> float:
    """Return the rise in the least of the places' part when a task joins a server, seconds.

    At best the tasks to come take the free places of the greatest charges; a task that joins a
    server of a lesser one leaves the last of these places empty.

    Args:
        charge: k_n, (N,), seconds.
        load: tasks on each server u_n, (N,).
        capacity: places M_n^max, (N,).
        to_come: how many tasks are to come, that one among them.
        joined: the server.
    """
    last = least_charge_taken(charge, load, capacity, to_come)
    if last == math.inf:
        return 0.0
    rise = last - charge[joined]
    if load[joined] >= capacity[joined]:
        return rise
    return max(rise, 0.0)


@kernel
def least_charge_taken(charge: Numbers, load: Numbers, capacity: Numbers, to_come: int) -> float:
    """Return the least charge that tasks to come pay where they take the free places of the most.

    Arguments as for `rise_of_places`. inf where none come, or no place is free.
    """
    last, left = math.inf, to_come
    while left > 0:  # go down the charges until all tasks to come have a place
        following = -math.inf
        for server in range(len(charge)):
            if load[server] < capacity[server] and charge[server] < last:
                following = max(following, charge[server])
        if following == -math.inf:  # too few places
            break
        last = following
        for server in range(len(charge)):
            if load[server] < capacity[server] and charge[server] == last:
                left -= int(capacity[server] - load[server])
    return last
