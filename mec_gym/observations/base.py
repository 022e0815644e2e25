"""What every observation has; a new one needs `space`, `write` and `free_at`, the rest is here.

An observation is made when a slot begins and brought up to date after each decision, so that one
which stays the same in part can write that part once.
"""

from abc import ABC, abstractmethod
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from mec_gym.instance import Instance
from mec_gym.mdp import Slot, State, slot_at
from mec_gym.scenario import Scenario

Array = NDArray[np.float32]


class Observation(ABC):
    """One way to see a state of a scenario's slots.

    Attributes:
        constants: arrays that are the same for every slot; a tuple.
        free_at: where it shows which servers have a free place: an index of its last axis, whose
            N entries are above 0 for a free server; a column where it has a row a server.
    """

    constants: tuple[NDArray[Any], ...] = ()
    free_at: int | slice

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario

    @property
    @abstractmethod
    def space(self) -> "gym.spaces.Box[np.float32]":
        """The space of one slot's observation, (K,), or (N, K) with a row a server."""

    @staticmethod
    @abstractmethod
    def write(
        slot: Slot,
        device: int,
        prepared: NDArray[Any],
        constants: tuple[NDArray[Any], ...],
        out: Array,
    ) -> None:
        """Write the observation of one slot; plain loops, which are also compiled.

        Args:
            slot: the slot so far.
            device: the device to decide on, M after the last.
            prepared: what `prepare` returned of this slot.
            constants: the attribute.
            out: one observation, of the space's shape; every entry is to be written.
        """

    def prepare(self, instance: Instance) -> NDArray[Any]:
        """Return what is worked out once a slot, (..., K...), with the slots' leading dimensions.

        By default nothing, (..., 0).
        """
        return np.empty((*instance.batch_shape, 0))

    def free(self, observation: Array) -> NDArray[np.bool_]:
        """Return which servers have a free place, (..., N), as observations (..., *space) show."""
        return observation[..., self.free_at] > 0

    def begin(self, state: State) -> Array:
        """Return the observation of a state, with its leading dimensions."""
        state.prepared = self.prepare(state.instance)
        observation = np.empty((*state.instance.batch_shape, *self.space.shape), np.float32)
        Observation.update(self, observation, state)
        return observation

    def update(self, observation: Array, state: State) -> None:
        """Bring the observation before the last decision up to date, in place."""
        if not state.rows:
            self.write(state.slot, state.device, state.prepared, self.constants, observation)
            return
        for row, out in enumerate(observation):
            slot = slot_at(state.slot, row)
            self.write(slot, state.device, state.prepared[row], self.constants, out)


def check(observer: Observation) -> None:
    """Check on a slot that an observation is what it says; for those of a user's own.

    Raises:
        ValueError: the first thing that is not.
    """
    slots = observer.scenario.sample(2, 0)
    state, batch, space = State(slots[1]), State(slots), observer.space
    num_devices, last = slots.num_devices, slots.num_devices - 1
    seen, together = observer.begin(state), observer.begin(batch)
    for device in range(num_devices + 1):
        if device in (0, num_devices // 2, last, num_devices):
            written = np.full(space.shape, np.nan, np.float32)
            observer.write(state.slot, device, state.prepared, observer.constants, written)
            if not np.isfinite(written).all():
                raise ValueError(
                    f"write leaves an entry out, or writes what is no number: {written}"
                )
            if not space.contains(written):
                raise ValueError(f"what it writes is outside its space {space}: {written}")
            if (written != seen).any() or (written != together[1]).any():
                raise ValueError("write, begin and update show one slot differently")
            free = observer.free(written)
            if free.shape != state.free.shape or (free != state.free).any():
                raise ValueError(
                    f"free_at {observer.free_at} shows {free}, but free are {state.free}"
                )
        if device < num_devices:
            server = int(state.free.argmax())  # one after the other becomes full
            state.assign(server)
            batch.assign(np.full(2, server))
            observer.update(seen, state)
            observer.update(together, batch)
