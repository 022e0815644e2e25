"""The water level of a partly assigned slot: how far its work still to come fills the servers.

Work is poured on the servers of the lowest L_n / F_n, up to one common level w: the least sum of
(L_n + y_n)^2 / F_n over splits y_n >= 0 of the work to come. This bounds the total computation
delay of any completion from below. It never falls as tasks are assigned, and is the exact delay
sum of L_n^2 / F_n under Eq. (20) when none remain. Capacity is ignored. Where a server shares no
CPU, F = inf, it takes all of that work for nothing, and the level is 0.
"""

import math
from collections.abc import Sequence

from mec_gym import equations
from mec_gym.kernels import kernel


@kernel
def water_level(
    server_hz: Sequence[float],
    sqrt_load: Sequence[float],
    remaining: float,
    joined: int = -1,
    joining: float = 0.0,
) -> float:
    """Return the level to which work still to come fills the servers, s / sqrt(cycle).

    Args:
        server_hz: CPU frequency F_n, (N,), cycles/s.
        sqrt_load: sum of sqrt(C) over the tasks already on each server L_n, (N,).
        remaining: sum of sqrt(C) over the tasks still to come.
        joined: a server that has one more task than `sqrt_load` says; -1: none.
        joining: sqrt(C) of that task.
    """
    level, before = math.inf, len(server_hz) + 1
    while True:  # leave out the servers that stand above the level, which lowers it
        load, speed, below = remaining, 0.0, 0
        for server in range(len(server_hz)):
            standing = sqrt_load[server] + (joining if server == joined else 0.0)
            if standing < level * server_hz[server]:
                load += standing
                speed += server_hz[server]
                below += 1
        if below == 0 or below >= before:  # more would be rounding
            return level
        level, before = load / speed, below


@kernel
def rise_at_level(
    server_hz: Sequence[float],
    sqrt_load: Sequence[float],
    remaining: float,
    joined: int,
    joining: float,
    level: float,
) -> float:
    """Return the rise in the bound on the total computation delay when a task joins a server, s.

    Arguments as for `water_level`, and `level`, the one before: `water_level` with `joining` and
    `remaining` to come.
    """
    if level == 0.0:  # and stays there: all else is computed for nothing
        alone: float = equations.delay_rise(0.0, joining, server_hz[joined], sqrt_load[joined])
        return alone
    if sqrt_load[joined] + joining <= level * server_hz[joined]:
        return 0.0  # the server stays under water
    after = water_level(server_hz, sqrt_load, remaining, joined, joining)
    delay_before = delay_after = 0.0  # of servers filled to either level
    for server in range(len(server_hz)):
        hz, standing = server_hz[server], sqrt_load[server]
        if hz == math.inf:
            continue
        filled = max(standing, level * hz)
        delay_before += filled * filled / hz
        filled = max(standing + (joining if server == joined else 0.0), after * hz)
        delay_after += filled * filled / hz
    return max(delay_after - delay_before, 0.0)  # less would be rounding
