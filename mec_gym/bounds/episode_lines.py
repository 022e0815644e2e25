"""What a server may take of many tasks: for each number of them a line above work, compiled.

**Proof.** For j tasks of load L = sum of q and work u = sum of C, L^2 / F >= p L - p^2 F / 4. So
their cost is at least the sum of the j least values of c + p q + l C, less p^2 F / 4, less l u: a
line in u for any p and l. Between two works the line that is highest in the middle is taken.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym.bounds.episode_loops import Options
from mec_gym.compiling import loop

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_PRICES, _PARTS = 12, 48
"""Values of l, and parts that the range of work of as many tasks is cut into."""

_TRIES = 6
"""Values of p of which the best is taken."""


def options_at_most(capacity: int) -> int:
    """Return how many options a slot has at most where a server has so many places."""
    return (capacity + 1) * (_PARTS + _PRICES + 1)


@loop
def _least(values: FloatArray, count: int, which: IntArray) -> None:
    """Write which are the least `count` of some values, in rising order; all where there are fewer.

    Behind them stands -1.
    """
    found = 0
    for one in range(len(values)):
        value = values[one]
        if not value < np.inf or (found == count and value >= values[which[count - 1]]):
            continue
        place = min(found, count - 1)
        while place > 0 and values[which[place - 1]] > value:
            which[place] = which[place - 1]
            place -= 1
        which[place] = one
        found = min(found + 1, count)
    which[found:] = -1


@loop
def _heights(
    cost: FloatArray,
    size: FloatArray,
    work: FloatArray,
    hz: float,
    slope: FloatArray,
    height: FloatArray,
    best_price: FloatArray,
) -> None:
    """Write the height of the line of each l for each number of tasks, and the p that it takes.

    Args:
        cost: of each task on the server, (M,), seconds; inf: not allowed.
        size: q, (M,), sqrt(cycles).
        work: C, (M,), cycles.
        hz: F, cycles/s.
        slope: l, (L,), s/cycle.
        height: of number 0 to as many as may be, (L, J), seconds.
        best_price: p, (L, J), s/sqrt(cycle).
    """
    most = height.shape[1] - 1
    values, which = np.empty(len(cost)), np.empty(len(cost), np.int64)
    least, largest = np.inf, 0.0
    for device in range(len(cost)):
        if cost[device] < np.inf:
            least, largest = min(least, size[device]), max(largest, size[device])
    height[:] = -np.inf
    height[:, 0], best_price[:, 0] = 0.0, 0.0
    for number in range(len(slope)):
        for count in range(1, most + 1):
            # It is concave in p: the load of the tasks that are least says on which side it rises.
            low, high = 2 * count * least / hz, 2 * count * largest / hz
            price = (low + high) / 2
            for _ in range(_TRIES):
                for device in range(len(cost)):
                    values[device] = cost[device]
                    values[device] += price * size[device] + slope[number] * work[device]
                _least(values, count, which)
                total, load = -(price**2) * hz / 4, 0.0
                for place in range(count):
                    total += values[which[place]]
                    load += size[which[place]]
                if total > height[number, count]:
                    height[number, count], best_price[number, count] = total, price
                if load > price * hz / 2:
                    low = price
                else:
                    high = price
                price = 2 * load / hz
                if not low < price < high:
                    price = (low + high) / 2


@loop
def line_options(
    cost: FloatArray,
    size: FloatArray,
    weight: FloatArray,
    work: FloatArray,
    server_hz: FloatArray,
    least: IntArray,
    capacity: IntArray,
    later: FloatArray,
    found_at: FloatArray,
) -> Options:
    """Return options between which all sets of tasks lie, in each slot.

    Args:
        cost: of each task on the server, (K, M), seconds; inf: not allowed.
        size: q, (K, M), sqrt(cycles).
        weight: w, (K, M).
        work: C, (K, M), cycles.
        server_hz: F, (K,), cycles/s.
        least: tasks that it has to take, (K,).
        capacity: tasks that it may take, (K,).
        later: the most that l may be, (K,), s/cycle.
        found_at: number of tasks, p and l of each option, (K, O, 3), to be written.
    """
    num_slots, num_devices = cost.shape
    shape = (num_slots, found_at.shape[1])
    made = Options(
        np.zeros(num_slots, np.int64),
        np.empty(shape),
        np.empty(shape),
        np.empty(shape),
        np.zeros(num_slots),
    )
    values, which = np.empty(num_devices), np.full(num_devices, -1)
    slope = np.empty(_PRICES)
    for slot in range(num_slots):
        allowed = 0
        for device in range(num_devices):
            allowed += cost[slot, device] < np.inf
        most = min(capacity[slot], allowed)
        for number in range(_PRICES):
            slope[number] = later[slot] * (number / (_PRICES - 1)) ** 2
        height, price = np.empty((_PRICES, most + 1)), np.empty((_PRICES, most + 1))
        _heights(cost[slot], size[slot], work[slot], server_hz[slot], slope, height, price)
        # Sums of so many of the lightest tasks, of the shortest and of the longest.
        light, low, high = np.zeros(most + 1), np.zeros(most + 1), np.zeros(most + 1)
        for kind in range(3):
            sums = light if kind == 0 else low if kind == 1 else high
            for device in range(num_devices):
                value = weight[slot, device] if kind == 0 else work[slot, device]
                value = -value if kind == 2 else value
                values[device] = value if cost[slot, device] < np.inf else np.inf
            _least(values, most, which)
            for count in range(1, most + 1):
                sums[count] = sums[count - 1] + abs(values[which[count - 1]])
        found = 0
        for count in range(least[slot], most + 1):
            part = (high[count] - low[count]) / _PARTS
            made.width[slot] = max(made.width[slot], part)
            at, line, place = low[count], 0, 0
            for number in range(1, _PRICES):
                if height[number, count] - slope[number] * at > (
                    height[line, count] - slope[line] * at
                ):
                    line = number
            while True:
                made.paid[slot, found] = height[line, count] - slope[line] * at
                made.work[slot, found], made.weight[slot, found] = at, light[count]
                found_at[slot, found, 0] = count
                found_at[slot, found, 1] = price[line, count]
                found_at[slot, found, 2] = slope[line]
                found += 1
                if slope[line] == 0 or place == _PARTS or part == 0:  # more work costs no less
                    break
                # On along this line, to where a flatter one is above it.
                after, flatter = low[count] + (place + 1) * part, line
                if place + 1 == _PARTS:
                    after = high[count]
                for number in range(line):
                    meets = height[line, count] - height[number, count]
                    meets /= slope[line] - slope[number]
                    if meets < after:
                        after, flatter = max(meets, at), number
                place += flatter == line
                at, line = after, flatter
        made.many[slot] = found
    return made


@loop
def take_lines(
    cost: FloatArray,
    size: FloatArray,
    work: FloatArray,
    found_at: FloatArray,
    path: IntArray,
    taken: Any,
) -> None:
    """Write which tasks, (K, M), have the cost of the lines of a path's options, (K,)."""
    num_slots, num_devices = cost.shape
    values, which = np.empty(num_devices), np.full(num_devices, -1)
    taken[:] = False
    for slot in range(num_slots):
        count, price, slope = found_at[slot, path[slot]]
        for device in range(num_devices):
            values[device] = cost[slot, device]
            values[device] += price * size[slot, device] + slope * work[slot, device]
        if count > 0:
            _least(values, int(count), which)
            for place in range(int(count)):
                taken[slot, which[place]] = True
