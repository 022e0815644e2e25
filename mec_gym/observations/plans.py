"""What prices plan for the devices to come of a slot, worked out once for all its decisions."""

import math

import numpy as np
from numpy.typing import NDArray

from mec_gym.kernels import kernel
from mec_gym.observations.servers import squashed

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

OF_SLOT = 3
"""Rows of a plan before those of devices: prices, charges, units."""

OF_DEVICE = 5
"""Rows of a plan for each device: sizes, then four of each server."""

MOST_LOST = 10.0
"""Units of delay that a task to come loses at most where its best server is full."""

FARTHEST = 10.0
"""Tenths of a unit of delay; a link of a task to come that is farther counts as that."""


def shape(num_devices: int, num_servers: int) -> tuple[int, int]:
    """Return how many rows and columns a plan has."""
    return OF_SLOT + OF_DEVICE * num_devices, max(num_servers, 3)


@kernel
def write_plan(
    shown_cost: FloatArray,
    shown_size: FloatArray,
    hidden_cost: FloatArray,
    hidden_size: FloatArray,
    lookahead: int,
    server_hz: FloatArray,
    capacity: IntArray,
    prices: FloatArray,
    out: FloatArray,
) -> None:
    """Write what each device's decision needs to know of the devices after it.

    One that the device deciding sees counts as it is, over the samples of its links, one that it
    does not see as the mean over sampled tasks.

    Args:
        shown_cost: a_mn where the task is seen, (S, M, N), seconds.
        shown_size: q_m, (M,), sqrt(cycles).
        hidden_cost: a_mn of sampled tasks, (K, M, N).
        hidden_size: q_m of these, (K, M).
        lookahead: how many of the devices to come are seen.
        server_hz: F_n, (N,), cycles/s.
        capacity: places M_n^max, (N,).
        prices: p_n and k_n, (2, N).
        out: of `shape`: prices, charges and units, then `OF_DEVICE` rows for each device.
    """
    num_devices, num_servers = shown_cost.shape[1:]
    hides = lookahead < num_devices - 1
    for server in range(num_servers):
        out[0, server], out[1, server] = prices[0, server], prices[1, server]
    write_units(hidden_size.mean() if hides else shown_size.mean(), server_hz, out[2])
    entries = 2 + 4 * num_servers  # of each device, see `add_wishes`
    seen, unseen = np.zeros((num_devices, entries)), np.zeros((num_devices, entries))
    for device in range(num_devices):
        for sample in range(len(shown_cost)):
            add_wishes(
                shown_cost[sample, device],
                shown_size[device],
                capacity,
                prices,
                out[2, 0],
                1 / len(shown_cost),
                seen[device],
            )
        for sample in range(len(hidden_cost) if hides else 0):
            add_wishes(
                hidden_cost[sample, device],
                hidden_size[sample, device],
                capacity,
                prices,
                out[2, 0],
                1 / len(hidden_cost),
                unseen[device],
            )
    sampled = np.sort(hidden_size.copy().reshape(-1))
    in_sight, beyond = np.zeros(entries), np.zeros(entries)
    for device in range(num_devices - 1, -1, -1):
        to_come, end = num_devices - device - 1, min(device + lookahead + 1, num_devices)
        if end < num_devices:
            beyond += unseen[end]
        if hides:  # summed anew: nothing of what is out of sight may be left, were it rounding
            in_sight[:] = 0.0
            for later in range(device + 1, end):
                in_sight += seen[later]
        row = out[OF_SLOT + OF_DEVICE * device :]
        own, larger = shown_size[device], 0.0
        for later in range(device + 1, end):
            other = shown_size[later]
            larger += 1.0 if other > own else 0.5 if other == own else 0.0
        if end < num_devices:
            below = np.searchsorted(sampled, own)
            below += np.searchsorted(sampled, own, side="right")
            larger += (num_devices - end) * (1 - below / 2 / len(sampled))
        total, squares = in_sight[0] + beyond[0], in_sight[1] + beyond[1]
        write_sizes(to_come, total, squares, larger, out[2, 1], row[0])
        for part in range(4):
            for server in range(num_servers):
                entry = 2 + part * num_servers + server
                row[1 + part, server] = in_sight[entry] + beyond[entry]
        in_sight += seen[device]


@kernel
def write_units(unit_size: float, server_hz: FloatArray, out: FloatArray) -> None:
    """Write the units of delay, of size and of CPU frequency.

    Args:
        unit_size: the mean q, sqrt(cycles).
        server_hz: F_n, (N,), cycles/s.
        out: where they go first, a row of the plan.
    """
    total_hz, shared = 0.0, 0
    for server in range(len(server_hz)):
        if server_hz[server] < np.inf:
            total_hz += server_hz[server]
            shared += 1
    out[0] = unit_size * unit_size * shared / total_hz
    out[1], out[2] = unit_size, total_hz / shared


@kernel
def write_sizes(
    to_come: int, total: float, squares: float, larger: float, unit_size: float, out: FloatArray
) -> None:
    """Write the mean q of the devices to come, its deviation, and the share that has a larger q.

    Args:
        to_come: how many devices.
        total: the sum of their q.
        squares: the sum of q^2.
        larger: how many have a larger q, those of the same half.
        unit_size: stands for the mean where none is to come.
        out: where they go first, a row of the plan.
    """
    out[0], out[1], out[2] = unit_size, 0.0, 0.0
    if to_come > 0:
        mean, square = total / to_come, squares / to_come
        out[0], out[2] = mean, larger / to_come
        out[1] = math.sqrt(max(square - mean * mean, 0.0))


@kernel
def add_wishes(
    link_cost: FloatArray,
    size: float,
    capacity: IntArray,
    prices: FloatArray,
    unit_delay: float,
    weight: float,
    total: FloatArray,
) -> None:
    """Add to totals what one task, of a weight, means for the servers at their prices.

    That is q and q^2; then how far each server is above its best, in tenths of the unit and
    squashed; 1 and q for its best; and what it loses where that one is full.
    """
    num_servers = len(link_cost)
    least = second = np.inf
    best = -1
    for server in range(num_servers):
        if capacity[server] > 0:
            paid = link_cost[server] + prices[0, server] * size + prices[1, server]
            if paid < least:
                second, least, best = least, paid, server
            elif paid < second:
                second = paid
    total[0] += weight * size
    total[1] += weight * size * size
    if best < 0:  # nothing is allowed
        return
    for server in range(num_servers):
        above = np.inf
        if capacity[server] > 0:
            paid = link_cost[server] + prices[0, server] * size + prices[1, server]
            above = 10 * (paid - least) / unit_delay
        far = min(above, FARTHEST)
        total[2 + server] += weight * squashed(far)
    total[2 + num_servers + best] += weight
    total[2 + 2 * num_servers + best] += weight * size
    lost = min((second - least) / unit_delay, MOST_LOST)
    total[2 + 3 * num_servers + best] += weight * lost
