"""Slots of few devices a server, nearly to the optimum: whole sets of devices for each server.

A linear programme chooses among sets of devices, one for each server, so that every device is in
one. It grows by the sets of least cost at its prices (column generation, the decomposition of
Dantzig and Wolfe; prices stay near the best ones so far, the boxstep method of Marsten, Hogan and
Blankenship), and each time the prices prove a bound, see `mec_gym.bounds.server_sets`. In the end
the best whole choice among these sets is an assignment. The bound is far above the relaxation's
where servers have few devices each; with some tens of devices a server it takes long.
"""

import time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mec_gym import bounds
from mec_gym.bounds.server_sets import least_sets
from mec_gym.instance import Instance
from mec_gym.problem import Problem
from mec_gym.solvers.exact import TOLERANCE, Solution, require_time
from mec_gym.solvers.local_search import polish
from mec_gym.solvers.two_searches import local_search_prices

if TYPE_CHECKING:
    from scipy.sparse import csr_array

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

ENOUGH = 1e-4
"""The bound comes as near to the best of its kind, relatively, or time is up."""

_NODES = (2_000, 50_000, 2_000_000)
"""Of the search for one server's least set: the most, one after the other."""

_ROUNDING = 1e-12

_REACH = 0.05
"""Share of a mean worth by which worths are changed at once, to begin with."""


def solve_by_sets(instance: Instance | Problem, time_limit: float = 10.0) -> Solution:
    """Return good assignments and lower bounds, which differ by some `ENOUGH` where it converges.

    Args:
        instance: the slots.
        time_limit: seconds for each slot's bound, about; then as many at most for the choice.

    Raises:
        ValueError: a slot has no feasible assignment, or the time limit is not above 0.
    """
    require_time(time_limit)
    problem = Problem.of(instance)
    slots, assignment = problem.flatten(), local_search_prices(problem)
    rows = assignment.reshape(-1, problem.num_devices)
    bound = np.empty(len(rows))
    for row, start in enumerate(rows):
        sets = _Sets(slots[row])
        bound[row] = _bound(sets, start, time_limit)
        chosen = polish(slots[row], sets.choose(start, time_limit))
        if slots[row].cost(chosen) < slots[row].cost(start):
            rows[row] = chosen
    cost = slots.cost(rows)
    bound = np.minimum(bound, cost)
    lead, average = problem.batch_shape, cost / problem.num_devices
    return Solution(
        rows.reshape(assignment.shape),
        average.reshape(lead),
        (bound / problem.num_devices).reshape(lead),
        np.asarray((cost - bound <= TOLERANCE * cost).reshape(lead)),
    )


class _Sets:
    """Sets of devices of one slot, each for one server, and programmes that choose among them."""

    def __init__(self, slot: Problem) -> None:
        self.slot = slot
        self._entries: list[int] = []  # of each set its devices, then M + n
        self._ends = [0]
        self._cost: list[float] = []

    def add(self, devices: IntArray, server: int) -> None:
        """Add a set of devices for a server."""
        slot = self.slot
        self._entries += [*devices.tolist(), slot.num_devices + server]
        self._ends.append(len(self._entries))
        load = slot.size[devices].sum()
        cost = slot.link_cost[devices, server].sum() + load**2 / slot.server_hz[server]
        self._cost.append(float(cost))

    def worths(self, near: FloatArray, reach: float) -> tuple[FloatArray, float] | None:
        """Return the worths, (M,), of the greatest bound were there no other sets, and that bound.

        They are within `reach` of others. None where the programme is not solved.
        """
        from scipy.optimize import linprog

        devices, servers = self.slot.num_devices, self.slot.num_servers
        limits = [*zip(near - reach, near + reach, strict=True), *[(None, 0.0)] * servers]
        of_each = -np.ones(devices + servers)
        matrix: Any = self._matrix()  # its stubs know no sparse one
        solved = linprog(of_each, A_ub=matrix, b_ub=np.array(self._cost), bounds=limits)
        if solved.x is None or solved.fun is None:
            return None
        return solved.x[:devices], -float(solved.fun)

    def choose(self, start: IntArray, time_limit: float) -> IntArray:
        """Return the best assignment of these sets that is found in so many seconds, (M,).

        `start` where none is.
        """
        from scipy.optimize import Bounds, LinearConstraint, milp

        devices, servers = self.slot.num_devices, self.slot.num_servers
        least = np.append(np.ones(devices), np.full(servers, -np.inf))
        most = np.append(np.full(devices, np.inf), np.ones(servers))
        solved = milp(
            self._cost,
            constraints=LinearConstraint(self._matrix().T.tocsr(), least, most),
            integrality=np.ones(len(self._cost), np.int64),
            bounds=Bounds(0, 1),
            options={"time_limit": time_limit},
        )
        assignment = start.copy()
        if solved.x is not None:
            for each in np.flatnonzero(solved.x > 0.5).tolist():
                *members, last = self._entries[self._ends[each] : self._ends[each + 1]]
                assignment[members] = last - devices  # one that is in two sets stays in one
        return assignment

    def _matrix(self) -> "csr_array":
        from scipy.sparse import csr_array

        width = self.slot.num_devices + self.slot.num_servers
        entries = np.ones(len(self._entries))
        return csr_array((entries, self._entries, self._ends), shape=(len(self._cost), width))


def _bound(sets: _Sets, start: IntArray, time_limit: float) -> float:
    """Return a lower bound on the cost of every feasible assignment of one slot, seconds.

    Adds the sets that prove it, after those of the assignment that it starts from.
    """
    deadline = time.monotonic() + time_limit
    slot = sets.slot
    link_cost, size, server_hz, capacity = slot.flatten().numbers()
    numbers = link_cost[0], size[0], server_hz[0], capacity[0]
    relaxed = bounds.relax(slot)
    price = np.where(np.isfinite(slot.server_hz), relaxed.price, 0.0)
    worth = (slot.link_cost + price * slot.size[:, None] + relaxed.charge).min(axis=1)
    reach = widest = _REACH * float(worth.mean())
    best = float(relaxed.total_cost)
    enough = ENOUGH * float(slot.cost(start))
    for server in range(slot.num_servers):
        sets.add(np.flatnonzero(start == server), server)
    for nodes in _NODES:
        tried, at_worth, expected = worth, -np.inf, enough
        while time.monotonic() < deadline:
            found, cost, least = least_sets(*numbers, tried, enough / slot.num_servers, nodes)
            proven = tried.sum() + least.sum() - _ROUNDING * abs(tried).sum()
            best = max(best, float(proven))
            value = float(tried.sum() + cost.sum())  # by the best sets found: as if proven
            if value - at_worth >= expected / 2:
                reach *= 2
            elif value < at_worth:
                reach /= 2
            if value > at_worth:
                at_worth, worth = value, tried
            for server in np.flatnonzero(found.any(axis=1)).tolist():
                sets.add(np.flatnonzero(found[server]), server)
            solved = sets.worths(worth, reach)
            if solved is None:
                return best
            tried, expected = solved[0], solved[1] - at_worth
            if expected <= enough:  # and, as the bound is concave, little more is farther off
                if reach >= widest or (abs(tried - worth) < 0.99 * reach).all():
                    break
                reach *= 4
        if at_worth - best <= enough:
            break
    return best
