"""The loops of local search and of the exact solver, compiled by numba when first called."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from mec_gym import system
from mec_gym.instance import Instance

F = TypeVar("F", bound=Callable[..., object])
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Slots = tuple[FloatArray, FloatArray, FloatArray, IntArray]
"""Transmission delays (B, M, N), sqrt(C) (B, M), F (B, N) and capacities (B, N)."""

_LEAST_GAIN = 1e-12
"""A move must gain this share of the total delay; less could be rounding, and go round for ever."""


def _compile(function: F) -> F:
    return cast(F, numba.njit(cache=True)(function))


def slots_of(instance: Instance) -> Slots:
    """Return the arrays of a batch that the loops take, copied: numba compiles for one layout.

    A server takes all M devices at most, whatever its capacity.
    """
    return (
        np.array(instance.tx_delay),
        np.sqrt(instance.task_cycles),
        np.array(instance.server_hz, order="C"),
        np.minimum(instance.capacity, instance.num_devices, order="C"),
    )


_rise = _compile(system.delay_rise)


@_compile
def descend(
    tx_delay: FloatArray, sqrt_cycles: FloatArray, server_hz: FloatArray, capacity: IntArray
) -> IntArray:
    """Return an assignment of each slot, (B, M), that no move and no swap improves.

    It starts from the least rise in delay, the heaviest task first; then each device in turn makes
    the best of its moves to another server and its swaps with another device, until none helps.
    """
    assignment = np.empty(sqrt_cycles.shape, np.int64)
    for slot in range(len(assignment)):
        _descend_slot(
            tx_delay[slot], sqrt_cycles[slot], server_hz[slot], capacity[slot], assignment[slot]
        )
    return assignment


@_compile
def improve(
    tx_delay: FloatArray,
    sqrt_cycles: FloatArray,
    server_hz: FloatArray,
    capacity: IntArray,
    assignment: IntArray,
) -> None:
    """Improve feasible assignments, (B, M), in place, as `descend` improves its own."""
    for slot in range(len(assignment)):
        _improve_slot(
            tx_delay[slot], sqrt_cycles[slot], server_hz[slot], capacity[slot], assignment[slot]
        )


@_compile
def _improve_slot(
    tx_delay: FloatArray,
    sqrt_cycles: FloatArray,
    server_hz: FloatArray,
    capacity: IntArray,
    assignment: IntArray,
) -> None:
    num_devices, num_servers = tx_delay.shape
    free = capacity.copy()
    sqrt_load = np.zeros(num_servers)
    total = 0.0
    for device in range(num_devices):
        server = assignment[device]
        total += _rise(
            tx_delay[device, server], sqrt_cycles[device], server_hz[server], sqrt_load[server]
        )
        free[server] -= 1
        sqrt_load[server] += sqrt_cycles[device]

    device = 0
    unchanged = 0
    while unchanged < num_devices:
        here, work = assignment[device], sqrt_cycles[device]
        tx_here = tx_delay[device, here]
        best_change = -_LEAST_GAIN * total
        best_server = best_partner = -1
        leaving = _rise(-tx_here, -work, server_hz[here], sqrt_load[here])
        for server in range(num_servers):
            if free[server] > 0 and server != here:
                change = leaving + _rise(
                    tx_delay[device, server], work, server_hz[server], sqrt_load[server]
                )
                if change < best_change:
                    best_change, best_server, best_partner = change, server, -1
        for partner in range(num_devices):
            there = assignment[partner]
            if there != here:
                shift = work - sqrt_cycles[partner]
                change = _rise(
                    tx_delay[device, there] - tx_here, shift, server_hz[there], sqrt_load[there]
                ) + _rise(
                    tx_delay[partner, here] - tx_delay[partner, there],
                    -shift,
                    server_hz[here],
                    sqrt_load[here],
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
                moved -= sqrt_cycles[best_partner]
            else:
                free[here] += 1
                free[best_server] -= 1
            sqrt_load[here] -= moved
            sqrt_load[best_server] += moved
        device = (device + 1) % num_devices


@_compile
def _descend_slot(
    tx_delay: FloatArray,
    sqrt_cycles: FloatArray,
    server_hz: FloatArray,
    capacity: IntArray,
    assignment: IntArray,
) -> None:
    num_servers = tx_delay.shape[1]
    free = capacity.copy()
    sqrt_load = np.zeros(num_servers)
    for device in np.argsort(-sqrt_cycles, kind="mergesort"):
        least = np.inf
        for server in range(num_servers):
            if free[server] > 0:
                rise = _rise(
                    tx_delay[device, server],
                    sqrt_cycles[device],
                    server_hz[server],
                    sqrt_load[server],
                )
                if rise < least:
                    least = rise
                    assignment[device] = server
        free[assignment[device]] -= 1
        sqrt_load[assignment[device]] += sqrt_cycles[device]
    _improve_slot(tx_delay, sqrt_cycles, server_hz, capacity, assignment)


class Tree(NamedTuple):
    """What is left to enumerate of one slot: the devices in the order they are decided.

    Attributes:
        device: which device is decided at each depth, (M,).
        work: its sqrt(C), (M,).
        server: its servers, the cheapest first, (M, N).
        extra: what each costs above the cheapest at the relaxation's prices, (M, N), seconds.
        least: load that the devices from a depth on cannot but add to a server, (M + 1, N).
        most: load that they can add at most, (M + 1, N).
    """

    device: IntArray
    work: FloatArray
    server: IntArray
    extra: FloatArray
    least: FloatArray
    most: FloatArray


class Path(NamedTuple):
    """Where the enumeration stands: what `explore` reads, changes and can go on from.

    Attributes:
        depth: how many devices are decided, (1,); -1 when all is explored.
        option: the option to try next at each depth, (M,).
        extra: extra cost of the decisions up to a depth, (M + 1,), seconds.
        load: sum of sqrt(C) on each server by then, (M + 1, N).
        free: places left on each server by then, (M + 1, N).
        limit: only an assignment of a lower excess is of interest, (1,), seconds.
        best: the last assignment found, (M,); -1 before.
    """

    depth: IntArray
    option: IntArray
    extra: FloatArray
    load: FloatArray
    free: IntArray
    limit: FloatArray
    best: IntArray


@_compile
def plant(
    tx_delay: FloatArray,
    sqrt_cycles: FloatArray,
    capacity: IntArray,
    price: FloatArray,
    charge: FloatArray,
    limit: float,
) -> tuple[Tree, Path]:
    """Return the tree of one slot's assignments of an excess below `limit`, and its root."""
    num_devices, num_servers = tx_delay.shape
    extra = np.empty((num_devices, num_servers))
    server = np.empty((num_devices, num_servers), np.int64)
    choice = np.empty(num_devices)
    for device in range(num_devices):
        cost = tx_delay[device] + sqrt_cycles[device] * price + charge
        cost[capacity == 0] = np.inf
        server[device] = np.argsort(cost)
        extra[device] = cost[server[device]] - cost.min()
        choice[device] = extra[device, min(1, num_servers - 1)]
    # Those with the least choice first: what they leave is seldom worth going on with.
    order = np.argsort(-choice, kind="mergesort")
    server, extra, work = server[order], extra[order], sqrt_cycles[order]

    least = np.zeros((num_devices + 1, num_servers))
    most = np.zeros((num_devices + 1, num_servers))
    for depth in range(num_devices - 1, -1, -1):
        least[depth] = least[depth + 1]
        most[depth] = most[depth + 1]
        options = (extra[depth] < limit).sum()
        for option in range(options):
            most[depth, server[depth, option]] += work[depth]
        if options == 1:
            least[depth, server[depth, 0]] += work[depth]

    free = np.empty((num_devices + 1, num_servers), np.int64)
    free[0] = capacity
    path = Path(
        np.zeros(1, np.int64),
        np.zeros(num_devices, np.int64),
        np.zeros(num_devices + 1),
        np.zeros((num_devices + 1, num_servers)),
        free,
        np.array([limit]),
        np.full(num_devices, -1),
    )
    return Tree(order, work, server, extra, least, most), path


