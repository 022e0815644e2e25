"""A row of features a server, so that one network fits any number of devices and servers."""

import math
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from mec_gym import bounds
from mec_gym.instance import Instance
from mec_gym.kernels import kernel
from mec_gym.mdp import Slot, is_open, write_mask
from mec_gym.observations.base import Array, Observation
from mec_gym.scenario import Scenario

_ALL = 1 << 31
"""A lookahead beyond any number of devices."""

_QUANTILES = 256
"""So many equally likely values of q stand for the distribution of a task that is not seen."""

_UNSHARED = 100.0
"""So many times the others' mean CPU frequency stand for one that no tasks share, F = inf."""

_LONGEST = 1e290
"""Seconds; what is longer counts as that, so that differences are numbers."""


@kernel
def squashed(value: Any) -> Any:
    """Return a number between -3 and 3, about the same near 0: far off, sizes look alike."""
    return value / (1 + abs(value) / 3)


@kernel
def within(value: float, limit: float) -> float:
    """Return a number cut off at -limit and limit."""
    return min(max(value, -limit), limit)


@kernel
def tx_to_come(slot: Slot, first: int, end: int) -> list[float]:
    """Return what the links of some devices to each server cost in all, (N,), seconds."""
    num_servers = len(slot.server_hz)
    total = [0.0] * num_servers  # an array would be slower where this is plain Python
    for device in range(first, end):
        link_cost = slot.link_cost[device]
        for server in range(num_servers):
            total[server] += link_cost[server]
    for server in range(num_servers):
        total[server] = min(total[server], _LONGEST)
    return total


