"""Slot by slot, with a price for work that will not be done when the slot ends.

A slot's own cost knows how long its tasks wait for the work left over before them, but not whom
their own work keeps waiting. So each cycle put on a server is charged for that: with link cost
a_mn + lambda_n C_m the slot is the same canonical problem, which local search solves.
"""

import numpy as np
from numpy.typing import NDArray

from mec_gym import equations, system
from mec_gym.instance import Instance
from mec_gym.problem import Problem
from mec_gym.scenario import Scenario
from mec_gym.solvers.two_searches import local_search_prices

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_ROUNDS = 4
"""So often the price of what is left over follows the assignment that it makes."""


def why_not(scenario: Scenario) -> str:
    """Return why a scenario's slots have no such prices; empty where they have."""
    if scenario.slots > 1 and scenario.left_over == "waits":
        return ""
    return "its slots leave no work over to the next; that takes slots > 1, left_over='waits'"


def lyapunov(instance: Instance, seed: int = 0, v_s: float | None = None) -> IntArray:
    """Assign each slot by drift plus penalty, (..., M): the backlog as it stands is the price.

    The Lyapunov function is half the sum of (W_n / F_n)^2, the seconds of work that wait. What
    bounds its drift grows by (W_n / F_n) (C_m / F_n) with a task m on server n, so the slot is to
    be least in V times its cost and that: lambda_n = W_n / (F_n^2 V).

    Args:
        instance: slots that follow others.
        seed: nothing is drawn.
        v_s: weight V of the slot's cost, seconds; None: tau N / (sum of w^T over the slot's tasks).
            Then lambda_n C_m is what the task makes those wait, weighted, who come to server n
            until its backlog is done, if as many come to each server in each slot as now.

    Raises:
        ValueError: the slots follow no others, V is not above 0, or no assignment is feasible.
    """
    if v_s is not None and not (np.isfinite(v_s) and v_s > 0):
        raise ValueError(f"v_s: {v_s!r} must be finite, above 0")
    backlog = _backlog(instance)
    return _at_prices(instance, backlog / (instance.server_hz**2 * _weight(instance, v_s)))


def backlog_prices(instance: Instance, seed: int = 0) -> IntArray:
    """Assign each slot at the prices of what it will itself have left over, (..., M).

    As `lyapunov` with its own V, but of the backlog when the slot ends, max(0, W_n + sum of C -
    F_n tau): a server that finishes in time has no price. Prices and assignment follow each other
    four times, prices by half, and the one is taken of least cost and half the price of what it
    leaves, that is of the quadratic whose slope the prices are.

    Raises:
        ValueError: as `lyapunov`.
    """
    slots = instance.flatten()
    backlog, hz = _backlog(slots), slots.server_hz
    assert slots.slot_s is not None  # as `_backlog` has checked
    slope = 1 / (hz**2 * _weight(slots, None))
    problem, size = Problem.of(slots), slots.num_servers
    price = np.zeros_like(hz)
    best, least = np.zeros(slots.task_cycles.shape, np.int64), np.full(len(slots), np.inf)
    for _ in range(_ROUNDS):
        assignment = _at_prices(slots, price)
        work = system.server_sums(slots.task_cycles, assignment, slots.num_actions)[..., :size]
        left = equations.backlog_after(backlog, work, hz, slots.slot_s[:, None])
        cost = problem.cost(assignment) + (slope * left**2 / 2).sum(axis=-1)
        better = cost < least
        best, least = np.where(better[:, None], assignment, best), np.minimum(cost, least)
        price = (price + slope * left) / 2
    return best.reshape(instance.task_cycles.shape)


def _backlog(instance: Instance) -> FloatArray:
    if instance.backlog_cycles is None or instance.slot_s is None:
        raise ValueError(
            "instance: it has no backlog_cycles, as its slots follow no others; play episodes of a"
            " scenario with slots > 1"
        )
    return instance.backlog_cycles


def _weight(instance: Instance, v_s: float | None) -> FloatArray | float:
    """Return V, (..., 1), seconds."""
    if v_s is not None:
        return v_s
    weights = instance.delay_weight
    tasks = float(instance.num_devices) if weights is None else weights.sum(axis=-1, keepdims=True)
    assert instance.slot_s is not None  # as the callers have checked
    made: FloatArray = instance.slot_s[..., None] * instance.num_servers / tasks
    return made


def _at_prices(instance: Instance, price: FloatArray) -> IntArray:
    """Assign slots whose work costs so much, (..., N), seconds a cycle."""
    problem = Problem.of(instance)
    beside = problem.num_servers - price.shape[-1]
    price = np.concatenate([price, np.zeros((*price.shape[:-1], beside))], axis=-1)
    charged = problem.link_cost + price[..., None, :] * instance.task_cycles[..., None]
    return local_search_prices(Problem(charged, problem.size, problem.server_hz, problem.capacity))
