"""What the tasks to come cost on average, found backwards from the last one, for small systems.

A device that sees its own task alone decides by the number of tasks on each server, and by the load
L_n = sum of q that they make. The cost of it and those after it, as those numbers have it, is

    V_m(u, L) = E min over n of a_mn + ((L_n + q_m)^2 - L_n^2) / F_n + V_m+1(u + e_n, L + q_m e_n),

with V = 0 after the last device, so it is found from the last to the first (backward induction).
Here the mean is over sampled tasks, and for each u a polynomial in L is fitted to it.
"""

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mec_gym.bounds.outlook import Outlook
from mec_gym.equations import delay_rise
from mec_gym.kernels import kernel

if TYPE_CHECKING:
    from mec_gym.scenario import Scenario

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_DEGREE = 3
_POINTS_A_TERM = 4
_SPREAD = 2.0
"""Polynomials are fitted to loads that spread so many times as far as those of random tasks."""

RIDGE = 1e-9
"""Of the fit, for terms that do not matter: a server without a task has no load."""

_MOST_STATES = 10_000


class Law(NamedTuple):
    """What a device's task may be that nobody has seen, of M devices, A actions and K samples.

    Attributes:
        link_cost: a_mn, (M, K, A), seconds.
        size: q_m, (M, K), sqrt(cycles).
        server_hz: F_n, (A,), cycles/s; inf where nothing is shared.
        capacity: places M_n^max, (A,).
    """

    link_cost: FloatArray
    size: FloatArray
    server_hz: FloatArray
    capacity: IntArray


class Values(NamedTuple):
    """Polynomials of the cost to come, by device and by the number of tasks on each server.

    Attributes:
        coefficient: of each term, (M, S, C), for S numbers of tasks on all servers together.
        parent: of each term but the first, which is 1: the term of which it is a multiple, (C,).
        factor: and the server whose load it is multiplied by, (C,).
        place: how far a task more on a server moves a state's number, (A,); 0: not counted.
        mean_size: the mean q, in which loads are measured, sqrt(cycles).
    """

    coefficient: FloatArray
    parent: IntArray
    factor: IntArray
    place: IntArray
    mean_size: float


def law_of(outlook: Outlook) -> Law:
    """Return what is known of each device's task before it is seen."""
    samples = max(len(outlook.shown_cost), len(outlook.hidden_cost))
    num_devices, num_actions = outlook.link_cost.shape
    if outlook.lookahead:  # tasks are known, gains are not
        cost = outlook.shown_cost
        size = np.broadcast_to(outlook.size, (samples, num_devices))
    else:
        cost, size = outlook.hidden_cost, outlook.hidden_size
    cost = np.broadcast_to(cost, (samples, num_devices, num_actions))
    return Law(
        np.array(cost.swapaxes(0, 1), order="C"),
        np.array(size.T, order="C"),
        outlook.server_hz,
        outlook.capacity,
    )


def why_no_values(scenario: "Scenario") -> str:
    """Return why the cost to come of a scenario's slots is not found so; empty where it is."""
    if not scenario.hides_future:
        return "nothing of a slot is hidden, so whoever decides sees what is to come"
    alone = scenario.lookahead == 0 and scenario.num_steps == 1
    fresh = not scenario.hides_tasks and scenario.channel.correlation == 0
    if not (alone or fresh):
        return (
            "devices must see their own task alone (lookahead 0, gains constant in the slot), or"
            " all tasks, and gains that are independent from step to step"
        )
    places = np.minimum(scenario.capacities, scenario.num_devices)
    states = float(np.prod(places + 1.0))
    if states > _MOST_STATES:
        return (
            f"servers may have {states:.3g} different numbers of tasks; it is for"
            f" {_MOST_STATES:,} at most"
        )
    return ""


