"""The paper's state, Eq. (11): in SI units, or scaled to [0, 1]."""

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from mec_gym import options
from mec_gym.channels import FloatArray
from mec_gym.instance import Instance
from mec_gym.kernels import kernel
from mec_gym.mdp import IntArray, Slot, State, write_mask
from mec_gym.observations.base import Array, Observation
from mec_gym.ranges import to_unit
from mec_gym.scenario import Scenario


class SIObservation(Observation):
    """Eq. (11) in SI units, of length M N + 2 M + N.

    Gains h_mn of the current step, device by device (M N); bits S_m (M); cycles C_m (M); places
    left M_n^max - u_n (N), negative on an overloaded server.

    Where the scenario has options more is seen. Before the places: each that it gives of
    `mec_gym.options.OF_DEVICES` (M each), and, where there are services, 1 for each server that
    does not host a device's (M N). Behind them the mask of the current device over all actions (A).
    """

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario)
        loads = np.arange(scenario.num_devices + 1)
        places = self._show_places(scenario.capacities[:, None] - loads)
        self._shown_places = places.astype(np.float32)  # how u tasks on server n show
        self._shown_one_by_one = self._shown_places.tolist()
        self._num_devices = scenario.num_devices
        self._options = list(scenario.option_ranges)
        widths = [scenario.num_servers, 1, 1, *(1 for _ in self._options)]
        if scenario.services is not None:
            widths.append(scenario.num_servers)
        ends = scenario.num_devices * np.cumsum(widths)
        # Where what is seen of devices stands: its first entry, and how many each has.
        self._blocks = np.stack([ends - scenario.num_devices * np.array(widths), widths], axis=-1)
        self._first_place = int(ends[-1])
        self._first_masked = self._first_place + scenario.num_servers
        self._size = self._first_masked
        self.free_at = slice(self._first_place, None)  # places left
        self._is_plain = options.is_plain(scenario)
        if not self._is_plain:
            self._size += scenario.num_actions
            self.free_at = slice(self._first_masked, None)
        seen = scenario.num_devices if scenario.lookahead is None else scenario.lookahead
        self._lookahead = min(seen, scenario.num_devices)
        # Before these devices more is seen anew than the places left on one server.
        self._anew_before = scenario.num_devices + (1 if not self._is_plain else -self._lookahead)
        numbers = np.array([self._lookahead, self._first_masked, self._size])
        self.constants = (self._shown_places, numbers, self._blocks)

    @property
    def space(self) -> "gym.spaces.Box[np.float32]":
        """The scenario's ranges."""
        places, num_devices = self.scenario.capacities, self.scenario.num_devices
        limits = [*(self.scenario.ranges | self.scenario.option_ranges).values()]
        if self.scenario.services is not None:
            limits.append((0.0, 1.0))
        counts = [num_devices * width for _, width in self._blocks.tolist()]
        low = [np.full(count, ends[0]) for count, ends in zip(counts, limits, strict=True)]
        high = [np.full(count, ends[1]) for count, ends in zip(counts, limits, strict=True)]
        masked = self._size - self._first_masked
        low += [places - num_devices, np.zeros(masked)]
        high += [places, np.ones(masked)]
        lows = np.concatenate(low, dtype="f")
        if self.scenario.lookahead is not None:
            lows[: self._first_masked] = np.minimum(lows[: self._first_masked], 0)  # not seen
        # Rounded outward, so that no observation in float32 falls outside.
        return gym.spaces.Box(
            np.nextafter(lows, -np.inf), np.nextafter(np.concatenate(high, dtype="f"), np.inf)
        )

    @property
    def blocks(self) -> NDArray[np.int64]:
        """Gains, bits, cycles, and each option."""
        return self._blocks

    def prepare(self, instance: Instance) -> NDArray[Any]:
        """Return Eq. (11) but for the places left, at each step T, (..., T, M N + 2 M).

        T is 1 where gains are constant within the slot, else M.
        """
        gains = instance.step_gain
        return self._fixed(instance, instance.gain[..., None, :, :] if gains is None else gains)

    def _fixed(self, instance: Instance, gains: FloatArray) -> Array:
        """Return what is seen of devices, (..., T, K), of gains (..., T, M, N)."""
        lead, num_devices = gains.shape[:-2], gains.shape[-2]
        fixed = np.empty((*lead, self._first_place), np.float32)
        if num_devices < self._num_devices:  # the others have no task
            fixed[...] = 0
        shown = {"gain": gains.reshape(*lead, -1)}
        for name in ("task_bits", "task_cycles", *self._options):
            shown[name] = getattr(instance, name)[..., None, :]
        for (first, width), (name, values) in zip(
            self._blocks.tolist(), shown.items(), strict=False
        ):
            fixed[..., first : first + num_devices * width] = self._scaled(name, values)
        if instance.fetch_delay_s is not None:
            first = self._first_place - self._num_devices * self.scenario.num_servers
            missing = (instance.fetch_delay_s > 0).reshape(*instance.batch_shape, 1, -1)
            fixed[..., first : first + missing.shape[-1]] = missing
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
        lookahead, first_masked, size = constants[1]
        num_devices, blocks = len(slot.task_cycles), constants[2]
        first_place = len(fixed)
        for entry in range(first_place):
            out[entry] = fixed[entry]
        for hidden in range(device + lookahead + 1, num_devices):
            for block in range(len(blocks)):
                first = blocks[block, 0] + hidden * blocks[block, 1]
                for entry in range(first, first + blocks[block, 1]):
                    out[entry] = 0.0
        for server in range(first_masked - first_place):
            out[first_place + server] = shown_places[server, slot.load[server]]
        if size > first_masked:
            write_mask(slot, device, out[first_masked:])

    def begin(self, state: State) -> Array:
        """Return all of Eq. (11)."""
        gains, step = state.instance.step_gain, min(state.device, self._num_devices - 1)
        gain = state.instance.gain if gains is None else gains[..., step, :, :]
        fixed = self._fixed(state.instance, gain[..., None, :, :])[..., 0, :]
        hidden = state.device + self._lookahead + 1
        for first, width in self._blocks.tolist():
            part = fixed[..., first : first + self._num_devices * width]
            part[..., hidden * width :] = 0
        num_servers = self.scenario.num_servers
        places = self._shown_places[np.arange(num_servers), state.load[..., :num_servers]]
        mask = [] if self._is_plain else [state.mask]
        return np.concatenate([fixed, places, *mask], axis=-1, dtype=np.float32)

    def update(self, observation: Array, state: State) -> None:
        """Write the places left on the last server chosen, and what else is seen anew."""
        if state.device < self._anew_before or state.gains_change:
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

    A place left counts 1 / M_n^max, so an empty server shows 1, a full or overloaded one 0. Where
    the scenario has options more is seen, see `SIObservation`.
    """

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario)
        self._limits = scenario.ranges | scenario.option_ranges

    @property
    def space(self) -> "gym.spaces.Box[np.float32]":
        """The unit box."""
        return gym.spaces.Box(0.0, 1.0, (self._size,), np.float32)

    def _fixed(self, instance: Instance, gains: FloatArray) -> Array:
        fixed = super()._fixed(instance, gains)
        # Scenario.check lets a slot stand beyond a range by a rounding error.
        return np.clip(fixed, 0, 1, out=fixed)

    def _scaled(self, name: str, values: FloatArray) -> FloatArray:
        if name == "gain":
            return self.scenario.radio.to_unit(values)
        return to_unit(values, self._limits[name])

    def _show_places(self, places: IntArray) -> NDArray[Any]:
        return np.maximum(places, 0) / np.maximum(self.scenario.capacities[:, None], 1)
