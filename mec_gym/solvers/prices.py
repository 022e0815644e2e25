"""One pass at the relaxation's prices: each device goes where it and the plan lose least."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym.bounds import relax
from mec_gym.compiling import loop, loops_for
from mec_gym.instance import Instance
from mec_gym.kernels import kernel
from mec_gym.problem import Problem
from mec_gym.solvers.local_search import matched

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def prices(instance: Instance | Problem, seed: int = 0) -> IntArray:
    """Give each device in turn the free server of least price, (..., M).

    What it pays are the relaxation's prices, a + p q + k, and what its load adds beyond the load
    p F / 2 that they plan for, squared and over F. Those with most to lose go first.

    Raises:
        ValueError: a slot has no feasible assignment.
    """
    problem = Problem.of(instance)
    relaxed = relax(problem)
    slots = problem.flatten()
    assignment = np.full(slots.size.shape, -1)
    of_servers = (each.reshape(slots.server_hz.shape) for each in (relaxed.price, relaxed.charge))
    _pay()(*slots.numbers(), *of_servers, assignment)
    for slot in np.flatnonzero((assignment < 0).any(axis=-1)).tolist():
        assignment[slot] = matched(slots[slot])
    return assignment.reshape(problem.size.shape)


@kernel
def paid(
    link_cost: float, size: float, server_hz: float, price: float, charge: float, load: float
) -> float:
    """Return what a device pays for a server that has so much load, seconds."""
    if server_hz == np.inf:
        return link_cost + charge
    planned = price * server_hz / 2
    before, after = max(load - planned, 0.0), max(load + size - planned, 0.0)
    beyond = (after * after - before * before) / server_hz
    return link_cost + price * size + charge + beyond


@kernel
def pay_slot(
    link_cost: FloatArray,
    size: FloatArray,
    server_hz: FloatArray,
    capacity: IntArray,
    price: FloatArray,
    charge: FloatArray,
    assignment: IntArray,
) -> None:
    """Write the assignment of one slot over one of -1; some stays so if nothing allowed is free."""
    num_devices, num_servers = link_cost.shape
    to_lose = np.empty(num_devices)  # what the second best server costs more than the best
    for device in range(num_devices):
        least = second = np.inf
        for server in range(num_servers):
            if capacity[server] > 0:
                pays = paid(
                    link_cost[device, server],
                    size[device],
                    server_hz[server],
                    price[server],
                    charge[server],
                    0.0,
                )
                second = min(second, max(pays, least))
                least = min(least, pays)
        to_lose[device] = second - least if least < np.inf else np.inf
    left, load = capacity.copy(), np.zeros(num_servers)
    for device in np.argsort(-to_lose, kind="mergesort"):
        least = np.inf
        for server in range(num_servers):
            if left[server] > 0:
                pays = paid(
                    link_cost[device, server],
                    size[device],
                    server_hz[server],
                    price[server],
                    charge[server],
                    load[server],
                )
                if pays < least:
                    least = pays
                    assignment[device] = server
        if assignment[device] < 0:
            return
        left[assignment[device]] -= 1
        load[assignment[device]] += size[device]


@loops_for
def _pay(formulas: str) -> Any:
    @loop
    def over_slots(
        link_cost: Any,
        size: Any,
        server_hz: Any,
        capacity: Any,
        price: Any,
        charge: Any,
        assignment: Any,
    ) -> None:
        assert formulas
        for slot in range(len(assignment)):
            pay_slot(
                link_cost[slot],
                size[slot],
                server_hz[slot],
                capacity[slot],
                price[slot],
                charge[slot],
                assignment[slot],
            )

    return over_slots
