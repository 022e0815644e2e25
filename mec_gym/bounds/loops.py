"""The relaxation of one slot after the other, compiled: links chosen, solved, and all checked."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym.bounds.interior_point import GAP, solve_links
from mec_gym.compiling import loop, loops_for
from mec_gym.kernels import kernel

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_NEAR = 20
"""So many links a device are tried first where there are more than twice as many servers."""

_TRIES = 4
"""Near links, those cheaper at their prices with them, all links, all without leaving any out."""

_DROP, _DROP_NEAR = 1e-6, 1e-9
"""Links are left out while the rest is solved, see `solve_links`; 0 where one of them mattered.

Of few links, as `_NEAR`, few can be left out, and what they save is less than another try.
"""


@loops_for
def relax_slots(formulas: str) -> Any:
    """Return the loop that writes the bound and the prices of each slot."""

    @loop
    def over_slots(
        link_cost: Any,
        size: Any,
        server_hz: Any,
        capacity: Any,
        total_cost: Any,
        price: Any,
        charge: Any,
    ) -> None:
        assert formulas
        for slot in range(len(total_cost)):
            total_cost[slot] = relax_slot(
                link_cost[slot],
                size[slot],
                server_hz[slot],
                capacity[slot],
                price[slot],
                charge[slot],
            )

    return over_slots


@kernel
def dual_bound(
    link_cost: FloatArray,
    size: FloatArray,
    server_hz: FloatArray,
    capacity: IntArray,
    price: FloatArray,
    charge: FloatArray,
) -> float:
    """Return what prices prove of a slot's cost by weak duality, rounded down, seconds.

    As L^2 / F >= p L - p^2 F / 4 for any p, and at most M_n^max tasks pay a charge k_n >= 0, every
    feasible assignment costs at least
    sum over m of min over n of (a_mn + p_n q_m + k_n) - sum of k_n M_n^max
    - sum of p_n^2 F_n / 4.
    """
    num_devices, num_servers = link_cost.shape
    charged: float = 0.0
    refund: float = 0.0
    for device in range(num_devices):
        least = np.inf
        for server in range(num_servers):
            if capacity[server] > 0:
                paid = link_cost[device, server] + size[device] * price[server] + charge[server]
                least = min(least, paid)
        charged += least
    for server in range(num_servers):
        refund += charge[server] * capacity[server]
        if price[server] > 0:
            refund += price[server] ** 2 * server_hz[server] / 4
    # Room for the rounding of these sums, of a cost that is compared with them, and of an excess
    # that is added to them.
    rounding: float = (
        4 * (num_devices + num_servers + 8) * np.finfo(np.float64).eps * (charged + refund)
    )
    return charged - refund - rounding


@kernel
def relax_slot(
    link_cost: FloatArray,
    size: FloatArray,
    server_hz: FloatArray,
    capacity: IntArray,
    price: FloatArray,
    charge: FloatArray,
) -> float:
    """Write the prices of one slot and return the bound on its cost that they prove, seconds.

    The bound is over all links, whichever were left out on the way.
    """
    num_devices, num_servers = link_cost.shape
    kept = near_links(link_cost, capacity)
    drop = _DROP if num_servers <= 2 * _NEAR else _DROP_NEAR
    best = -np.inf
    best_price, best_charge = np.zeros(num_servers), np.zeros(num_servers)
    for attempt in range(_TRIES):
        first, server = np.zeros(num_devices + 1, np.int64), np.empty(kept.size, np.int64)
        cost, link = np.empty(kept.size), 0
        for device in range(num_devices):
            for n in range(num_servers):
                if kept[device, n]:
                    server[link], cost[link] = n, link_cost[device, n]
                    link += 1
            first[device + 1] = link
        found = solve_links(
            first, server[:link], cost[:link], size, server_hz, capacity, price, charge, drop
        )
        bound = dual_bound(link_cost, size, server_hz, capacity, price, charge)
        if bound > best:
            best = bound
            for n in range(num_servers):
                best_price[n], best_charge[n] = price[n], charge[n]
        if not found - best > GAP * abs(found):
            break
        if not take_back(link_cost, size, capacity, price, charge, attempt > 0, kept):
            if drop == 0.0:
                break
            drop = 0.0  # a link that was left out on the way matters
    for n in range(num_servers):
        price[n], charge[n] = best_price[n], best_charge[n]
    return best


@kernel
def near_links(link_cost: FloatArray, capacity: IntArray) -> Any:
    """Return which links a slot's relaxation is first solved over, (M, N).

    All that a task may take, but of very many servers about `_NEAR` links of least cost.
    """
    num_devices, num_servers = link_cost.shape
    kept = np.empty((num_devices, num_servers), np.bool_)
    cost, least = np.empty(num_servers), np.empty(_NEAR)
    for device in range(num_devices):
        for server in range(num_servers):
            cost[server] = link_cost[device, server] if capacity[server] > 0 else np.inf
        most = np.inf
        if num_servers > 2 * _NEAR:
            most = _least(cost, least)
        for server in range(num_servers):
            kept[device, server] = cost[server] <= most and cost[server] < np.inf
    return kept


@kernel
def _least(numbers: FloatArray, room: FloatArray) -> float:
    """Return the K-th least of some numbers; `room` (K,) is for the least so far, in order.

    NumPy's partition takes longer to compile than all the rest.
    """
    last = len(room) - 1
    for place in range(len(room)):
        room[place] = np.inf
    for number in numbers:
        place = last
        if number >= room[last]:
            continue
        while place > 0 and room[place - 1] > number:
            room[place] = room[place - 1]
            place -= 1
        room[place] = number
    return float(room[last])


@kernel
def take_back(
    link_cost: FloatArray,
    size: FloatArray,
    capacity: IntArray,
    price: FloatArray,
    charge: FloatArray,
    every: bool,
    kept: Any,
) -> bool:
    """Keep each link that costs less than all those kept of its device at some prices, or all.

    Returns whether there is one.
    """
    found = False
    num_devices, num_servers = link_cost.shape
    for device in range(num_devices):
        least = np.inf
        for server in range(num_servers):
            if kept[device, server]:
                paid = link_cost[device, server] + size[device] * price[server] + charge[server]
                least = min(least, paid)
        for server in range(num_servers):
            if kept[device, server] or capacity[server] == 0 or link_cost[device, server] == np.inf:
                continue
            paid = link_cost[device, server] + size[device] * price[server] + charge[server]
            if every or paid < least:
                kept[device, server] = found = True
    return found
