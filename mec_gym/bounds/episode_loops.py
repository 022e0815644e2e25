"""What servers and devices make of prices over an episode, compiled; see `bounds.episodes`."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mec_gym.compiling import loop

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Sets(NamedTuple):
    """All sets of the tasks of each slot, in the order of their bits, S of them at most.

    Attributes:
        device: which have a task, (K, m); -1 behind the last.
        tasks: how many they are, (K,).
        count: tasks in each set, (K, S).
        load: sum of q, (K, S), sqrt(cycles).
        weight: sum of w, (K, S).
        work: sum of C, (K, S), cycles.
    """

    device: IntArray
    tasks: IntArray
    count: IntArray
    load: FloatArray
    weight: FloatArray
    work: FloatArray


@loop
def sets_of(present: Any, size: FloatArray, weight: FloatArray, work: FloatArray) -> Sets:
    """Return the sets of each slot's tasks."""
    num_slots, num_devices = present.shape
    tasks = np.zeros(num_slots, np.int64)
    device = np.full((num_slots, num_devices), -1)
    most = 0
    for slot in range(num_slots):
        for m in range(num_devices):
            if present[slot, m]:
                device[slot, tasks[slot]] = m
                tasks[slot] += 1
        most = max(most, tasks[slot])
    shape = (num_slots, 1 << most)
    made = Sets(
        device, tasks, np.zeros(shape, np.int64), np.zeros(shape), np.zeros(shape), np.zeros(shape)
    )
    for slot in range(num_slots):
        for place in range(tasks[slot]):
            m = device[slot, place]
            for one in range(1 << place, 2 << place):
                rest = one - (1 << place)
                made.count[slot, one] = made.count[slot, rest] + 1
                made.load[slot, one] = made.load[slot, rest] + size[slot, m]
                made.weight[slot, one] = made.weight[slot, rest] + weight[slot, m]
                made.work[slot, one] = made.work[slot, rest] + work[slot, m]
    return made


@loop
def _padded(after: FloatArray, before: int, behind: int, waits: bool) -> FloatArray:
    """Return what is to come at each node, with nodes below 0 and above the last.

    Below 0 nothing waits. Above the last it is no less than there, as it never falls.
    """
    nodes = len(after)
    out = np.empty(before + nodes + behind)
    for node in range(len(out)):
        out[node] = after[min(max(node - before, 0), nodes - 1)] if waits else after[0]
    return out


@loop
def serve(
    cost: FloatArray,
    sets: Sets,
    server_hz: FloatArray,
    least: IntArray,
    capacity: IntArray,
    slot_s: float,
    top: float,
    nodes: int,
    taken: Any,
) -> float:
    """Return a bound on what one server's tasks cost over an episode, seconds.

    It is on the least, over sequences of a set of tasks in each slot, of the sum of their `cost`,
    of L^2 / F, and of the weighted number of tasks times W / F.

    By dynamic programming backward over slots: what is still to come is bounded from below at equal
    steps of W, and between them by the line through them. For each set of a slot that cost is
    linear between two nodes but for one bend, where its work takes W to a node of the next slot.
    So the least of all sets is above the line between two nodes but for its bends, and the two are
    lowered by the most that a bend lies below it. Above the last node what is to come at it counts:
    it never falls in W.

    Args:
        cost: of each task here, (K, M), seconds; inf: not allowed.
        sets: of the tasks of each slot.
        server_hz: F, (K,), cycles/s.
        least: tasks that it has to take, (K,).
        capacity: tasks that it may take, (K,).
        slot_s: tau, seconds; inf: nothing waits.
        top: W at the last node, cycles.
        nodes: how many there are.
        taken: which tasks it takes, (K, M), to be written: what is least by these bounds.
    """
    num_slots = len(server_hz)
    waits = slot_s < math.inf
    step = top / (nodes - 1)
    to_come = np.zeros((num_slots + 1, nodes))
    paid = np.full(sets.work.shape, np.inf)
    below = np.empty(nodes - 1)
    for slot in range(num_slots - 1, -1, -1):
        hz, tasks = server_hz[slot], sets.tasks[slot]
        done = hz * slot_s if waits else 0.0
        own, out = paid[slot], to_come[slot]
        own[0] = 0.0
        for place in range(tasks):
            alone = cost[slot, sets.device[slot, place]]
            for one in range(1 << place, 2 << place):
                own[one] = own[one - (1 << place)] + alone
        before = int(done / step) + 2
        behind = int(sets.work[slot, (1 << tasks) - 1] / step) + 3
        after = _padded(to_come[slot + 1], before, behind, waits)
        out[:] = np.inf
        for one in range(1 << tasks):
            if not (least[slot] <= sets.count[slot, one] <= capacity[slot]):
                own[one] = np.inf
            if not own[one] < np.inf:
                continue
            own[one] += sets.load[slot, one] ** 2 / hz
            shift = (sets.work[slot, one] - done) / step
            first = math.floor(shift)
            part = shift - first
            slope, base = sets.weight[slot, one] * step / hz, own[one]
            here, there = after[before + first :], after[before + first + 1 :]
            for node in range(nodes):
                total = base + slope * node + (1 - part) * here[node] + part * there[node]
                out[node] = min(out[node], total)
        below[:] = 0.0
        for one in range(1 << tasks):
            if not own[one] < np.inf:
                continue
            shift = (sets.work[slot, one] - done) / step
            first = math.floor(shift)
            part = shift - first
            slope = sets.weight[slot, one] * step / hz
            base = own[one] + slope * (1 - part)
            there = after[before + first + 1 :]
            for node in range(nodes - 1):
                line = part * out[node] + (1 - part) * out[node + 1]
                below[node] = max(below[node], line - (base + slope * node + there[node]))
        lowered = below[0]
        for node in range(nodes - 1):
            out[node] -= max(lowered, below[node])
            lowered = below[node]
        out[nodes - 1] -= lowered
    _follow(sets, server_hz, slot_s, step, to_come, paid, taken)
    return float(to_come[0, 0])


