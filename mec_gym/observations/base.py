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
        any_size: whether a network on it may play slots of other numbers of devices and servers:
            then neither `constants` nor what `prepare` returns of a slot depend on how many of them
            the scenario has.
    """

    constants: tuple[NDArray[Any], ...] = ()
    free_at: int | slice
    any_size: bool = False

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario

    @property
    def blocks(self) -> NDArray[np.int64] | None:
        """Where `prepare` returns numbers of single devices, one device after the other, (n, 2).

        The first entry of each list of them, and how many each device has; of slots in which fewer
        devices have a task theirs stand first, and 0 behind them. All else is the same whichever
        devices there are. None: what it returns is to be worked out anew for each of these slots.
        """
        prepares = type(self).prepare is not Observation.prepare
        return None if prepares else np.empty((0, 2), np.int64)

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

    def plans_whole(self, instance: Instance) -> bool:
        """Return whether it plans slots by prices and knows all of them; by default it does not.

        A policy that is given such slots need not decide in their devices' order.
        """
        return False

    def priced(self, instance: Instance, prepared: NDArray[Any]) -> NDArray[np.float64]:
        """Return by what prices it has planned slots, (B, 3, N), see `plans_whole`; else (B, 0, N).

        Prices p_n, charges k_n and, first in a row, the unit of delay, seconds.

        Args:
            instance: the slots (B,).
            prepared: what `prepare` returned of them.
        """
        return np.empty((len(instance), 0, instance.num_actions))

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
