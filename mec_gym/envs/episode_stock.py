"""The episodes that the copies of a batch have drawn ahead, each from a generator of its own."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym import dynamics, options
from mec_gym.envs.following import Following
from mec_gym.envs.in_turn import filling_of
from mec_gym.envs.stock import FOR_GAIN, GAINS_KEPT, Stock

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_FLAGS = 8
"""So many of them take the room of a gain."""


class EpisodeStock(Stock):
    """A stock of episodes: its rows have one each, and a copy's slot stands in a row of its own.

    Attributes:
        following: the episodes, and the slots that are played.
    """

    following: Following

    def _takes(self) -> tuple[int, int]:
        scenario, numbers = self._scenario, sum(dynamics.num_uniforms(self._scenario))
        if filling_of(scenario, self._observer) is not None:
            # Slots are drawn as they begin. What is drawn ahead is little, and of many copies at a
            # time takes a fraction of what it takes of those few that need it at once.
            left = scenario.num_servers if scenario.background else 0
            gains = scenario.slots * (scenario.num_devices // _FLAGS + left)
            return numbers, max(1, min(gains, GAINS_KEPT // (2 * self._num_envs)))
        gains = scenario.num_gains
        if not options.is_plain(scenario):
            gains += FOR_GAIN * scenario.num_devices * scenario.num_servers
        return numbers, gains * scenario.slots

    def _make_room(self, rows: int) -> None:
        self.following = Following(
            self._scenario, self._observer, self._num_envs, rows, self.first_given, self._prepare
        )
        self.slots, self.prepared = self.following.slots, self.following.prepared

    def keep(self, slots: Any, rows: IntArray) -> None:
        """Put episodes into some rows."""
        self.following.drawn.keep(slots, rows)

    def _fill(self, copies: IntArray) -> None:
        in_turn = self.following.in_turn
        if in_turn is None:
            super()._fill(copies)
            return
        first = self._drawn[copies] % self._parts * self._depth
        for layer in range(self._depth):
            rows = (first + layer) * self._num_envs + copies
            in_turn.begin(self._generators, copies, rows)

    def _write(self, unit: FloatArray, rows: IntArray) -> None:
        self.keep(dynamics.from_uniforms(self._scenario, unit, False), rows)
