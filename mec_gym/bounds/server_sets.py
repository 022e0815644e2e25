"""The least sets of devices for each server, when every device has a worth: a bound on a slot.

The relaxation splits devices over servers, and the square of a split load is less than that of a
whole one; where a server has few devices that is percents. With a worth w_m of each device,
whatever they are, no feasible assignment costs less than

    sum over m of w_m + sum over n of the least, over sets S of at most M_n^max devices, of
        sum over S of (a_mn - w_m) + (sum over S of q_m)^2 / F_n.

`mec_gym.solvers.server_sets` finds the worths.
"""

import numpy as np
from numpy.typing import NDArray

from mec_gym.compiling import loop

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_TANGENTS, _MIDDLE = 12, 6
"""How many bound the square of a load, and which of them at the relaxation's."""


@loop
def least_sets(
    link_cost: FloatArray,
    size: FloatArray,
    server_hz: FloatArray,
    capacity: IntArray,
    worth: FloatArray,
    within: float,
    most_nodes: int,
) -> tuple[NDArray[np.bool_], FloatArray, FloatArray]:
    """Return a good set of devices of each server, (N, M), its cost, and the least there may be.

    A set costs its links and its load's delay less the worth of its devices, the empty one 0.

    Args:
        link_cost: a, (M, N), seconds; this and what follows as `Problem.numbers` of one slot.
        size: q, (M,), sqrt(cycles).
        server_hz: F, (N,), cycles/s.
        capacity: places, (N,).
        worth: w, (M,), seconds.
        within: the set may cost so much more than the least one, seconds.
        most_nodes: of a server's search, which may then leave the set farther from the least one.
    """
    num_devices, num_servers = link_cost.shape
    chosen = np.zeros((num_servers, num_devices), np.bool_)
    cost, least = np.zeros(num_servers), np.zeros(num_servers)
    for server in range(num_servers):
        hz = server_hz[server]
        # Only devices that are worth their link and the server alone.
        alone = link_cost[:, server] - worth + size * size / hz
        worthy = np.flatnonzero(alone < 0)
        places = min(capacity[server], len(worthy))
        if places == 0:
            continue
        gain, work = link_cost[worthy, server] - worth[worthy], size[worthy]
        taken, cost[server], least[server] = least_set(gain, work, hz, places, within, most_nodes)
        chosen[server, worthy[taken]] = True
    return chosen, cost, least


@loop
def least_set(
    gain: FloatArray, work: FloatArray, hz: float, places: int, within: float, most_nodes: int
) -> tuple[NDArray[np.bool_], float, float]:
    """Return a good set of at most so many of k devices, (k,), its cost, and the least possible.

    A set costs the sum of `gain` and the square of its load, the sum of `work`, over `hz`. Other
    arguments as of `least_sets`. As y^2 >= 2 t y - t^2 for the load y and any t, each device costs
    at least `gain` + 2 t `work` / `hz` by itself: what is undecided is bounded so, for several t.
    """
    count = len(gain)
    best, best_set = 0.0, np.zeros(count, np.bool_)
    if hz == np.inf:
        for place in np.argsort(gain)[:places]:
            if gain[place] < 0:
                best += gain[place]
                best_set[place] = True
        return best_set, best, best
    load_there = _relaxed_load(gain, work, hz, places)
    order = np.argsort(gain + 2 * load_there * work / hz)
    gain, work = gain[order], work[order]
    tangent = load_there * np.arange(1, _TANGENTS + 1) / _MIDDLE
    alone = np.zeros((count + 1, _TANGENTS))  # of those from a depth on, were there places for all
    first = np.zeros(count + 1)  # of those before a depth, at the middle tangent
    for place in range(count - 1, -1, -1):
        for each in range(_TANGENTS):
            pays = gain[place] + 2 * tangent[each] * work[place] / hz
            alone[place, each] = alone[place + 1, each] + min(pays, 0.0)
    for place in range(count):
        first[place + 1] = first[place] + min(0.0, gain[place] + 2 * load_there * work[place] / hz)

    taken = np.zeros(count, np.bool_)
    value, load = np.zeros(count + 1), np.zeros(count + 1)  # sum of gain; of what is taken by then
    number = np.zeros(count + 1, np.int64)
    state = np.zeros(count + 1, np.int8)  # 0: take it next, 1: leave it next, 2: both are done
    depth, nodes, unseen = 0, 0, 0.0
    while depth >= 0:
        if state[depth] == 0:
            nodes += 1
            cost = value[depth] + load[depth] * load[depth] / hz
            if cost < best:
                best = cost
                best_set[:] = False
                best_set[:depth] = taken[:depth]
            left = min(places - number[depth], count - depth)
            bound = np.inf
            if left > 0:
                t = load_there
                bound = value[depth] + (2 * load[depth] - t) * t / hz
                bound += first[depth + left] - first[depth]
                for each in range(_TANGENTS):
                    t = tangent[each]
                    other = value[depth] + (2 * load[depth] - t) * t / hz + alone[depth, each]
                    bound = max(bound, other)
            if bound >= best - within or nodes > most_nodes:
                unseen = min(unseen, bound)
                depth -= 1
                continue
        elif state[depth] == 2:
            depth -= 1
            continue
        take = state[depth] == 0
        taken[depth] = take
        state[depth] += 1
        value[depth + 1] = value[depth] + (gain[depth] if take else 0.0)
        load[depth + 1] = load[depth] + (work[depth] if take else 0.0)
        number[depth + 1] = number[depth] + take
        depth += 1
        state[depth] = 0
    in_order = np.zeros(count, np.bool_)
    in_order[order] = best_set
    return in_order, best, min(best, unseen)


@loop
def _relaxed_load(gain: FloatArray, work: FloatArray, hz: float, places: int) -> float:
    """Return about the load of the least set of shares of devices."""
    low, high = 0.0, float(work.sum())
    for _ in range(20):  # what is taken at the tangent's price falls in it
        load = (low + high) / 2
        pays = gain + 2 * load * work / hz
        taken = 0.0
        for place in np.argsort(pays)[:places]:
            if pays[place] < 0:
                taken += work[place]
        if taken > load:
            low = load
        else:
            high = load
    return high
