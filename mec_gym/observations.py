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
from mec_gym.mdp import State
from mec_gym.scenario import Scenario

Array = NDArray[np.float32]
IntArray = NDArray[np.int64]


class Observation(ABC):
    """One way to see a state of a scenario's slots.

    Attributes:
        shown_places: how u tasks on server n show, (N, M + 1).
        first_place: where the servers' part begins, which is last.
    """

    shown_places: Array
    first_place: int

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario

    @property
    @abstractmethod
    def space(self) -> gym.spaces.Box[np.float32]:
        """The space of one slot's observation."""

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
        self.shown_places = self._show_places(scenario.capacities[:, None] - loads).astype(
            np.float32
        )
        self.first_place = scenario.num_devices * (scenario.num_servers + 2)

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

    def begin(self, state: State) -> Array:
        """Return all of Eq. (11)."""
        instance, end = state.instance, self.first_place
        observation = np.empty((*instance.batch_shape, end + instance.num_servers), np.float32)
        bits = end - 2 * instance.num_devices
        cycles = end - instance.num_devices
        gain = instance.gain.reshape(*instance.batch_shape, -1)
        self._show("gain", gain, observation[..., :bits])
        self._show("task_bits", instance.task_bits, observation[..., bits:cycles])
        self._show("task_cycles", instance.task_cycles, observation[..., cycles:end])
        servers = np.arange(instance.num_servers)
        observation[..., end:] = self.shown_places[servers, state.load]
        return observation

    def update(self, observation: Array, state: State) -> None:
        """Write the places left on the last server chosen; nothing else has changed."""
        *_, place = state.at(state.last)
        shown = self.shown_places[state.last, state.slots.load[place]]
        observation[(*state.rows, self.first_place + state.last)] = shown

    def _show(self, name: str, values: FloatArray, shown: Array) -> None:
        """Write how values of an attribute of the instance show."""
        shown[...] = values

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
        size = self.first_place + self.scenario.num_servers
        return gym.spaces.Box(0.0, 1.0, (size,), np.float32)

    def _show(self, name: str, values: FloatArray, shown: Array) -> None:
        if name == "gain":
            shown[...] = self.scenario.channel.to_unit(values)
        else:
            shown[...] = unspread(values, self.scenario.ranges[name])
        # Scenario.check lets a slot stand beyond a range by a rounding error.
        np.clip(shown, 0, 1, out=shown)

    def _show_places(self, places: IntArray) -> NDArray[Any]:
        return np.maximum(places, 0) / np.maximum(self.scenario.capacities[:, None], 1)


OBSERVATIONS: dict[str, type[Observation]] = {"paper": PaperObservation, "si": SIObservation}
"""The observations by name; a new one is a class and an entry here."""
