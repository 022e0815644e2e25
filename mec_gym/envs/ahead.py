"""The slots that one environment has drawn ahead, and how their first observations look."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym.mdp import Prepare, State, States
from mec_gym.observations import Observation
from mec_gym.scenario import Scenario

_GAINS_AT_FIRST, _GAINS_AT_MOST = 512, 16384
"""Slots are drawn in blocks, for speed; one by one they are the same.

The first has about so many gains, each that follows twice as many, but at most so many.
"""


class Ahead:
    """Slots drawn ahead from a generator, begun one after the other.

    Args:
        scenario: what they are drawn from.
        observer: what shows them.
        prepare: what works out what the reward knows of them.
        places: whether slots say where devices and servers are, if the channel knows.
    """

    def __init__(
        self, scenario: Scenario, observer: Observation, prepare: Prepare, places: bool = False
    ) -> None:
        self._places = places
        self._scenario, self._observer, self._prepare = scenario, observer, prepare
        # An observation that overrides `begin` knows how to show many slots at once.
        self._shown_at_once = type(observer).begin is not Observation.begin
        self._shape = observer.space.shape
        self._first, self._most = (
            max(1, gains // scenario.num_gains) for gains in (_GAINS_AT_FIRST, _GAINS_AT_MOST)
        )
        self._states: States
        self._shown: NDArray[Any]  # their observations, or what `prepare` returns of each
        self.drop()

    def drop(self) -> None:
        """Forget what is drawn: the generator is another one."""
        self._next = self._drawn = 0

    def begin_next(self, rng: np.random.Generator) -> tuple[State, NDArray[np.float32]]:
        """Return the state of the next slot of a generator, and its observation."""
        if self._next == self._drawn:
            self._drawn = min(2 * self._drawn or self._first, self._most)
            slots = self._scenario.draw(self._drawn, rng, self._places)
            self._states = States(slots, self._prepare)
            at_once = self._shown_at_once
            self._shown = (
                self._observer.begin(State(slots)) if at_once else self._observer.prepare(slots)
            )
            self._next = 0
        row = self._next
        self._next += 1
        state = self._states[row]
        if self._shown_at_once:
            return state, self._shown[row]
        state.prepared = self._shown[row]
        observation = np.empty(self._shape, np.float32)
        Observation.update(self._observer, observation, state)
        return state, observation
