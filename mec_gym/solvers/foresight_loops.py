"""Local search on slots in which work left over has a cost of its own: compiled loops."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym.compiling import loop, loops_for
from mec_gym.equations import delay_rise
from mec_gym.kernels import kernel

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_LEAST_GAIN = 1e-12
"""A move must gain this share of the total cost; less could be rounding, and go round for ever."""


@kernel
def later_cost(
    server: int,
    work: float,
    backlog: FloatArray,
    could: FloatArray,
    levels: FloatArray,
    later: FloatArray,
) -> float:
    """Return what the work left over on a server costs later, with so much put on it, seconds.

    Args:
        server: which; columns beside the servers leave nothing over.
        work: put on it in the slot, cycles.
        backlog: W_n, (N,), cycles.
        could: F_n tau, (N,), cycles: what each can do in the slot.
        levels: of work left over, rising from 0, (G,), in what the server does in a slot.
        later: what each level costs, (N, G), seconds; between two it is linear, and above the last
            as before it.
    """
    if server >= len(backlog):
        return 0.0
    left = (backlog[server] + work) / could[server] - 1
    if left <= 0:
        return 0.0
    above = 1
    while above < len(levels) - 1 and left > levels[above]:
        above += 1
    before = above - 1
    slope = (later[server, above] - later[server, before]) / (levels[above] - levels[before])
    return float(later[server, before] + slope * (left - levels[before]))


@kernel
def improve_slot(
    link_cost: FloatArray,
    size: FloatArray,
    server_hz: FloatArray,
    capacity: IntArray,
    cycles: FloatArray,
    backlog: FloatArray,
    could: FloatArray,
    levels: FloatArray,
    later: FloatArray,
    assignment: IntArray,
) -> None:
    """Improve the feasible assignment of one slot, in place, until no move and no swap does.

    What is to be least is its cost and `later_cost` of every server. The first four arguments are
    `Problem.numbers` of the slot.
    """
    num_devices, num_servers = link_cost.shape
    left = capacity.copy()
    load, work = np.zeros(num_servers), np.zeros(num_servers)
    total = 0.0
    for device in range(num_devices):
        server = assignment[device]
        total += delay_rise(
            link_cost[device, server], size[device], server_hz[server], load[server]
        )
        left[server] -= 1
        load[server] += size[device]
        work[server] += cycles[device]
    cost = np.zeros(num_servers)
    for server in range(num_servers):
        cost[server] = later_cost(server, work[server], backlog, could, levels, later)
        total += cost[server]
    least, device, unchanged = -_LEAST_GAIN * total, 0, 0
    while unchanged < num_devices:
        here, q, c = assignment[device], size[device], cycles[device]
        best_change, best_server, best_partner = least, -1, -1
        leaving = delay_rise(-link_cost[device, here], -q, server_hz[here], load[here])
        leaving += later_cost(here, work[here] - c, backlog, could, levels, later) - cost[here]
        for server in range(num_servers):
            if left[server] > 0 and server != here:
                change = leaving + delay_rise(
                    link_cost[device, server], q, server_hz[server], load[server]
                )
                if change < best_change:
                    change -= cost[server]
                    change += later_cost(server, work[server] + c, backlog, could, levels, later)
                    if change < best_change:
                        best_change, best_server, best_partner = change, server, -1
        for partner in range(num_devices):
            there = assignment[partner]
            if there == here:
                continue
            shift, moved = q - size[partner], c - cycles[partner]
            change = delay_rise(
                link_cost[device, there] - link_cost[device, here],
                shift,
                server_hz[there],
                load[there],
            ) + delay_rise(
                link_cost[partner, here] - link_cost[partner, there],
                -shift,
                server_hz[here],
                load[here],
            )
            change += later_cost(there, work[there] + moved, backlog, could, levels, later)
            change += later_cost(here, work[here] - moved, backlog, could, levels, later)
            change -= cost[there] + cost[here]
            if change < best_change:
                best_change, best_server, best_partner = change, there, partner
        unchanged += 1
        if best_server >= 0:
            unchanged = 0
            assignment[device] = best_server
            shift, moved = q, c
            if best_partner >= 0:
                assignment[best_partner] = here
                shift, moved = q - size[best_partner], c - cycles[best_partner]
            else:
                left[here] += 1
                left[best_server] -= 1
            for server, sign in ((here, -1), (best_server, 1)):
                load[server] += sign * shift
                work[server] += sign * moved
                cost[server] = later_cost(server, work[server], backlog, could, levels, later)
        device = (device + 1) % num_devices


@loops_for
def improving(formulas: str) -> Any:
    """Return the compiled loop over slots, see `improve` in it."""

    @loop
    def improve(
        link_cost: Any,
        size: Any,
        server_hz: Any,
        capacity: Any,
        cycles: Any,
        backlog: Any,
        could: Any,
        levels: Any,
        later: Any,
        assignment: Any,
    ) -> None:
        """Improve assignments (B, M) in place; all but `levels` have slots first."""
        assert formulas
        for slot in range(len(assignment)):
            improve_slot(
                link_cost[slot],
                size[slot],
                server_hz[slot],
                capacity[slot],
                cycles[slot],
                backlog[slot],
                could[slot],
                levels,
                later[slot],
                assignment[slot],
            )

    return improve