@loop
def _follow(
    sets: Sets,
    server_hz: FloatArray,
    slot_s: float,
    step: float,
    to_come: FloatArray,
    paid: FloatArray,
    taken: Any,
) -> None:
    """Write which tasks a server takes that goes by what is to come, slot by slot."""
    nodes = to_come.shape[1]
    backlog = 0.0
    taken[:] = False
    for slot in range(len(server_hz)):
        hz, least, best, left = server_hz[slot], np.inf, 0, 0.0
        for one in range(1 << sets.tasks[slot]):
            total = paid[slot, one]
            if not total < np.inf:
                continue
            after = max(0.0, backlog + sets.work[slot, one] - hz * slot_s)
            at = min(after / step, nodes - 1.0)
            node = min(int(at), nodes - 2)
            part = at - node
            total += sets.weight[slot, one] * backlog / hz
            total += (1 - part) * to_come[slot + 1, node] + part * to_come[slot + 1, node + 1]
            if total < least:
                least, best, left = total, one, after
        backlog = left
        for place in range(sets.tasks[slot]):
            taken[slot, sets.device[slot, place]] = (best >> place) & 1 == 1


@loop
def choose(
    price: FloatArray, beside: FloatArray, moving: FloatArray, present: Any, chosen: Any
) -> float:
    """Return the least that devices pay at prices over an episode, seconds.

    Each goes by the shortest path over slots and the server that had its last task on one.

    Args:
        price: of a server for each task, (K, M, N), seconds; inf: not allowed.
        beside: the least cost of what is beside the servers, (K, M), seconds; inf: nothing.
        moving: w h, (K, M), seconds.
        present: which devices have a task, (K, M).
        chosen: which server, (K, M, N), to be written; none: beside them.
    """
    num_slots, num_devices, num_servers = price.shape
    to_come = np.empty((num_slots + 1, num_servers + 1))  # by the last server; N: none yet
    choice = np.empty((num_slots, num_servers + 1), np.int64)
    total = 0.0
    chosen[:] = False
    for device in range(num_devices):
        to_come[num_slots] = 0.0
        for slot in range(num_slots - 1, -1, -1):
            for last in range(num_servers + 1):
                if not present[slot, device]:
                    to_come[slot, last], choice[slot, last] = to_come[slot + 1, last], -1
                    continue
                best, least = -1, beside[slot, device] + to_come[slot + 1, last]
                for server in range(num_servers):
                    paid = price[slot, device, server] + to_come[slot + 1, server]
                    if last not in (server, num_servers):
                        paid += moving[slot, device]
                    if paid < least:
                        best, least = server, paid
                to_come[slot, last], choice[slot, last] = least, best
        total += to_come[0, num_servers]
        last = num_servers
        for slot in range(num_slots):
            server = choice[slot, last]
            if server >= 0:
                chosen[slot, device, server] = True
                last = server
    return total
