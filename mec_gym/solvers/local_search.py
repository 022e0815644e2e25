"""Local search: moves and swaps from the least-delay start, until none helps."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym import system
from mec_gym.compiling import loop, loops_for
from mec_gym.equations import delay_rise
from mec_gym.instance import Instance
from mec_gym.kernels import kernel
from mec_gym.problem import Problem

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_LEAST_GAIN = 1e-12
"""A move must gain this share of the total cost; less could be rounding, and go round for ever."""


def local_search(instance: Instance | Problem, seed: int = 0) -> IntArray:
    """Return an assignment that no move of a device and no swap of two improves, (..., M).

    It starts as `least_delay` does, but with the heaviest task first, and keeps to capacity and
    to allowed links.

    Raises:
        ValueError: a slot has no feasible assignment.
    """
    problem = Problem.of(instance)
    problem.require_feasible()
    slots = problem.flatten()
    assignment = np.full(slots.size.shape, -1)
    _descend()(*slots.numbers(), assignment)
    stuck = np.flatnonzero((assignment < 0).any(axis=-1))
    if len(stuck):  # the first devices have left the last ones nothing that they may use
        started = np.stack([matched(slots[slot]) for slot in stuck.tolist()])
        _improve()(*slots[stuck].numbers(), started)
        assignment[stuck] = started
    return assignment.reshape(problem.size.shape)


def polish(instance: Instance | Problem, assignment: IntArray) -> IntArray:
    """Return what local search makes of an assignment, (..., M); never worse.

    Slots whose assignment is not feasible are left as they are.
    """
    problem = Problem.of(instance)
    checked = system.check_assignment(problem, assignment)
    polished = checked.reshape(-1, problem.num_devices)
    slots = problem.flatten()
    feasible = np.flatnonzero(slots.is_feasible(polished))
    if len(feasible):
        part = polished[feasible]
        _improve()(*slots[feasible].numbers(), part)
        polished[feasible] = part
    return polished.reshape(checked.shape)


def matched(slot: Problem) -> IntArray:
    """Return a feasible assignment of one slot, (M,): the least of its costs were they alone."""
    from scipy.optimize import linear_sum_assignment

    places = np.repeat(np.arange(slot.num_servers), slot.capacity)
    alone = slot.link_cost + slot.size[:, None] ** 2 / slot.server_hz
    # Beside it no number of links that are not allowed is worth one that is.
    never = (1 + np.where(slot.allowed, alone, 0.0).max()) * (1 + slot.num_devices)
    _, chosen = linear_sum_assignment(np.where(slot.allowed, alone, never)[:, places])
    return np.asarray(places[chosen])


@kernel
def improve_slot(
    link_cost: FloatArray,
    size: FloatArray,
    server_hz: FloatArray,
    capacity: IntArray,
    assignment: IntArray,
) -> None:
    """Improve the feasible assignment of one slot, in place, until no move and no swap does.

    Each device in turn makes the best of its moves to another server and its swaps with another
    device. Arguments are `Problem.numbers` of the slot.
    """
    num_devices, num_servers = link_cost.shape
    left = capacity.copy()
    load = np.zeros(num_servers)
    total = 0.0
    for device in range(num_devices):
        server = assignment[device]
        total += delay_rise(
            link_cost[device, server], size[device], server_hz[server], load[server]
        )
        left[server] -= 1
        load[server] += size[device]

    device = 0
    unchanged = 0
    while unchanged < num_devices:
        here, work = assignment[device], size[device]
        cost_here = link_cost[device, here]
        best_change = -_LEAST_GAIN * total
        best_server = best_partner = -1
        leaving = delay_rise(-cost_here, -work, server_hz[here], load[here])
        for server in range(num_servers):
            if left[server] > 0 and server != here:
                change = leaving + delay_rise(
                    link_cost[device, server], work, server_hz[server], load[server]
                )
                if change < best_change:
                    best_change, best_server, best_partner = change, server, -1
        for partner in range(num_devices):
            there = assignment[partner]
            if there != here:
                shift = work - size[partner]
                change = delay_rise(
                    link_cost[device, there] - cost_here, shift, server_hz[there], load[there]
                ) + delay_rise(
                    link_cost[partner, here] - link_cost[partner, there],
                    -shift,
                    server_hz[here],
                    load[here],
                )
                if change < best_change:
                    best_change, best_server, best_partner = change, there, partner
        unchanged += 1
        if best_server >= 0:
            unchanged = 0
            assignment[device] = best_server
            moved = work
            if best_partner >= 0:
                assignment[best_partner] = here
                moved -= size[best_partner]
            else:
                left[here] += 1
                left[best_server] -= 1
            load[here] -= moved
            load[best_server] += moved
        device = (device + 1) % num_devices


@kernel
def descend_slot(
    link_cost: FloatArray,
    size: FloatArray,
    server_hz: FloatArray,
    capacity: IntArray,
    assignment: IntArray,
) -> None:
    """Write an assignment of one slot that no move and no swap improves, over one of -1.

    It starts from the least rise in cost, the heaviest task first. Where that leaves a device
    nothing that it may use, some of it stays -1.
    """
    num_servers = link_cost.shape[1]
    left = capacity.copy()
    load = np.zeros(num_servers)
    for device in np.argsort(-size, kind="mergesort"):
        least = np.inf
        for server in range(num_servers):
            if left[server] > 0:
                rise = delay_rise(
                    link_cost[device, server],
                    size[device],
                    server_hz[server],
                    load[server],
                )
                if rise < least:
                    least = rise
                    assignment[device] = server
        if assignment[device] < 0:
            return
        left[assignment[device]] -= 1
        load[assignment[device]] += size[device]
    improve_slot(link_cost, size, server_hz, capacity, assignment)


def _over_slots(solve: Callable[..., None]) -> Callable[[], Any]:
    """Return what gives the loop over slots of a function of one slot."""

    def make(formulas: str) -> Any:
        @loop
        def over_slots(
            link_cost: Any, size: Any, server_hz: Any, capacity: Any, assignment: Any
        ) -> None:
            assert formulas
            for slot in range(len(assignment)):
                solve(
                    link_cost[slot],
                    size[slot],
                    server_hz[slot],
                    capacity[slot],
                    assignment[slot],
                )

        return over_slots

    return loops_for(make)


_descend = _over_slots(descend_slot)
_improve = _over_slots(improve_slot)
