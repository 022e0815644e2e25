"""Prices of tasks over an episode to begin with: the duals of a linear program over all slots.

Devices are split among servers, W is as little as the work on them lets it be, and L^2 / F is above
tangents. Of the waiting cost, a product of the weighted number of tasks y and W / F, each is taken
as it was in the program before, half as much as in those before that.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mec_gym.episode_problem import EpisodeProblem

FloatArray = NDArray[np.float64]

_PROGRAMS = 3

_TANGENTS = (0.6, 0.8, 0.9, 1.0, 1.1, 1.2, 1.5)
"""At so many times the load of the program before."""


class Prices(NamedTuple):
    """What a linear program over all slots of an episode makes of it.

    Attributes:
        of_tasks: what each task may cost, wherever it goes, (K, M), seconds.
        alone: the same were nothing to wait, (K, M), seconds.
        of_work: what a cycle more on a server in a slot costs later ones, (K, N), s/cycle.
        cost: what the episode may cost, seconds; no bound.
    """

    of_tasks: FloatArray
    alone: FloatArray
    of_work: FloatArray
    cost: float


def first_prices(problem: EpisodeProblem) -> Prices:
    """Return the prices of the last of some programs, each linear where the one before it ended."""
    hz = problem.server_hz
    share = hz / hz.sum(axis=-1, keepdims=True)
    tasks = np.where(problem.present, problem.weight, 0.0).sum(axis=-1, keepdims=True) * share
    load = np.where(problem.present, problem.size, 0.0).sum(axis=-1, keepdims=True) * share
    backlog = np.zeros_like(hz)
    first = np.maximum(load, load.max() / 100)
    alone = _solve(problem, np.zeros_like(hz), first, backlog)[1].of_tasks
    for _ in range(_PROGRAMS):
        split, prices = _solve(problem, tasks, np.maximum(load, load.max() / 100), backlog)
        tasks = (tasks + np.einsum("kmn,km->kn", split, problem.weight)) / 2
        load = np.einsum("kmn,km->kn", split, problem.size)
        work = np.einsum("kmn,km->kn", split, problem.work)
        left, follows = np.zeros(hz.shape[1]), np.zeros_like(hz)
        for slot in range(len(hz) - 1):
            left = np.maximum(0.0, left + work[slot] - hz[slot] * problem.slot_s)
            follows[slot + 1] = left
        backlog = (backlog + follows) / 2
    return prices._replace(alone=alone)


def _solve(
    problem: EpisodeProblem, tasks: FloatArray, load: FloatArray, backlog: FloatArray
) -> tuple[FloatArray, Prices]:
    """Return the split among servers, (K, M, N), and the prices."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_array, vstack

    num_slots, num_devices, num_actions = problem.link_cost.shape
    hz, present = problem.server_hz, problem.present
    num_servers = hz.shape[1]
    count, states = problem.link_cost.size, num_slots * num_servers
    unit = hz.mean()  # of work
    cost = problem.link_cost.copy()
    cost[..., :num_servers] += problem.weight[..., None] * (backlog / hz)[:, None, :]
    allowed = np.isfinite(cost)
    objective = np.concatenate(
        [np.where(allowed, cost, 0.0).ravel(), (tasks / hz * unit).ravel(), np.ones(states)]
    )
    upper = np.concatenate([allowed.ravel().astype(float), np.full(2 * states, np.inf)])
    upper[count : count + num_servers] = 0.0  # nothing waits at first

    slot, device, server = (
        each.ravel() for each in np.indices((num_slots, num_devices, num_servers))
    )
    link = (slot * num_devices + device) * num_actions + server
    state = slot * num_servers + server
    each = np.arange(states)
    places = csr_array((np.ones(len(link)), (state, link)), shape=(states, len(objective)))
    rows, limits = [places], [problem.capacity.ravel().astype(float)]
    slot_s = float(problem.slot_s)
    if np.isfinite(slot_s):
        some, first = state < states - num_servers, each[: states - num_servers]
        work = np.broadcast_to(problem.work[..., None] / unit, allowed[..., :num_servers].shape)
        values = [work.ravel()[some], np.ones(len(first)), -np.ones(len(first))]
        columns = [link[some], count + first, count + num_servers + first]
        at = np.concatenate([state[some], first, first]), np.concatenate(columns)
        rows.append(csr_array((np.concatenate(values), at), (len(first), len(objective))))
        limits.append((hz[:-1] * slot_s / unit).ravel())
    size = problem.size.ravel()[slot * num_devices + device]
    for times in _TANGENTS:
        price = (2 * times * load / hz).ravel()
        values = [price[state] * size, -np.ones(states)]
        at = np.concatenate([state, each]), np.concatenate([link, count + states + each])
        rows.append(csr_array((np.concatenate(values), at), (states, len(objective))))
        limits.append(price**2 * hz.ravel() / 4)
    of_device = np.repeat(np.arange(num_slots * num_devices), num_actions)
    given = csr_array(
        (np.ones(count), (of_device, np.arange(count))),
        (num_slots * num_devices, len(objective)),
    )
    within: Any = vstack(rows)
    each_once: Any = given
    between: Any = np.stack([np.zeros(len(upper)), upper], axis=1)
    found = linprog(
        objective,
        A_ub=within,
        b_ub=np.concatenate(limits),
        A_eq=each_once,
        b_eq=present.ravel().astype(float),
        bounds=between,
        method="highs-ipm",
    )
    of_work = np.zeros_like(hz)
    if found.x is None:  # it gives up: worse prices, never a wrong bound
        none = np.zeros(present.shape)
        return np.zeros((*none.shape, num_servers)), Prices(none, none, of_work, 0.0)
    split = found.x[:count].reshape(problem.link_cost.shape)[..., :num_servers]
    of_tasks = np.where(present, found.eqlin.marginals.reshape(present.shape), 0.0)
    if np.isfinite(slot_s):
        of_work[:-1] = -found.ineqlin.marginals[states : 2 * states - num_servers].reshape(
            hz[:-1].shape
        )
    expected = float(found.fun - (tasks * backlog / hz).sum())
    return split, Prices(of_tasks, of_tasks, of_work / unit, expected)