class ServersObservation(Observation):
    """All that one server's worth for the current device depends on, a row a server: (N, 19).

    The same features at any M and N, so that one network fits all sizes. Sizes q = sqrt(C) are in
    units of the slot's mean q-, levels in units of l = q- / (mean of F), delays in units of q- l:
    one task on one server, whatever their numbers. What lies beyond -10 and 10 is cut off, and
    s(x) = x / (1 + |x| / 3). T, F, L, p are the server's transmission delay for the device, CPU
    frequency, sum of q so far and free places; P is the sum of p over servers, r the devices left
    with the current one, r' = r - 1 those to come, R the sum of q over all r, and w the water level
    (`bounds.water_level`) that R reaches.

    For tasks beyond `lookahead` the scenario's distribution stands in: the mean of q and of q^2,
    and the share of larger q. Their T is left out, and so is any T to come where gains change
    within the slot. T is what a link costs, delay alone or weighted with energy; a column beside
    the servers is a row like theirs, with 100 times their mean F, and the level is then 0. Where no
    server is open to the device, 0 shows the mask of `mec_gym.mdp.write_mask`, and all else is 0.

    | column | feature |
    |---|---|
    | 0 | 1 if the server is open to the device, else all of its row is 0 |
    | 1 | T |
    | 2 | 10 (T less the least T of a free server) |
    | 3 | rise in the bound on the total computation delay, see `bounds.rise_at_level` |
    | 4 | room below the water level, s(w - L / F) |
    | 5 | the same once the task has joined, s(w - (L + q) / F) |
    | 6 | F over the servers' mean |
    | 7 | free places over the free servers' mean, f p / P with f free servers |
    | 8 | 1 / p |
    | 9 | room for each free place, (w F - L) / p |
    | 10 | s(room for each place then left, less the mean q to come or q-), 0 where none is left |
    | 11 | share of the free places that faster servers have |
    | 12 | q less 1 |
    | 13 | mean q of the devices to come, less 1 |
    | 14 | standard deviation of q over the devices to come |
    | 15 | share of the devices to come that have a larger q, those of the same half |
    | 16 | 20 / r' times the sum, over the devices to come, of T less its mean over free servers |
    | 17 | share of the free places that will stay empty, (P - r) / P |
    | 18 | few devices to come, 1 / (1 + r' / f) |
    """

    NUM_FEATURES = 19
    LIMIT = 10.0
    free_at = 0
    any_size = True

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario)
        # Not M where all is seen: a network may play slots of other sizes.
        lookahead = _ALL if scenario.lookahead is None else min(scenario.lookahead, _ALL)
        cycles = scenario.cycles_quantiles(_QUANTILES)
        numbers = [lookahead, scenario.mean_sqrt_cycles, cycles.mean(), self.LIMIT]
        self.constants = (np.array(numbers), np.sqrt(cycles))

    @property
    def space(self) -> "gym.spaces.Box[np.float32]":
        """Rows of features."""
        shape = (self.scenario.num_actions, self.NUM_FEATURES)
        return gym.spaces.Box(-self.LIMIT, self.LIMIT, shape, np.float32)

    @property
    def blocks(self) -> NDArray[np.int64]:
        """Nothing: whatever is prepared is of no device."""
        return np.empty((0, 2), np.int64)

    def prepare(self, instance: Instance) -> NDArray[Any]:
        """Return whether the links of later devices are known, (..., 1): not where gains change."""
        return np.full((*instance.batch_shape, 1), instance.step_gain is None)

    @staticmethod
    def write(
        slot: Slot,
        device: int,
        prepared: NDArray[Any],
        constants: tuple[NDArray[Any], ...],
        out: Array,
    ) -> None:
        """Write the features of each server; zeros after the last device."""
        num_devices, num_servers = len(slot.task_cycles), len(slot.server_hz)
        out[:] = 0.0
        if device == num_devices:
            return
        numbers, quantiles = constants[0], constants[1]
        lookahead, mean, mean_square = int(numbers[0]), float(numbers[1]), float(numbers[2])
        limit = float(numbers[3])  # Python's own numbers are faster than NumPy's
        to_come = num_devices - device - 1
        end = min(device + lookahead + 1, num_devices)  # of those seen
        hidden, joining = num_devices - end, slot.sqrt_cycles[device]
        sqrt_before = larger = 0.0
        sqrt_to_come, squares = hidden * mean, hidden * mean_square
        for earlier in range(device):
            sqrt_before += slot.sqrt_cycles[earlier]
        for later in range(device + 1, end):
            other = slot.sqrt_cycles[later]
            sqrt_to_come += other
            squares += other * other
            larger += 1.0 if other > joining else 0.5 if other == joining else 0.0
        if hidden:
            below = np.searchsorted(quantiles, joining)
            below += np.searchsorted(quantiles, joining, side="right")
            larger += hidden * (1 - below / 2 / len(quantiles))
        unit_sqrt = (sqrt_before + joining + sqrt_to_come) / num_devices
        mean_to_come, deviation = unit_sqrt, 0.0
        if to_come:
            mean_to_come = sqrt_to_come / to_come
            deviation = math.sqrt(max(squares / to_come - mean_to_come * mean_to_come, 0.0))
            larger /= to_come
        num_shared = 0  # of the servers share their CPU
        known = end if prepared[0] else device + 1  # of these devices the links are known
        later_tx = tx_to_come(slot, device + 1, known)
        total_hz, places, num_free, least, mean_tx_to_come = 0.0, 0, 0, np.inf, 0.0
        for server in range(num_servers):
            if slot.server_hz[server] < math.inf:
                total_hz += slot.server_hz[server]
                num_shared += 1
            if is_open(slot, device, server):
                places += slot.capacity[server] - slot.load[server]
                least = min(least, slot.link_cost[device][server])
                mean_tx_to_come += later_tx[server]
                num_free += 1
        if num_free == 0:
            write_mask(slot, device, out[:, 0])
            return
        mean_tx_to_come /= num_free
        unit_level = num_shared * unit_sqrt / total_hz
        unit_delay = unit_sqrt * unit_level
        level = bounds.water_level(slot.server_hz, slot.sqrt_load, joining + sqrt_to_come)
        # The same for every server, where one is free.
        size = within(joining / unit_sqrt - 1, limit)
        size_to_come = within(mean_to_come / unit_sqrt - 1, limit)
        spread, larger = within(deviation / unit_sqrt, limit), within(larger, limit)
        empty = within((places - to_come - 1) / places, limit)
        few = within(1 / (1 + to_come / num_free), limit)
        for server in range(num_servers):
            left = slot.capacity[server] - slot.load[server]
            if not is_open(slot, device, server):
                continue
            hz, load = slot.server_hz[server], slot.sqrt_load[server]
            if hz == math.inf:
                hz, load = _UNSHARED * total_hz / num_shared, 0.0
            tx_delay = slot.link_cost[device][server]
            faster = 0
            for peer in range(num_servers):
                if slot.server_hz[peer] > hz:
                    faster += max(slot.capacity[peer] - slot.load[peer], 0)
            room = level * hz - load
            beside = ((room - joining) / (left - 1) - mean_to_come) / unit_sqrt if left > 1 else 0.0
            rise = bounds.rise_at_level(
                slot.server_hz, slot.sqrt_load, sqrt_to_come, server, joining, level
            )
            beyond_mean = later_tx[server] - mean_tx_to_come
            row = out[server]
            row[0] = 1.0
            row[1] = within(tx_delay / unit_delay, limit)
            row[2] = within(10 * (tx_delay - least) / unit_delay, limit)
            row[3] = within(rise / unit_delay, limit)
            row[4] = within(squashed(room / hz / unit_level), limit)
            row[5] = within(squashed((room - joining) / hz / unit_level), limit)
            row[6] = within(hz * num_shared / total_hz, limit)
            row[7] = within(left * num_free / places, limit)
            row[8] = within(1 / left, limit)
            row[9] = within(room / left / unit_sqrt, limit)
            row[10] = within(squashed(beside), limit)
            row[11] = within(faster / places, limit)
            row[12] = size
            row[13] = size_to_come
            row[14] = spread
            row[15] = larger
            row[16] = within(20 * beyond_mean / max(to_come, 1) / unit_delay, limit)
            row[17] = empty
            row[18] = few
