"""What the agent sees, by name.

An observation is made when a slot begins and brought up to date after each decision, so that what
stays the same within a slot is written once.
"""

from abc import ABC, abstractmethod
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from mec_gym import bounds, rewards, system
from mec_gym.channels import FloatArray, unspread
from mec_gym.instance import Instance
from mec_gym.mdp import Slots, State
from mec_gym.scenario import Scenario

Array = NDArray[np.float32]
IntArray = NDArray[np.int64]


_ALL = 1 << 31
"""A lookahead beyond any number of devices."""


class Observation(ABC):
    """One way to see a state of a scenario's slots.

    Attributes:
        constants: arrays that are the same for every slot.
    """

    constants: tuple[NDArray[Any], ...]

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario

    @property
    @abstractmethod
    def space(self) -> gym.spaces.Box[np.float32]:
        """The space of one slot's observation."""

    @abstractmethod
    def free(self, observation: Array) -> NDArray[np.bool_]:
        """Return which servers have a free place, (..., N), as an observation shows it."""

    @abstractmethod
    def prepare(self, instance: Instance) -> tuple[NDArray[Any], ...]:
        """Return what is worked out once a slot: arrays with the slots' leading dimensions."""

    @staticmethod
    @abstractmethod
    def show(
        known: tuple[NDArray[Any], ...],
        constants: tuple[NDArray[Any], ...],
        slots: Slots,
        row: int,
        device: int,
        out: Array,
    ) -> None:
        """Write the observation of one of many slots; plain loops, to be compiled.

        Args:
            known: what `prepare` returns, a row for each slot.
            constants: the attribute.
            slots: the slots, flat.
            row: which of them.
            device: the device to decide on, M after the last.
            out: one slot's observation.
        """

    @abstractmethod
    def begin(self, state: State) -> Array:
        """Return the observation of a state, with its leading dimensions."""

    @abstractmethod
    def update(self, observation: Array, state: State) -> None:
        """Bring the observation before the last decision up to date, in place."""


