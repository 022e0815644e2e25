"""What servers and devices make of prices over an episode, compiled; see `bounds.episodes`."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mec_gym.compiling import loop

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Options(NamedTuple):
    """What a server may take in each slot, O options at most.

    Each is a set of tasks; or, where `width` is above 0, options stand in for all sets: for each
    set there are two, with its work between theirs, which differ by `width` at most, so that the
    line through them is not above the set's cost, and neither weighs more.

    Attributes:
        many: how many options there are, (K,).
        paid: what each costs but for waiting, (K, O), seconds.
        weight: sum of w, (K, O).
        work: sum of C, (K, O), cycles.
        width: cycles, (K,).
    """

    many: IntArray
    paid: FloatArray
    weight: FloatArray
    work: FloatArray
    width: FloatArray


_TOP = 0.3432
"""No less than 6 - sqrt(32): see `_lowered`."""


@loop
def _lowered(left: float, at: int, nodes: FloatArray, top: FloatArray, width: float) -> float:
    """Return by how much an option is lowered that leaves so much work over, seconds.

    Where the slope rises by s at a bend between two options, d and d' from them, the line through
    them is above it by s d d' / (d + d') there: by s d (1 - d / width) at most. That is below
    6 - sqrt(32) times s width (1 - d / (2 width)), which has no bend but there where it bends up.

    Args:
        left: cycles.
        at: the node at or below it; 0 where there is none.
        nodes: of W, cycles, no closer than `width`.
        top: as much at each node, seconds.
        width: by how much the work of two options next to each other differs at most, cycles.
    """
    most = 0.0
    if width > 0:
        for node in range(max(at - 1, 0), min(at + 3, len(nodes))):
            most = max(most, top[node] * (1 - abs(left - nodes[node]) / (2 * width)))
    return most


@loop
def serve(
    options: Options, server_hz: FloatArray, slot_s: float, nodes: FloatArray, path: IntArray
) -> float:
    """Return a bound on what one server's tasks cost over an episode, seconds.

    It is on the least, over sequences of an option in each slot, of the sum of what they cost, and
    of the weighted number of tasks times W / F.

    By dynamic programming backward over slots: what is still to come is bounded from below at nodes
    of W, and between them by the line through them. For each option of a slot the cost is linear
    between two nodes but for bends, where its work takes W to a node of the next slot. So the least
    of all options is above the line between two nodes but for the bends, and both are lowered by
    the most that a bend lies below it. A set between two options is above the line through them but
    for a bend between them: options are lowered near bends, see `_lowered`. W beyond what options
    can bring about by then is left out.

    Args:
        options: of each slot.
        server_hz: F, (K,), cycles/s.
        slot_s: tau, seconds; inf: nothing waits.
        nodes: of W, rising, from 0 to as much as there may be, cycles; no closer than `width`.
        path: the options that are least by these bounds, (K,), to be written.
    """
    num_slots, last = len(server_hz), len(nodes) - 1
    to_come = np.zeros((num_slots + 1, last + 1))
    slope, below, top = np.zeros(last + 1), np.empty(last), np.zeros(last + 1)
    reached = np.zeros(num_slots + 1, np.int64)  # the node that W is below when a slot begins
    most = 0.0
    for slot in range(num_slots):
        work = 0.0
        for one in range(options.many[slot]):
            work = max(work, options.work[slot, one])
        most = max(0.0, most + work - server_hz[slot] * slot_s)
        node = reached[slot]
        while node < last and nodes[node] < most:
            node += 1
        reached[slot + 1] = node
    for slot in range(num_slots - 1, -1, -1):
        hz, begins, ends = server_hz[slot], max(reached[slot], 1), max(reached[slot + 1], 1)
        out, after = to_come[slot], to_come[slot + 1]
        for node in range(ends):
            slope[node] = (after[node + 1] - after[node]) / (nodes[node + 1] - nodes[node])
        top[:] = 0.0
        width = options.width[slot]
        if width > 0:
            for node in range(ends):
                more = slope[node] - (slope[node - 1] if node > 0 else 0.0)
                top[node] = max(more, 0.0) * width * _TOP
        out[:] = np.inf
        below[:] = 0.0
        for one in range(options.many[slot]):
            shift, wait = options.work[slot, one] - hz * slot_s, options.weight[slot, one] / hz
            base, at = options.paid[slot, one] + after[0], 0
            for node in range(begins + 1):
                left = nodes[node] + shift
                total = base + wait * nodes[node]
                if left > 0:
                    while at < ends - 1 and nodes[at + 1] <= left:
                        at += 1
                    total += after[at] - after[0] + slope[at] * (left - nodes[at])
                out[node] = min(out[node], total - _lowered(left, at, nodes, top, width))
        for one in range(options.many[slot]):
            shift, wait = options.work[slot, one] - hz * slot_s, options.weight[slot, one] / hz
            base, at = options.paid[slot, one], 0
            for bend in range(ends + 1):
                backlog = nodes[bend] - shift
                if backlog <= 0:
                    continue
                if not backlog < nodes[begins]:
                    break
                while nodes[at + 1] <= backlog:
                    at += 1
                part = (backlog - nodes[at]) / (nodes[at + 1] - nodes[at])
                line = (1 - part) * out[at] + part * out[at + 1]
                near = _lowered(nodes[bend], bend, nodes, top, width)
                below[at] = max(below[at], line - (base + wait * backlog + after[bend] - near))
        lowered = 0.0
        for node in range(begins):
            out[node] -= max(lowered, below[node])
            lowered = below[node]
        out[begins] -= lowered
    _follow(options, server_hz, slot_s, nodes, to_come, path)
    return float(to_come[0, 0])


@loop
def _follow(
    options: Options,
    server_hz: FloatArray,
    slot_s: float,
    nodes: FloatArray,
    to_come: FloatArray,
    path: IntArray,
) -> None:
    """Write what a server takes that goes by what is to come, slot by slot."""
    backlog = 0.0
    for slot in range(len(server_hz)):
        hz, after = server_hz[slot], to_come[slot + 1]
        least, left = np.inf, 0.0
        for one in range(options.many[slot]):
            then = max(0.0, backlog + options.work[slot, one] - hz * slot_s)
            total = options.paid[slot, one] + options.weight[slot, one] * backlog / hz
            at = min(max(np.searchsorted(nodes, then) - 1, 0), len(nodes) - 2)
            part = (then - nodes[at]) / (nodes[at + 1] - nodes[at])
            total += (1 - part) * after[at] + part * after[at + 1]
            if total < least:
                least, path[slot], left = total, one, then
        backlog = left


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