def values_of(law: Law, seed: int) -> Values:
    """Return the cost to come, fitted by backward induction on the samples of a law.

    Args:
        law: of the tasks.
        seed: of the loads that polynomials are fitted to.
    """
    num_devices = len(law.size)
    counted = _counted(law.server_hz, law.capacity, num_devices)
    shared = np.flatnonzero(np.isfinite(law.server_hz))
    place, states = np.zeros(len(law.server_hz), np.int64), 1
    for server in np.flatnonzero(counted):
        place[server] = states
        states *= int(min(law.capacity[server], num_devices)) + 1
    parent, factor = _terms(shared)
    values = Values(
        np.zeros((num_devices, states, len(parent))),
        parent,
        factor,
        place,
        float(law.size.mean()),
    )
    points = np.random.default_rng(seed).standard_normal(
        (_POINTS_A_TERM * len(parent), len(law.server_hz))
    )
    from mec_gym.bounds.value_loops import fit  # numba is loaded when it is first needed

    fit()(law, values, points, _SPREAD)
    return values


def _counted(server_hz: FloatArray, capacity: IntArray, num_devices: int) -> NDArray[np.bool_]:
    """Return on which servers it matters how many tasks there are, (A,)."""
    return np.isfinite(server_hz) | (capacity < num_devices)


def _terms(shared: IntArray) -> tuple[IntArray, IntArray]:
    """Return parent and factor of the terms of all polynomials of some degree."""
    terms: list[tuple[int, ...]] = []
    for degree in range(_DEGREE + 1):
        terms += itertools.combinations_with_replacement(shared.tolist(), degree)
    number = {term: index for index, term in enumerate(terms)}
    parent = [number[term[:-1]] if term else 0 for term in terms]
    factor = [term[-1] if term else 0 for term in terms]
    return np.array(parent), np.array(factor)


@kernel
def write_terms(values: Values, count: IntArray, load: FloatArray, terms: FloatArray) -> None:
    """Write the terms of the polynomials, (C,), where servers have so many tasks and such loads."""
    terms[0] = 1.0
    for term in range(1, len(terms)):
        server = values.factor[term]
        beyond = load[server] / values.mean_size - count[server]
        terms[term] = terms[values.parent[term]] * beyond


@kernel
def least(
    values: Values,
    device: int,
    links: FloatArray,
    size: float,
    server_hz: FloatArray,
    capacity: IntArray,
    state: int,
    count: IntArray,
    load: FloatArray,
    terms: FloatArray,
) -> tuple[int, float]:
    """Return the action after which a device and those to come cost least, and that cost, seconds.

    Args:
        values: the cost to come.
        device: the one that decides.
        links: a_mn of its task, (A,).
        size: q_m of its task.
        server_hz: F_n, (A,).
        capacity: places, (A,).
        state: the number of the state.
        count: tasks on each server, (A,).
        load: L_n, (A,).
        terms: written over, (C,).
    """
    best, lowest = -1, np.inf
    for server in range(len(links)):
        if count[server] >= capacity[server] or not links[server] < np.inf:
            continue
        before = load[server]
        cost = delay_rise(links[server], size, server_hz[server], before)
        if device + 1 < len(values.coefficient):
            load[server] += size
            count[server] += 1
            write_terms(values, count, load, terms)
            coefficient = values.coefficient[device + 1, state + values.place[server]]
            for term in range(len(terms)):
                cost += coefficient[term] * terms[term]
            load[server] = before
            count[server] -= 1
        if cost < lowest:
            best, lowest = server, cost
    return best, lowest


@kernel
def expected(
    law: Law,
    values: Values,
    device: int,
    state: int,
    count: IntArray,
    load: FloatArray,
    terms: FloatArray,
) -> float:
    """Return the mean over samples of what `least` says of a device, seconds."""
    total: float = 0.0
    samples: int = law.size.shape[1]
    for sample in range(samples):
        _, cost = least(
            values,
            device,
            law.link_cost[device, sample],
            law.size[device, sample],
            law.server_hz,
            law.capacity,
            state,
            count,
            load,
            terms,
        )
        total += cost
    return total / samples
