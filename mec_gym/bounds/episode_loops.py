"""What servers and devices make of prices over an episode, compiled; see `bounds.episodes`."""

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
        order: the sets of each slot by their work, the least first, (K, S).
    """

    device: IntArray
    tasks: IntArray
    count: IntArray
    load: FloatArray
    weight: FloatArray
    work: FloatArray
    order: IntArray


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
        device,
        tasks,
        np.zeros(shape, np.int64),
        np.zeros(shape),
        np.zeros(shape),
        np.zeros(shape),
        np.zeros(shape, np.int64),
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
        every = 1 << tasks[slot]
        made.order[slot, :every] = np.argsort(made.work[slot, :every], kind="mergesort")
    return made


class Kept(NamedTuple):
    """Sets of a slot's tasks that a server may take with reason: no other is less in all.

    Attributes:
        count: how many they are, (K,).
        number: which of the slot's sets, (K, S).
        paid: what each costs but for waiting, (K, S), seconds.
    """

    count: IntArray
    number: IntArray
    paid: FloatArray


@loop
def _keep(
    slot: int,
    cost: FloatArray,
    sets: Sets,
    hz: float,
    least: int,
    capacity: int,
    own: FloatArray,
    kept: Kept,
) -> None:
    """Write the sets of a slot of which no other has less cost, work and weight together."""
    own[0] = 0.0
    for place in range(sets.tasks[slot]):
        alone = cost[slot, sets.device[slot, place]]
        for one in range(1 << place, 2 << place):
            own[one] = own[one - (1 << place)] + alone
    found = 0
    for place in range(1 << sets.tasks[slot]):
        one = sets.order[slot, place]
        if not (least <= sets.count[slot, one] <= capacity and own[one] < np.inf):
            continue
        total = own[one] + sets.load[slot, one] ** 2 / hz
        worse = False
        for other in range(found - 1, -1, -1):
            if (
                kept.paid[slot, other] <= total
                and sets.weight[slot, kept.number[slot, other]] <= sets.weight[slot, one]
            ):
                worse = True
                break
        if not worse:
            kept.number[slot, found], kept.paid[slot, found] = one, total
            found += 1
    kept.count[slot] = found


@loop
def serve(
    cost: FloatArray,
    sets: Sets,
    server_hz: FloatArray,
    least: IntArray,
    capacity: IntArray,
    slot_s: float,
    nodes: FloatArray,
    taken: Any,
) -> float:
    """Return a bound on what one server's tasks cost over an episode, seconds.

    It is on the least, over sequences of a set of tasks in each slot, of the sum of their `cost`,
    of L^2 / F, and of the weighted number of tasks times W / F.

    By dynamic programming backward over slots: what is still to come is bounded from below at nodes
    of W, and between them by the line through them. For each set of a slot the cost is linear
    between two nodes but for bends, where its work takes W to a node of the next slot. So the least
    of all sets is above the line between two nodes but for the bends, and both are lowered by the
    most that a bend lies below it.

    Args:
        cost: of each task here, (K, M), seconds; inf: not allowed.
        sets: of the tasks of each slot.
        server_hz: F, (K,), cycles/s.
        least: tasks that it has to take, (K,).
        capacity: tasks that it may take, (K,).
        slot_s: tau, seconds; inf: nothing waits.
        nodes: of W, rising, from 0 to as much as there may be, cycles.
        taken: which tasks it takes, (K, M), to be written: what is least by these bounds.
    """
    num_slots, last = len(server_hz), len(nodes) - 1
    to_come = np.zeros((num_slots + 1, last + 1))
    shape = sets.work.shape
    kept = Kept(np.zeros(num_slots, np.int64), np.empty(shape, np.int64), np.empty(shape))
    own = np.empty(shape[1])
    slope, below = np.zeros(last + 1), np.empty(last)
    reached = np.zeros(num_slots + 1, np.int64)  # the node that W is below when a slot begins
    most = 0.0
    for slot in range(num_slots):
        _keep(slot, cost, sets, server_hz[slot], least[slot], capacity[slot], own, kept)
        work = 0.0
        for which in range(kept.count[slot]):
            work = max(work, sets.work[slot, kept.number[slot, which]])
        most = max(0.0, most + work - server_hz[slot] * slot_s)
        node = reached[slot]
        while node < last and nodes[node] < most:
            node += 1
        reached[slot + 1] = node
    for slot in range(num_slots - 1, -1, -1):
        hz, last = server_hz[slot], max(reached[slot], 1)
        out, after, ends = to_come[slot], to_come[slot + 1], max(reached[slot + 1], 1)
        for node in range(ends):
            slope[node] = (after[node + 1] - after[node]) / (nodes[node + 1] - nodes[node])
        out[:] = np.inf
        below[:] = 0.0
        for which in range(kept.count[slot]):
            one, base = kept.number[slot, which], kept.paid[slot, which]
            shift, wait = sets.work[slot, one] - hz * slot_s, sets.weight[slot, one] / hz
            at = 0
            for node in range(last + 1):
                left = nodes[node] + shift
                total = base + wait * nodes[node] + after[0]
                if left > 0:
                    while at < ends - 1 and nodes[at + 1] <= left:
                        at += 1
                    total += after[at] - after[0] + slope[at] * (left - nodes[at])
                out[node] = min(out[node], total)
        for which in range(kept.count[slot]):
            one, base = kept.number[slot, which], kept.paid[slot, which]
            shift, wait = sets.work[slot, one] - hz * slot_s, sets.weight[slot, one] / hz
            at = 0
            for bend in range(ends + 1):
                backlog = nodes[bend] - shift
                if backlog <= 0:
                    continue
                if not backlog < nodes[last]:
                    break
                while nodes[at + 1] <= backlog:
                    at += 1
                part = (backlog - nodes[at]) / (nodes[at + 1] - nodes[at])
                line = (1 - part) * out[at] + part * out[at + 1]
                below[at] = max(below[at], line - (base + wait * backlog + after[bend]))
        lowered = 0.0
        for node in range(last):
            out[node] -= max(lowered, below[node])
            lowered = below[node]
        out[last] -= lowered
    _follow(sets, kept, server_hz, slot_s, nodes, to_come, taken)
    return float(to_come[0, 0])


@loop
def _follow(
    sets: Sets,
    kept: Kept,
    server_hz: FloatArray,
    slot_s: float,
    nodes: FloatArray,
    to_come: FloatArray,
    taken: Any,
) -> None:
    """Write which tasks a server takes that goes by what is to come, slot by slot."""
    backlog = 0.0
    taken[:] = False
    for slot in range(len(server_hz)):
        hz, after = server_hz[slot], to_come[slot + 1]
        least, best, left = np.inf, 0, 0.0
        for which in range(kept.count[slot]):
            one = kept.number[slot, which]
            then = max(0.0, backlog + sets.work[slot, one] - hz * slot_s)
            total = kept.paid[slot, which] + sets.weight[slot, one] * backlog / hz
            at = min(max(np.searchsorted(nodes, then) - 1, 0), len(nodes) - 2)
            part = (then - nodes[at]) / (nodes[at + 1] - nodes[at])
            total += (1 - part) * after[at] + part * after[at + 1]
            if total < least:
                least, best, left = total, one, then
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
