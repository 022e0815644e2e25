"""The paper's state, Eq. (11): in SI units, or scaled to [0, 1]."""

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from mec_gym.channels import FloatArray
from mec_gym.instance import Instance
from mec_gym.kernels import kernel
from mec_gym.mdp import IntArray, Slot, State
from mec_gym.observations.base import Array, Observation
from mec_gym.ranges import to_unit
from mec_gym.scenario import Scenario


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
        self._shown_one_by_one = self._shown_places.tolist()
        self._first_place = scenario.num_devices * (scenario.num_servers + 2)
        self.free_at = slice(self._first_place, None)  # places left
        seen = scenario.num_devices if scenario.lookahead is None else scenario.lookahead
        self._num_devices = scenario.num_devices
        self._lookahead = min(seen, scenario.num_devices)
        self.constants = (self._shown_places, np.array([self._lookahead]))

    @property
    def space(self) -> "gym.spaces.Box[np.float32]":
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

    def prepare(self, instance: Instance) -> NDArray[Any]:
        """Return Eq. (11) but for the places left, at each step T, (..., T, M N + 2 M).

        T is 1 where gains are constant within the slot, else M.
        """
        gains = instance.step_gain
        return self._fixed(instance, instance.gain[..., None, :, :] if gains is None else gains)

    def _fixed(self, instance: Instance, gains: FloatArray) -> Array:
        """Return Eq. (11) but for the places left, (..., T, M N + 2 M), of gains (..., T, M, N)."""
        lead, end = gains.shape[:-2], self._first_place
        first_bits, first_cycles = end - 2 * instance.num_devices, end - instance.num_devices
        fixed = np.empty((*lead, end), np.float32)
        fixed[..., :first_bits] = self._scaled("gain", gains.reshape(*lead, -1))
        bits = self._scaled("task_bits", instance.task_bits)
        cycles = self._scaled("task_cycles", instance.task_cycles)
        fixed[..., first_bits:first_cycles] = bits[..., None, :]
        fixed[..., first_cycles:] = cycles[..., None, :]
        return fixed

    @staticmethod
    @kernel
    def write(
        slot: Slot,
        device: int,
        prepared: NDArray[Any],
        constants: tuple[NDArray[Any], ...],
        out: Array,
    ) -> None:
        """Write all of Eq. (11)."""
        fixed, shown_places = prepared[min(device, len(prepared) - 1)], constants[0]
        num_devices, num_servers = len(slot.task_cycles), len(slot.server_hz)
        first_place, links = len(fixed), num_devices * num_servers
        for entry in range(first_place):
            out[entry] = fixed[entry]
        for hidden in range(device + constants[1][0] + 1, num_devices):
            out[links + hidden] = out[links + num_devices + hidden] = 0.0
            for link in range(hidden * num_servers, (hidden + 1) * num_servers):
                out[link] = 0.0
        for server in range(num_servers):
            out[first_place + server] = shown_places[server, slot.load[server]]

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
        if comes_into_sight or state.gains_change:
            observation[...] = self.begin(state)
            return
        server = state.last
        if not state.rows:
            shown = self._shown_one_by_one[server][state.slot.load[server]]
            observation[self._first_place + server] = shown
            return
        shown = self._shown_places[server, state.slot.load[state.at(server)]]
        observation[(*state.rows, self._first_place + server)] = shown

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
    def space(self) -> "gym.spaces.Box[np.float32]":
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
        return to_unit(values, self.scenario.ranges[name])

    def _show_places(self, places: IntArray) -> NDArray[Any]:
        return np.maximum(places, 0) / np.maximum(self.scenario.capacities[:, None], 1)
