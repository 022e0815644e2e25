"""The convex relaxation: a lower bound on the cost of whole slots, and prices that prove it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mec_gym.instance import Instance
from mec_gym.problem import Problem

FloatArray = NDArray[np.float64]


class Relaxation(NamedTuple):
    """The convex relaxation's bound, and the prices that prove it.

    Attributes:
        total_cost: never above the cost of any feasible assignment, (...), seconds; the paper's
            is the total delay M D.
        price: what q = 1 on server n costs, p_n, (..., N), s / sqrt(cycle).
        charge: what a place on server n costs, k_n, (..., N), seconds.
    """

    total_cost: FloatArray
    price: FloatArray
    charge: FloatArray


def lower_bound(instance: Instance | Problem) -> FloatArray:
    """Return a lower bound on the cost per task of every feasible assignment, (...), seconds.

    The paper's is the average delay D.

    Raises:
        ValueError: a slot has no feasible assignment.
    """
    return relax(instance).total_cost / instance.num_devices


def relax(instance: Instance | Problem) -> Relaxation:
    """Solve the convex relaxation: x_mn in [0, 1] in place of a server for each device.

    It minimises sum of a_mn x_mn + sum of L_n^2 / F_n, with L_n = sum of q_m x_mn, where
    sum over n of x_mn = 1 and sum over m of x_mn <= M_n^max. The bound holds whatever the quality
    of the solution: see `dual_bound`.

    Raises:
        ValueError: a slot has no feasible assignment.
    """
    problem = Problem.of(instance)
    problem.require_feasible()
    return solved(problem)


def solved(problem: Problem) -> Relaxation:
    """Return what `relax` does of problems that are known to be feasible; else any numbers."""
    slots = problem.flatten()
    found = Relaxation(
        np.empty(len(slots.size)), np.empty(slots.server_hz.shape), np.empty(slots.server_hz.shape)
    )
    from mec_gym.bounds.loops import relax_slots  # numba is loaded when it is first needed

    relax_slots()(*slots.numbers(), *found)
    lead = problem.batch_shape
    return Relaxation(*(array.reshape(lead + array.shape[1:]) for array in found))


_ROUNDING = 1e-9


def prices_where_feasible(problem: Problem) -> FloatArray:
    """Return the prices p and charges k of the relaxation of B problems, (B, 2, N).

    They are 0 where a slot has no feasible assignment: the bound is above what any may cost.
    """
    relaxed = solved(problem)
    cost = problem.link_cost
    most = np.where(np.isfinite(cost), cost, 0.0).max(axis=-1).sum(axis=-1)
    most += problem.size.sum(axis=-1) ** 2 / problem.server_hz.min(axis=-1)
    feasible = relaxed.total_cost <= most * (1 + _ROUNDING)
    prices = np.stack([relaxed.price, relaxed.charge], axis=-2)
    return np.where(feasible[:, None, None], prices, 0.0)
