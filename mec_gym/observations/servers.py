"""A row of features a server, so that one network fits any number of devices and servers."""

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from mec_gym import bounds, rewards, system
from mec_gym.instance import Instance
from mec_gym.mdp import Slots, State
from mec_gym.observations.base import Array, Observation
from mec_gym.scenario import Scenario

_ALL = 1 << 31
"""A lookahead beyond any number of devices."""


class ServersObservation(Observation):
    """All that one server's worth for the current device depends on, a row a server: (N, 16).

    The same features at any M and N, so that one network fits all sizes. Sizes q = sqrt(C) are in
    units of the slot's mean q-, levels in units of l = M q- / sum of F, delays in units of q- l;
    what lies beyond -10 and 10 is cut off. T, F, L, p are the server's transmission delay for the
    device, CPU frequency, sum of q so far and free places; P is the sum of p over servers, r the
    devices left with the current one, R the sum of q over them, and w the water level
    (`bounds.fill`) that R reaches. Of tasks beyond `lookahead` the scenario's mean q is used.

    | column | feature |
    |---|---|
    | 0 | 1 if the server is free, else all of its row is 0 |
    | 1 | T |
    | 2 | T less the least T of a free server |
    | 3 | computation delay that the task adds, q (2 L + q) / F |
    | 4 | rise in the bound on the total computation delay, see `rewards.computing_rise` |
    | 5 | room below the water level, w - L / F |
    | 6 | the same once the task has joined, w - (L + q) / F |
    | 7 | F over the servers' mean |
    | 8 | free places over the servers' mean, N p / P |
    | 9 | 1 / p |
    | 10 | room for each free place, (w F - L) / p |
    | 11 | share of the free places that faster servers have |
    | 12 | q less 1 |
    | 13 | mean q of the devices to come, less 1 |
    | 14 | share of the free places that will stay empty, (P - r) / P |
    | 15 | share of the devices left, r / M |
    """

    NUM_FEATURES = 16
    LIMIT = 10.0

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario)
        # Not M where all is seen: a network may play slots of other sizes.
        lookahead = _ALL if scenario.lookahead is None else min(scenario.lookahead, _ALL)
        self.constants = (np.array([lookahead, scenario.mean_sqrt_cycles, self.LIMIT]),)

    @property
    def space(self) -> gym.spaces.Box[np.float32]:
        """Rows of features."""
        shape = (self.scenario.num_servers, self.NUM_FEATURES)
        return gym.spaces.Box(-self.LIMIT, self.LIMIT, shape, np.float32)

    def free(self, observation: Array) -> NDArray[np.bool_]:
        """Return which servers have a free place, (..., N)."""
        return observation[..., 0] > 0

    def prepare(self, instance: Instance) -> tuple[NDArray[Any], ...]:
        """Return nothing: the slots hold all that is needed."""
        return ()

    @staticmethod
    def show(
        known: tuple[NDArray[Any], ...],
        constants: tuple[NDArray[Any], ...],
        slots: Slots,
        row: int,
        device: int,
        out: Array,
    ) -> None:
        """Write the features of each server; zeros after the last device."""
        num_devices, num_servers = slots.num_devices, slots.num_servers
        out[:] = 0.0
        if device == num_devices:
            return
        first_task, first = row * num_devices, row * num_servers
        task, lookahead = first_task + device, int(constants[0][0])
        mean, limit = constants[0][1], constants[0][2]
        seen = min(device + lookahead + 1, num_devices)
        gone = rest = 0.0
        for earlier in range(first_task, task):
            gone += slots.sqrt_cycles[earlier]
        for later in range(task + 1, first_task + seen):
            rest += slots.sqrt_cycles[later]
        rest += (num_devices - seen) * mean
        joining, to_come = slots.sqrt_cycles[task], num_devices - device - 1
        size = (gone + joining + rest) / num_devices
        speed, places, sending = 0.0, 0, np.inf
        for place in range(first, first + num_servers):
            speed += slots.server_hz[place]
            if slots.load[place] < slots.capacity[place]:
                places += slots.capacity[place] - slots.load[place]
                sending = min(sending, slots.tx_delay[task * num_servers + place - first])
        height = num_devices * size / speed
        delay = size * height
        level = bounds.fill(
            slots.server_hz, slots.sqrt_load, first, num_servers, joining + rest, -1, 0.0
        )
        for server in range(num_servers):
            place = first + server
            left = slots.capacity[place] - slots.load[place]
            if left <= 0:
                continue
            hz, load = slots.server_hz[place], slots.sqrt_load[place]
            tx_delay = slots.tx_delay[task * num_servers + server]
            faster = 0
            for other in range(first, first + num_servers):
                if slots.server_hz[other] > hz:
                    faster += max(slots.capacity[other] - slots.load[other], 0)
            rise = rewards.computing_rise(slots, first, place, joining, rest, level)
            features = (
                1.0,
                tx_delay / delay,
                (tx_delay - sending) / delay,
                system.delay_rise(0.0, joining, hz, load) / delay,
                rise / delay,
                (level - load / hz) / height,
                (level - (load + joining) / hz) / height,
                hz * num_servers / speed,
                left * num_servers / places,
                1 / left,
                (level * hz - load) / left / size,
                faster / places,
                joining / size - 1,
                rest / to_come / size - 1 if to_come else 0.0,
                (places - to_come - 1) / places,
                (to_come + 1) / num_devices,
            )
            for column, feature in enumerate(features):
                out[server, column] = min(max(feature, -limit), limit)

    def begin(self, state: State) -> Array:
        """Return the features of a state."""
        batch = state.instance.batch_shape
        observation = np.empty((*batch, self.scenario.num_servers, self.NUM_FEATURES), np.float32)
        self.update(observation, state)
        return observation

    def update(self, observation: Array, state: State) -> None:
        """Work out every feature anew, one slot after the other."""
        rows = observation if state.rows else observation[None]
        for row, out in enumerate(rows):
            self.show((), self.constants, state.slots, row, state.device, out)
