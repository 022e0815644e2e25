"""What the agent sees, by name.

An observation is made when a slot begins and brought up to date after each decision, so that what
stays the same within a slot is written once.
"""

from abc import ABC, abstractmethod
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from mec_gym.channels import FloatArray, unspread
from mec_gym.instance import Instance
from mec_gym.mdp import Slots, State
from mec_gym.scenario import Scenario

Array = NDArray[np.float32]
IntArray = NDArray[np.int64]


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

    Gains h_mn, device by device (M N); bits S_m (M); cycles C_m (M); places left M_n^max - u_n (N),
    negative on an overloaded server.
    """

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario)
        loads = np.arange(scenario.num_devices + 1)
        places = self._show_places(scenario.capacities[:, None] - loads)
        self._shown_places = places.astype(np.float32)  # how u tasks on server n show
        self._first_place = scenario.num_devices * (scenario.num_servers + 2)
        self.constants = (self._shown_places,)

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
        # Rounded outward, so that no observation in float32 falls outside.
        return gym.spaces.Box(
            np.nextafter(np.concatenate([*low, places - num_devices], dtype="f"), -np.inf),
            np.nextafter(np.concatenate([*high, places], dtype="f"), np.inf),
        )

    def prepare(self, instance: Instance) -> tuple[NDArray[Any], ...]:
        """Return Eq. (11) but for the places left, (..., M N + 2 M)."""
        batch, end = instance.batch_shape, self._first_place
        bits, cycles = end - 2 * instance.num_devices, end - instance.num_devices
        fixed = np.empty((*batch, end), np.float32)
        fixed[..., :bits] = self._scaled("gain", instance.gain.reshape(*batch, -1))
        fixed[..., bits:cycles] = self._scaled("task_bits", instance.task_bits)
        fixed[..., cycles:] = self._scaled("task_cycles", instance.task_cycles)
        return (fixed,)

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
        fixed, shown_places = known[0][row], constants[0]  # a row of its own: copied faster
        first_place, num_servers = len(fixed), len(shown_places)
        for entry in range(first_place):
            out[entry] = fixed[entry]
        for server in range(num_servers):
            out[first_place + server] = shown_places[server, slots.load[row * num_servers + server]]

    def begin(self, state: State) -> Array:
        """Return all of Eq. (11)."""
        (fixed,) = self.prepare(state.instance)
        places = self._shown_places[np.arange(self.scenario.num_servers), state.load]
        return np.concatenate([fixed, places], axis=-1)

    def update(self, observation: Array, state: State) -> None:
        """Write the places left on the last server chosen; nothing else has changed."""
        *_, place = state.at(state.last)
        shown = self._shown_places[state.last, state.slots.load[place]]
        observation[(*state.rows, self._first_place + state.last)] = shown

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

    def prepare(self, instance: Instance) -> tuple[NDArray[Any], ...]:
        """Return Eq. (11) but for the places left, (..., M N + 2 M)."""
        (fixed,) = super().prepare(instance)
        # Scenario.check lets a slot stand beyond a range by a rounding error.
        return (np.clip(fixed, 0, 1, out=fixed),)

    def _scaled(self, name: str, values: FloatArray) -> FloatArray:
        if name == "gain":
            return self.scenario.channel.to_unit(values)
        return unspread(values, self.scenario.ranges[name])

    def _show_places(self, places: IntArray) -> NDArray[Any]:
        return np.maximum(places, 0) / np.maximum(self.scenario.capacities[:, None], 1)


OBSERVATIONS: dict[str, type[Observation]] = {"paper": PaperObservation, "si": SIObservation}
"""The observations by name; a new one is a class and an entry here."""
