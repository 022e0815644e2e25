"""Prices of tasks over an episode to begin with: the duals of a linear program over all slots.

Devices are split among servers, W is as little as the work on them lets it be, L^2 / F is above
tangents, and what of a device comes to a server from its last slot's others pays its handover. Of
the waiting cost, a product of the weighted number of tasks y and W / F, each is taken as it was in
the program before, half as much as in those before that.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mec_gym.episode_problem import EpisodeProblem

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_PROGRAMS = 3

_TANGENTS = (0.4, 0.6, 0.8, 0.9, 1.0, 1.1, 1.2, 1.5, 2.0)
"""At so many times the load of the program before."""

_LITTLE, _LITTLE_MOVING = 1e-4, 0.02
"""Share of the cost that waiting may be as if there were none: then no more programs are solved.

Where services move a program is large.
"""


class Prices(NamedTuple):
    """What a linear program over all slots of an episode makes of it.

    Attributes:
        of_links: what each task may cost on each server, (K, M, N), seconds; it differs between
            servers by what handovers cost before and after.
        alone: the same were nothing to wait, (K, M, N), seconds.
        of_work: what a cycle more on a server in a slot costs later ones, (K, N), s/cycle.
        cost: what the episode may cost, seconds; no bound.
    """

    of_links: FloatArray
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
    split, prices = _solve(problem, np.zeros_like(hz), first, backlog)
    alone, follows = prices.of_links, _left_over(problem, split)
    waiting = np.einsum("kmn,km,kn->", split, problem.weight, follows / hz)
    if waiting <= (_LITTLE_MOVING if problem.moves else _LITTLE) * prices.cost:
        return prices
    for _ in range(_PROGRAMS):
        split, prices = _solve(problem, tasks, np.maximum(load, load.max() / 100), backlog)
        tasks = (tasks + np.einsum("kmn,km->kn", split, problem.weight)) / 2
        load = np.einsum("kmn,km->kn", split, problem.size)
        backlog = (backlog + _left_over(problem, split)) / 2
    return prices._replace(alone=alone)


def _left_over(problem: EpisodeProblem, split: FloatArray) -> FloatArray:
    """Return W of servers as slots begin where devices are split among them, (K, N), cycles."""
    hz = problem.server_hz
    work = np.einsum("kmn,km->kn", split, problem.work)
    left, follows = np.zeros(hz.shape[1]), np.zeros_like(hz)
    for slot in range(len(hz) - 1):
        left = np.maximum(0.0, left + work[slot] - hz[slot] * problem.slot_s)
        follows[slot + 1] = left
    return follows


def _pairs(problem: EpisodeProblem) -> IntArray:
    """Return (slot, next slot, device) of tasks that follow one another, where moving costs."""
    last, found = np.full(problem.present.shape[1], -1), []
    for slot, present in enumerate(problem.present):
        for device in np.flatnonzero(present):
            if last[device] >= 0 and problem.moving[slot, device] > 0:
                found.append((last[device], slot, device))
            last[device] = slot
    return np.array(found, np.int64).reshape(-1, 3)


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
    # Columns: links, then W, the height above tangents and the load of each state, then handovers.
    waits, height, loads, moved = (count + times * states for times in range(4))
    pairs = _pairs(problem)
    paid = np.repeat(problem.moving[pairs[:, 1], pairs[:, 2]], num_servers)
    objective = np.concatenate(
        [
            np.where(allowed, cost, 0.0).ravel(),
            (tasks / hz * unit).ravel(),
            np.ones(states),
            np.zeros(states),
            paid,
        ]
    )
    upper = np.concatenate([allowed.ravel().astype(float), np.full(len(objective) - count, np.inf)])
    upper[waits : waits + num_servers] = 0.0  # nothing waits at first

    slot, device, server = (
        each.ravel() for each in np.indices((num_slots, num_devices, num_servers))
    )
    link = (slot * num_devices + device) * num_actions + server
    state = slot * num_servers + server
    each = np.arange(states)
    rows: list[Any] = []
    limits: list[FloatArray] = []

    def add(limit: FloatArray, *entries: tuple[Any, Any, Any]) -> None:
        """Add rows that are at most `limit`, of entries: values, rows and columns."""
        values, at, columns = (np.concatenate(part) for part in zip(*entries, strict=True))
        rows.append(csr_array((values, (at, columns)), shape=(len(limit), len(objective))))
        limits.append(limit)

    add(problem.capacity.ravel().astype(float), (np.ones(len(link)), state, link))
    slot_s = float(problem.slot_s)
    if np.isfinite(slot_s):
        some, first = state < states - num_servers, each[: states - num_servers]
        work = np.broadcast_to(problem.work[..., None] / unit, allowed[..., :num_servers].shape)
        add(
            (hz[:-1] * slot_s / unit).ravel(),
            (work.ravel()[some], state[some], link[some]),
            (np.ones(len(first)), first, waits + first),
            (-np.ones(len(first)), first, waits + num_servers + first),
        )
    mean = problem.size.mean()  # unit of loads
    size = problem.size.ravel()[slot * num_devices + device] / mean
    add(np.zeros(states), (size, state, link), (-np.ones(states), each, loads + each))
    for times in _TANGENTS:
        price = (2 * times * load / hz).ravel()
        add(
            price**2 * hz.ravel() / 4,
            (price * mean, each, loads + each),
            (-np.ones(states), each, height + each),
        )
    before, then, who = (np.repeat(part, num_servers) for part in pairs.T)
    where = np.tile(np.arange(num_servers), len(pairs))
    if len(pairs):
        each, one = np.arange(len(paid)), np.ones(len(paid))
        add(
            np.zeros(len(paid)),
            (one, each, (then * num_devices + who) * num_actions + where),
            (-one, each, (before * num_devices + who) * num_actions + where),
            (-one, each, moved + each),
        )
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
        none = np.zeros((*present.shape, num_servers))
        return none, Prices(none, none, of_work, 0.0)
    split = found.x[:count].reshape(problem.link_cost.shape)[..., :num_servers]
    of_tasks = np.where(present, found.eqlin.marginals.reshape(present.shape), 0.0)
    of_links = np.repeat(of_tasks[..., None], num_servers, axis=-1)
    if len(pairs):
        of_moves = found.ineqlin.marginals[-len(paid) :]
        np.add.at(of_links, (then, who, where), of_moves)
        np.subtract.at(of_links, (before, who, where), of_moves)
    if np.isfinite(slot_s):
        of_work[:-1] = -found.ineqlin.marginals[states : 2 * states - num_servers].reshape(
            hz[:-1].shape
        )
    expected = float(found.fun - (tasks * backlog / hz).sum())
    return split, Prices(of_links, of_links, of_work / unit, expected)