class SIObservation(Observation):
    """Eq. (11) in SI units, of length M N + 2 M + N.

    Gains h_mn of the current step, device by device (M N); bits S_m (M); cycles C_m (M); places
    left M_n^max - u_n (N), negative on an overloaded server.
    """

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario)
        loads = np.arange(scenario.num_devices + 1)
        places = self._show_places(scenario.capacities[:, None] - loads)
        self._shown_places = places.astype(np.float32)  # how u tasks on server n show
        self._first_place = scenario.num_devices * (scenario.num_servers + 2)
        seen = scenario.num_devices if scenario.lookahead is None else scenario.lookahead
        self._num_devices = scenario.num_devices
        self._lookahead = min(seen, scenario.num_devices)
        self.constants = (self._shown_places, np.array([self._lookahead]))

    @property
    def space(self) -> gym.spaces.Box[np.float32]:
        """The scenario's ranges."""
        num_devices, places = self.scenario.num_devices, self.scenario.capacities
        ranges = self.scenario.ranges
        counts = {
            "gain": num_devices * self.scenario.num_servers,
            "task_bits": num_devices,
            "task_cycles": num_devices,
        }
        low = [np.full(count, ranges[name][0]) for name, count in counts.items()]
        high = [np.full(count, ranges[name][1]) for name, count in counts.items()]
        lows = np.concatenate([*low, places - num_devices], dtype="f")
        if self.scenario.lookahead is not None:
            lows = np.minimum(lows, 0)  # what is not seen
        # Rounded outward, so that no observation in float32 falls outside.
        return gym.spaces.Box(
            np.nextafter(lows, -np.inf),
            np.nextafter(np.concatenate([*high, places], dtype="f"), np.inf),
        )

    def prepare(self, instance: Instance) -> tuple[NDArray[Any], ...]:
        """Return Eq. (11) but for the places left, at each step T, (..., T, M N + 2 M).

        T is 1 where gains are constant within the slot, else M.
        """
        gains = instance.step_gain
        return (self._fixed(instance, instance.gain[..., None, :, :] if gains is None else gains),)

    def _fixed(self, instance: Instance, gains: FloatArray) -> Array:
        """Return Eq. (11) but for the places left, (..., T, M N + 2 M), of gains (..., T, M, N)."""
        lead, end = gains.shape[:-2], self._first_place
        bits, cycles = end - 2 * instance.num_devices, end - instance.num_devices
        fixed = np.empty((*lead, end), np.float32)
        fixed[..., :bits] = self._scaled("gain", gains.reshape(*lead, -1))
        fixed[..., bits:cycles] = self._scaled("task_bits", instance.task_bits)[..., None, :]
        fixed[..., cycles:] = self._scaled("task_cycles", instance.task_cycles)[..., None, :]
        return fixed

    @staticmethod
    def show(
        known: tuple[NDArray[Any], ...],
        constants: tuple[NDArray[Any], ...],
        slots: Slots,
        row: int,
        device: int,
        out: Array,
    ) -> None:
        """Write all of Eq. (11)."""
        step = min(device, known[0].shape[1] - 1)
        fixed, shown_places = known[0][row, step], constants[0]  # a row of its own: copied faster
        num_devices, num_servers = slots.num_devices, slots.num_servers
        first_place, links = len(fixed), num_devices * num_servers
        for entry in range(first_place):
            out[entry] = fixed[entry]
        for hidden in range(device + constants[1][0] + 1, num_devices):
            out[links + hidden] = out[links + num_devices + hidden] = 0.0
            for link in range(hidden * num_servers, (hidden + 1) * num_servers):
                out[link] = 0.0
        for server in range(num_servers):
            out[first_place + server] = shown_places[server, slots.load[row * num_servers + server]]

    def begin(self, state: State) -> Array:
        """Return all of Eq. (11)."""
        gains, step = state.instance.step_gain, min(state.device, self._num_devices - 1)
        gain = state.instance.gain if gains is None else gains[..., step, :, :]
        fixed = self._fixed(state.instance, gain[..., None, :, :])[..., 0, :]
        num_devices, num_servers = self.scenario.num_devices, self.scenario.num_servers
        hidden = state.device + self._lookahead + 1
        for first, size in ((0, num_servers), (num_devices * num_servers, 1), (-num_devices, 1)):
            part = fixed[..., first : first + num_devices * size or None]
            part[..., hidden * size :] = 0
        places = self._shown_places[np.arange(self.scenario.num_servers), state.load]
        return np.concatenate([fixed, places], axis=-1)

    def update(self, observation: Array, state: State) -> None:
        """Write the places left on the last server chosen, and what else is seen anew."""
        comes_into_sight = state.device + self._lookahead < self._num_devices
        if comes_into_sight or state.instance.step_gain is not None:
            observation[...] = self.begin(state)
            return
        shown = self._shown_places[state.last, state.slots.load[state.last_place]]
        observation[(*state.rows, self._first_place + state.last)] = shown

    def free(self, observation: Array) -> NDArray[np.bool_]:
        """Return which servers have a free place, (..., N)."""
        return observation[..., self._first_place :] > 0

    def _scaled(self, name: str, values: FloatArray) -> FloatArray:
        """Return how values of an attribute of the instance show."""
        return values

    def _show_places(self, places: IntArray) -> NDArray[Any]:
        """Return how places left show, (N, ...)."""
        return places


class PaperObservation(SIObservation):
    """Eq. (11), each entry scaled to [0, 1] by the scenario's own ranges; length M N + 2 M + N.

    A place left counts 1 / M_n^max, so an empty server shows 1, a full or overloaded one 0.
    """

    @property
    def space(self) -> gym.spaces.Box[np.float32]:
        """The unit box."""
        size = self._first_place + self.scenario.num_servers
        return gym.spaces.Box(0.0, 1.0, (size,), np.float32)

    def _fixed(self, instance: Instance, gains: FloatArray) -> Array:
        fixed = super()._fixed(instance, gains)
        # Scenario.check lets a slot stand beyond a range by a rounding error.
        return np.clip(fixed, 0, 1, out=fixed)

    def _scaled(self, name: str, values: FloatArray) -> FloatArray:
        if name == "gain":
            return self.scenario.channel.to_unit(values)
        return unspread(values, self.scenario.ranges[name])

    def _show_places(self, places: IntArray) -> NDArray[Any]:
        return np.maximum(places, 0) / np.maximum(self.scenario.capacities[:, None], 1)


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
    | 8 | free places over devices left, p / r, at most 1 |
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
                min(left / (to_come + 1), 1.0),
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


OBSERVATIONS: dict[str, type[Observation]] = {
    "paper": PaperObservation,
    "si": SIObservation,
    "servers": ServersObservation,
}
"""The observations by name; a new one is a class and an entry here."""
