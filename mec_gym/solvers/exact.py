"""The optimum, proven: the convex relaxation, then every assignment that its prices leave open."""

import time
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mec_gym import bounds
from mec_gym.compiling import loop
from mec_gym.instance import Instance
from mec_gym.problem import Problem
from mec_gym.solvers.local_search import local_search

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

TOLERANCE = 1e-9
"""Proven means: no assignment costs less by more than this, relatively."""

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
        average_cost: its cost per task, (...), seconds; the paper's is the average delay D.
        lower_bound: never above the least such cost there is, (...), seconds.
        proven: whether the two differ by at most `TOLERANCE`, relatively, (...).
    """

    assignment: IntArray
    average_cost: FloatArray
    lower_bound: FloatArray
    proven: NDArray[np.bool_]


def optimal(instance: Instance | Problem, seed: int = 0) -> IntArray:
    """Return the best assignment that `solve` finds in its default time, (..., M).

    Raises:
        ValueError: a slot has no feasible assignment.
    """
    return solve(instance).assignment


def solve(instance: Instance | Problem, time_limit: float = 10.0) -> Solution:
    """Minimise the cost within capacity and allowed links, and prove it where the time allows.

    At the prices of the convex relaxation each assignment's cost is the bound plus terms that are
    all 0 or more (see `explore`), so those that can beat the local search are mostly few
    enough to enumerate.

    Args:
        instance: the slots.
        time_limit: seconds for each slot, after which it is left as it is, unproven.

    Raises:
        ValueError: a slot has no feasible assignment, or the time limit is not above 0.
    """
    require_time(time_limit)
    problem = Problem.of(instance)
    relaxation = bounds.relax(problem)
    assignment = local_search(problem)
    slots, rows = problem.flatten(), assignment.reshape(-1, problem.num_devices)
    bound = relaxation.total_cost.reshape(-1) / problem.num_devices
    price, charge = (
        array.reshape(-1, problem.num_servers) for array in (relaxation.price, relaxation.charge)
    )
    _enumerate(slots, rows, bound, price, charge, time_limit)

    average_cost = slots.cost(rows) / problem.num_devices
    # Two results for the same assignment may differ in the last digits.
    lower_bound = np.minimum(bound, average_cost)
    proven = average_cost - lower_bound <= TOLERANCE * average_cost
    lead = problem.batch_shape
    return Solution(
        assignment,
        average_cost.reshape(lead),
        lower_bound.reshape(lead),
        np.asarray(proven.reshape(lead)),
    )


def require_time(time_limit: float) -> None:
    """Check that there is time to search in.

    Raises:
        ValueError: it is no number above 0.
    """
    if not (isinstance(time_limit, int | float | np.number) and time_limit > 0):
        raise ValueError(f"time_limit: {time_limit!r}; it must be a number of seconds above 0")


def _enumerate(
    slots: Problem,
    assignment: IntArray,
    bound: FloatArray,
    price: FloatArray,
    charge: FloatArray,
    time_limit: float,
) -> None:
    """Improve the assignments (B, M) and raise the bounds (B,) on the cost per task, in place."""
    num_devices = slots.num_devices
    shared = np.isfinite(slots.server_hz)
    target = price * np.where(shared, slots.server_hz, 0.0) / 2
    tolerance = TOLERANCE / 2 * num_devices * np.maximum(bound, 0.0)
    gap = slots.cost(assignment) - bound * num_devices - tolerance
    link_cost, size, server_hz, capacity = slots.numbers()

    def tree_of(row: int, share: float) -> tuple[Tree, Path]:
        return search_tree(
            link_cost[row],
            size[row],
            capacity[row],
            price[row],
            charge[row],
            share * gap[row],
        )

    def go_on(row: int, tree: Tree, path: Path, nodes: int) -> None:
        explore(tree, path, server_hz[row], target[row], charge[row], tolerance[row], nodes)

    rows = np.flatnonzero(gap > 0).tolist()
    for row in rows[:1]:  # numba compiles at a first call: that is no slot's time
        tree, path = tree_of(row, 0.0)
        go_on(row, tree, path, 0)
    for row in rows:
        relaxed = bound[row]
        deadline = time.monotonic() + time_limit
        for share in _WIDENING:
            tree, path = tree_of(row, share)
            while path.depth[0] >= 0 and time.monotonic() < deadline:
                go_on(row, tree, path, _NODES_AT_ONCE)
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


class Tree(NamedTuple):
    """What is left to enumerate of one slot: the devices in the order they are decided.

    Attributes:
        device: which device is decided at each depth, (M,).
        work: its q, (M,).
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
        load: sum of q on each server by then, (M + 1, N).
        left: places left on each server by then, (M + 1, N).
        limit: only an assignment of a lower excess is of interest, (1,), seconds.
        best: the last assignment found, (M,); -1 before.
    """

    depth: IntArray
    option: IntArray
    extra: FloatArray
    load: FloatArray
    left: IntArray
    limit: FloatArray
    best: IntArray


@loop
def search_tree(
    link_cost: FloatArray,
    size: FloatArray,
    capacity: IntArray,
    price: FloatArray,
    charge: FloatArray,
    limit: float,
) -> tuple[Tree, Path]:
    """Return the tree of one slot's assignments of an excess below `limit`, and its root."""
    num_devices, num_servers = link_cost.shape
    extra = np.empty((num_devices, num_servers))
    server = np.empty((num_devices, num_servers), np.int64)
    choice = np.empty(num_devices)
    cost = np.empty(num_servers)
    for device in range(num_devices):
        for n in range(num_servers):
            paid = link_cost[device, n] + size[device] * price[n] + charge[n]
            cost[n] = paid if capacity[n] > 0 else np.inf
        by_cost = np.argsort(cost)
        for option in range(num_servers):
            server[device, option] = by_cost[option]
            extra[device, option] = cost[by_cost[option]] - cost[by_cost[0]]
        choice[device] = extra[device, min(1, num_servers - 1)]
    # Those with the least choice first: what they leave is seldom worth going on with.
    order = np.argsort(-choice, kind="mergesort")
    tree = Tree(
        order,
        np.empty(num_devices),
        np.empty((num_devices, num_servers), np.int64),
        np.empty((num_devices, num_servers)),
        np.zeros((num_devices + 1, num_servers)),
        np.zeros((num_devices + 1, num_servers)),
    )
    left = np.empty((num_devices + 1, num_servers), np.int64)
    for n in range(num_servers):
        left[0, n] = capacity[n]
    for depth in range(num_devices - 1, -1, -1):
        device, open_options = order[depth], 0
        tree.work[depth] = size[device]
        for option in range(num_servers):
            n = server[device, option]
            tree.server[depth, option], tree.extra[depth, option] = n, extra[device, option]
            tree.least[depth, n], tree.most[depth, n] = (
                tree.least[depth + 1, n],
                tree.most[depth + 1, n],
            )
            if extra[device, option] < limit:
                open_options += 1
                tree.most[depth, n] += size[device]
        if open_options == 1:
            tree.least[depth, server[device, 0]] += size[device]

    path = Path(
        np.zeros(1, np.int64),
        np.zeros(num_devices, np.int64),
        np.zeros(num_devices + 1),
        np.zeros((num_devices + 1, num_servers)),
        left,
        np.array([limit]),
        np.full(num_devices, -1),
    )
    return tree, path


@loop
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

    The excess of an assignment is what it costs above the relaxation's bound: the extra costs of
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
        if path.left[depth, server] == 0:
            continue
        nodes -= 1
        extra = path.extra[depth] + tree.extra[depth, option]
        excess = extra
        below = depth + 1
        for other in range(num_servers):
            load, left = path.load[depth, other], path.left[depth, other]
            if other == server:
                load += tree.work[depth]
                left -= 1
            path.load[below, other], path.left[below, other] = load, left
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
        unused = 0.0
        for other in range(num_servers):
            unused += charge[other] * path.left[below, other]
        excess += unused
        if excess < limit:
            limit = excess - tolerance
            for decided in range(num_devices):
                chosen = tree.server[decided, path.option[decided] - 1]
                path.best[tree.device[decided]] = chosen
    path.depth[0], path.limit[0] = depth, limit
