"""The water level of a partly assigned slot: how far its work still to come fills the servers."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def fill(
    server_hz: Sequence[float],
    sqrt_load: Sequence[float],
    first: int,
    count: int,
    remaining: float,
    joined: int = -1,
    sqrt_cycles: float = 0.0,
) -> float:
    """Return the water level of `count` servers from entry `first` on, s / sqrt(cycle).

    `water_level` says what it is. Plain loops, for lists and to be compiled; `sqrt_cycles` more
    stand on the server at entry `joined`.
    """
    level, before = math.inf, count + 1
    while True:  # leave out the servers that stand above the level, which lowers it
        load, speed, below = remaining, 0.0, 0
        for place in range(first, first + count):
            standing = sqrt_load[place] + (sqrt_cycles if place == joined else 0.0)
            if standing < level * server_hz[place]:
                load += standing
                speed += server_hz[place]
                below += 1
        if below == 0 or below >= before:  # more would be rounding
            return level
        level, before = load / speed, below


def filled(
    server_hz: Sequence[float],
    sqrt_load: Sequence[float],
    first: int,
    count: int,
    level: float,
    joined: int = -1,
    sqrt_cycles: float = 0.0,
) -> float:
    """Return the total computation delay of servers filled to a level, seconds; see `fill`."""
    total = 0.0
    for place in range(first, first + count):
        standing = sqrt_load[place] + (sqrt_cycles if place == joined else 0.0)
        standing = max(standing, level * server_hz[place])
        total += standing * standing / server_hz[place]
    return total


def water_level(server_hz: FloatArray, sqrt_load: FloatArray, remaining: FloatArray) -> FloatArray:
    """Return the level to which work still to come fills the servers, (...), s / sqrt(cycle).

    Work is poured on the servers of the lowest L_n / F_n, up to one common level: the least
    sum of (L_n + y_n)^2 / F_n over splits y_n >= 0 with sum of y_n = `remaining`.

    Args:
        server_hz: CPU frequency F_n, (..., N), cycles/s.
        sqrt_load: sum of sqrt(C) over the tasks already on each server L_n, (..., N).
        remaining: sum of sqrt(C) over the tasks still to come, (...).
    """
    return _by_row(lambda hz, load, rest: fill(hz, load, 0, len(hz), rest))(
        server_hz, sqrt_load, remaining
    )


def computing_bound(
    server_hz: FloatArray, sqrt_load: FloatArray, remaining: FloatArray
) -> FloatArray:
    """Return a lower bound on the total computation delay of any completion, (...), seconds.

    Arguments as for `water_level`. It never falls as tasks are assigned, and is the exact delay
    sum of L_n^2 / F_n under Eq. (20) when none remain. Capacity is ignored.
    """
    return _by_row(
        lambda hz, load, rest: filled(hz, load, 0, len(hz), fill(hz, load, 0, len(hz), rest))
    )(server_hz, sqrt_load, remaining)


def _by_row(bound: Callable[..., float]) -> Callable[..., FloatArray]:
    """Return a function of F_n, L_n and the work to come of one slot for leading dimensions."""
    return np.vectorize(bound, otypes=[np.float64], signature="(n),(n),()->()")
