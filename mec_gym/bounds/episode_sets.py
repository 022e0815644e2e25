"""What a server may take of few tasks: every set of them, compiled."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mec_gym.bounds.episode_loops import Options
from mec_gym.compiling import loop

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Sets(NamedTuple):
    """All sets of the tasks of each slot, in the order of their bits, S of them at most.

    Attributes:
        device: which have a task, (K, m); -1 behind the last.
        tasks: how many they are, (K,).
        members: tasks in each set, (K, S).
        load: sum of q, (K, S), sqrt(cycles).
        weight: sum of w, (K, S).
        work: sum of C, (K, S), cycles.
        order: the sets of each slot by their work, the least first, (K, S).
    """

    device: IntArray
    tasks: IntArray
    members: IntArray
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
                made.members[slot, one] = made.members[slot, rest] + 1
                made.load[slot, one] = made.load[slot, rest] + size[slot, m]
                made.weight[slot, one] = made.weight[slot, rest] + weight[slot, m]
                made.work[slot, one] = made.work[slot, rest] + work[slot, m]
        every = 1 << tasks[slot]
        made.order[slot, :every] = np.argsort(made.work[slot, :every], kind="mergesort")
    return made


@loop
def set_options(
    cost: FloatArray,
    sets: Sets,
    server_hz: FloatArray,
    least: IntArray,
    capacity: IntArray,
    number: IntArray,
) -> Options:
    """Return the sets of which no other has less cost, work and weight together, in each slot.

    Args:
        cost: of each task on the server, (K, M), seconds; inf: not allowed.
        sets: of the tasks of each slot.
        server_hz: F, (K,), cycles/s.
        least: tasks that it has to take, (K,).
        capacity: tasks that it may take, (K,).
        number: which set each option is, (K, S), to be written.
    """
    num_slots, shape = len(cost), sets.work.shape
    made = Options(
        np.zeros(num_slots, np.int64),
        np.empty(shape),
        np.empty(shape),
        np.empty(shape),
        np.zeros(num_slots),
    )
    own = np.empty(shape[1])
    for slot in range(num_slots):
        own[0] = 0.0
        for place in range(sets.tasks[slot]):
            alone = cost[slot, sets.device[slot, place]]
            for one in range(1 << place, 2 << place):
                own[one] = own[one - (1 << place)] + alone
        found = 0
        for place in range(1 << sets.tasks[slot]):
            one = sets.order[slot, place]
            if not (least[slot] <= sets.members[slot, one] <= capacity[slot] and own[one] < np.inf):
                continue
            total = own[one] + sets.load[slot, one] ** 2 / server_hz[slot]
            weight, worse = sets.weight[slot, one], False
            for other in range(found - 1, -1, -1):
                if made.paid[slot, other] <= total and made.weight[slot, other] <= weight:
                    worse = True
                    break
            if not worse:
                number[slot, found], made.paid[slot, found] = one, total
                made.weight[slot, found], made.work[slot, found] = weight, sets.work[slot, one]
                found += 1
        made.many[slot] = found
    return made


@loop
def take_sets(sets: Sets, number: IntArray, path: IntArray, taken: Any) -> None:
    """Write which tasks, (K, M), the options of a path are, (K,)."""
    taken[:] = False
    for slot in range(len(path)):
        one = number[slot, path[slot]]
        for place in range(sets.tasks[slot]):
            taken[slot, sets.device[slot, place]] = (one >> place) & 1 == 1
