"""Prices of tasks over an episode to begin with: the duals of a linear program over all slots.

Devices are split among servers, W is as little as the work on them lets it be, and L^2 / F is above
tangents. Of the waiting cost, a product of the weighted number of tasks y and W / F, each is taken
as it was in the program before, half as much as in those before that.
"""

import numpy as np
from numpy.typing import NDArray

from mec_gym.episode_problem import EpisodeProblem

FloatArray = NDArray[np.float64]

_PROGRAMS = 3

_TANGENTS = (0.6, 0.8, 0.9, 1.0, 1.1, 1.2, 1.5)
"""At so many times the load of the program before."""


def first_prices(problem: EpisodeProblem) -> tuple[FloatArray, float]:
    """Return prices of each server for each task, (K, M, N), and what an episode may cost, s."""
    hz = problem.server_hz
    share = hz / hz.sum(axis=-1, keepdims=True)
    tasks = np.where(problem.present, problem.weight, 0.0).sum(axis=-1, keepdims=True) * share
    load = np.where(problem.present, problem.size, 0.0).sum(axis=-1, keepdims=True) * share
    backlog = np.zeros_like(hz)
    for _ in range(_PROGRAMS):
        split, value, cost = _solve(problem, tasks, np.maximum(load, load.max() / 100), backlog)
        tasks = (tasks + np.einsum("kmn,km->kn", split, problem.weight)) / 2
        load = np.einsum("kmn,km->kn", split, problem.size)
        work = np.einsum("kmn,km->kn", split, problem.work)
        left, follows = np.zeros(hz.shape[1]), np.zeros_like(hz)
        for slot in range(len(hz) - 1):
            left = np.maximum(0.0, left + work[slot] - hz[slot] * problem.slot_s)
            follows[slot + 1] = left
        backlog = (backlog + follows) / 2
    return np.repeat(value[..., None], hz.shape[1], axis=-1), cost


def _solve(
    problem: EpisodeProblem, tasks: FloatArray, load: FloatArray, backlog: FloatArray
) -> tuple[FloatArray, FloatArray, float]:
    """Return the split among servers, (K, M, N), prices of tasks, (K, M), and the cost, seconds."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_array

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
    from scipy.sparse import vstack

    of_device = np.repeat(np.arange(num_slots * num_devices), num_actions)
    given = csr_array(
        (np.ones(count), (of_device, np.arange(count))),
        (num_slots * num_devices, len(objective)),
    )
    found = linprog(
        objective,
        A_ub=vstack(rows),
        b_ub=np.concatenate(limits),
        A_eq=given,
        b_eq=present.ravel().astype(float),
        bounds=np.stack([np.zeros(len(upper)), upper], axis=1),
        method="highs-ipm",
    )
    split = found.x[:count].reshape(problem.link_cost.shape)[..., :num_servers]
    value = np.where(present, found.eqlin.marginals.reshape(present.shape), 0.0)
    return split, value, float(found.fun - (tasks * backlog / hz).sum())
