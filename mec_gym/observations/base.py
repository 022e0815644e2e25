"""What every observation has.

An observation is made when a slot begins and brought up to date after each decision, so that what
stays the same within a slot is written once.
"""

from abc import ABC, abstractmethod
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from mec_gym.instance import Instance
from mec_gym.mdp import Slots, State
from mec_gym.scenario import Scenario

Array = NDArray[np.float32]


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
