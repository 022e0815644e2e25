"""The relaxation's dual made smooth: what regions add to it, and Newton's steps on their sum."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_MOST_STEPS = 30

_MOST_HALVINGS = 12

_TO_ZERO = 0.95
"""A step goes at most this share of the way to a charge of 0."""

_RIDGE, _FLOOR = 1e-13, 1e-300
"""What is added to the diagonal of Newton's equations: relatively, and where it is 0."""


class Smoothed(NamedTuple):
    """What some devices add to the smooth dual and its derivatives, with n servers in reach.

    Attributes:
        servers: those in reach, (n,), in ascending order.
        value: the sum over devices of -mu log(sum of exp(-(a + q p + k) / mu)), seconds.
        slope: by p, then by k, (2 n,): expected load, sqrt(cycles), and number of devices.
        bend: minus the second derivatives, (2 n, 2 n).
    """

    servers: IntArray
    value: float
    slope: FloatArray
    bend: FloatArray


def maximise(
    ask: Callable[[FloatArray, FloatArray, float], list[Smoothed]],
    server_hz: FloatArray,
    places: IntArray,
    num_devices: int,
    price: FloatArray,
    charge: FloatArray,
    mu: float,
    worth: float,
) -> tuple[FloatArray, FloatArray, bool]:
    """Return the prices and charges, (N,) each, of the greatest smooth dual; whether it is found.

    The dual is the sum of the parts, less p^2 F / 4 and k times the places of each server; a
    barrier, mu log(k), keeps charges positive where there are places to spare.

    Args:
        ask: gives the parts at (price, charge, mu).
        server_hz: F, (N,), cycles/s; inf: not shared, without a price.
        places: (N,), at most M each; M: without a charge.
        num_devices: M.
        price: p to begin with, (N,), s / sqrt(cycle).
        charge: k to begin with, (N,), seconds, above 0.
        mu: how smooth, seconds.
        worth: seconds; the dual is found when a step gains no more.
    """
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    num_servers = len(server_hz)
    shared, charged = np.isfinite(server_hz), (places > 0) & (places < num_devices)
    # Without places to spare charges may have either sign.
    barred = charged & bool(places.sum() > num_devices)
    quarter_hz = np.where(shared, server_hz, 0.0) / 4
    moves = np.concatenate([shared & (places > 0), charged])

    def value_at(point: FloatArray) -> tuple[float, list[Smoothed]]:
        p, k = point[:num_servers], point[num_servers:]
        parts = ask(p, k, mu)
        held = (p**2) @ quarter_hz + k[charged] @ places[charged] - mu * np.log(k[barred]).sum()
        return sum(part.value for part in parts) - float(held), parts

    point = np.where(moves, np.concatenate([price, charge]), 0.0)
    value, parts = value_at(point)
    for _ in range(_MOST_STEPS):
        slope, bend = np.zeros(2 * num_servers), np.zeros((2 * num_servers, 2 * num_servers))
        for part in parts:
            where = np.concatenate([part.servers, part.servers + num_servers])
            slope[where] += part.slope
            bend[np.ix_(where, where)] += part.bend
        p, k = point[:num_servers], point[num_servers:]
        slope -= np.concatenate([2 * quarter_hz * p, places])
        diagonal = np.concatenate([2 * quarter_hz, np.zeros(num_servers)])
        where = np.flatnonzero(barred) + num_servers
        slope[where] += mu / k[barred]
        diagonal[where] += mu / k[barred] ** 2
        slope[~moves] = 0.0
        bend[~moves] = bend[:, ~moves] = 0.0
        diagonal[~moves] = 1.0
        rows = np.arange(2 * num_servers)
        bend[rows, rows] = (bend[rows, rows] + diagonal) * (1 + _RIDGE) + _FLOOR
        try:
            step = cho_solve(cho_factor(bend, lower=True, overwrite_a=True), slope)
        except LinAlgError:  # rounding has left no sign to a pivot
            break
        gain = float(slope @ step)
        if gain <= worth:
            return p, k, True
        fall = float(np.max(-step[num_servers:][barred] / k[barred], initial=0.0))
        length = min(1.0, _TO_ZERO / fall) if fall > 0 else 1.0
        for _ in range(_MOST_HALVINGS):
            tried, new = value_at(point + length * step)
            if tried >= value + 0.1 * length * gain:
                break
            length /= 2
        else:
            break
        point, value, parts = point + length * step, tried, new
    return point[:num_servers], point[num_servers:], False
