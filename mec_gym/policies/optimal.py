"""The optimum, proven: the convex relaxation, then every assignment that its prices leave open."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym import bounds, system
from mec_gym.instance import Instance
from mec_gym.policies.local_search import local_search

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

TOLERANCE = 1e-9
"""Proven means: no assignment has an average delay lower by more than this, relatively."""

_WIDENING = (1 / 8, 1 / 4, 1 / 2, 1.0)
"""Shares of the gap between the bound and local search that are searched, one after the other.

The work grows steeply with the share, and the optimum is mostly found in a small one.
"""

_NODES_AT_ONCE = 1_000_000
"""Nodes between two looks at the clock, about 20 ms."""


@dataclass(frozen=True, eq=False)
class Solution:
    """The best assignments found, and what is proven of them.

    Attributes:
        assignment: server of each device, (..., M); within capacity.
        average_delay: its average delay D, (...), seconds.
        lower_bound: never above the least average delay there is, (...), seconds.
        proven: whether the two differ by at most `TOLERANCE`, relatively, (...).
    """

    assignment: IntArray
    average_delay: FloatArray
    lower_bound: FloatArray
    proven: NDArray[np.bool_]


def optimal(instance: Instance, seed: int = 0) -> IntArray:
    """Return the best assignment that `solve` finds in its default time, (..., M).

    Raises:
        ValueError: a slot has fewer places than devices.
    """
    return solve(instance).assignment


def solve(instance: Instance, time_limit: float = 10.0) -> Solution:
    """Minimise the average delay within capacity, and prove it where the time allows.

    At the prices of the convex relaxation each assignment's delay is the bound plus terms that are
    all 0 or more (see `compiled.explore`), so those that can beat the local search are mostly few
    enough to enumerate.

    Args:
        instance: the slots.
        time_limit: seconds for each slot, after which it is left as it is, unproven.

    Raises:
        ValueError: a slot has fewer places than devices, or the time limit is not above 0.
    """
    if not time_limit > 0:
        raise ValueError(f"time_limit: {time_limit!r}; it must be above 0 seconds")
    relaxation = bounds.relax(instance)
    assignment = local_search(instance)
    slots, rows = instance.flatten(), assignment.reshape(-1, instance.num_devices)
    bound = relaxation.total_delay.reshape(-1) / instance.num_devices
    price, charge = (
        array.reshape(-1, instance.num_servers) for array in (relaxation.price, relaxation.charge)
    )
    _enumerate(slots, rows, bound, price, charge, time_limit)

    average_delay = system.average_delay(instance, assignment)
    # Two results for the same assignment may differ in the last digits.
    lower_bound = np.minimum(bound.reshape(average_delay.shape), average_delay)
    proven = average_delay - lower_bound <= TOLERANCE * average_delay
    return Solution(assignment, average_delay, lower_bound, np.asarray(proven))


def _enumerate(
    slots: Instance,
    assignment: IntArray,
    bound: FloatArray,
    price: FloatArray,
    charge: FloatArray,
    time_limit: float,
) -> None:
    """Improve the assignments (B, M) and raise the bounds (B,) on the average delay, in place."""
    from mec_gym.policies import compiled  # numba is slow to import

    num_devices = slots.num_devices
    target = price * slots.server_hz / 2
    tolerance = TOLERANCE / 2 * num_devices * np.maximum(bound, 0.0)
    gap = (system.average_delay(slots, assignment) - bound) * num_devices - tolerance
    tx_delay, sqrt_cycles, server_hz, capacity = compiled.slots_of(slots)

    def plant(row: int, share: float) -> tuple[Any, Any]:
        return compiled.plant(
            tx_delay[row],
            sqrt_cycles[row],
            capacity[row],
            price[row],
            charge[row],
            share * gap[row],
        )

    def explore(row: int, tree: Any, path: Any, nodes: int) -> None:
        compiled.explore(
            tree, path, server_hz[row], target[row], charge[row], tolerance[row], nodes
        )

    rows = np.flatnonzero(gap > 0).tolist()
    for row in rows[:1]:  # numba compiles at a first call: that is no slot's time
        tree, path = plant(row, 0.0)
        explore(row, tree, path, 0)
    for row in rows:
        relaxed = bound[row]
        deadline = time.monotonic() + time_limit
        for share in _WIDENING:
            tree, path = plant(row, share)
            while path.depth[0] >= 0 and time.monotonic() < deadline:
                explore(row, tree, path, _NODES_AT_ONCE)
            found = path.best[0] >= 0
            if found:
                assignment[row] = path.best
            if path.depth[0] >= 0:  # out of time
                break
            # Rounded down: where the prices prove little, the rounding is that of the excess.
            proven_excess = max(path.limit[0], 0.0) * (1 - TOLERANCE / 4)
            bound[row] = relaxed + proven_excess / num_devices
            if found:
                break