@_compile
def explore(
    tree: Tree,
    path: Path,
    server_hz: FloatArray,
    target: FloatArray,
    charge: FloatArray,
    tolerance: float,
    nodes: int,
) -> None:
    """Go on, by so many nodes at most, to look for assignments of an excess below the limit.

    The excess of an assignment is its total delay above the relaxation's bound: the extra costs of
    its decisions, (L_n - target_n)^2 / F_n for each server and `charge` for each place left free.
    One that is found lowers the limit to `tolerance` below its own.
    """
    num_devices, num_servers = tree.server.shape
    depth, limit = path.depth[0], path.limit[0]
    while depth >= 0 and nodes > 0:
        option = path.option[depth]
        if option == num_servers or path.extra[depth] + tree.extra[depth, option] >= limit:
            depth -= 1
            continue
        path.option[depth] += 1
        server = tree.server[depth, option]
        if path.free[depth, server] == 0:
            continue
        nodes -= 1
        extra = path.extra[depth] + tree.extra[depth, option]
        excess = extra
        below = depth + 1
        for other in range(num_servers):
            load, free = path.load[depth, other], path.free[depth, other]
            if other == server:
                load += tree.work[depth]
                free -= 1
            path.load[below, other], path.free[below, other] = load, free
            # Whatever the devices below do, the load misses its target by as much.
            over = load + tree.least[below, other] - target[other]
            under = target[other] - load - tree.most[below, other]
            excess += max(over, under, 0.0) ** 2 / server_hz[other]
        if below < num_devices:
            if excess < limit:
                path.extra[below] = extra
                path.option[below] = 0
                depth = below
            continue
        excess += (charge * path.free[below]).sum()
        if excess < limit:
            limit = excess - tolerance
            for decided in range(num_devices):
                chosen = tree.server[decided, path.option[decided] - 1]
                path.best[tree.device[decided]] = chosen
    path.depth[0], path.limit[0] = depth, limit
