"""Stable-Baselines3's replay buffer, read with less overhead."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.buffers import ReplayBuffer

Array = NDArray[np.float32]


class Minibatch(NamedTuple):
    """B transitions: observations before and after are (B, K), the others (B,)."""

    observations: Array
    actions: NDArray[np.int64]
    next_observations: Array
    dones: Array
    rewards: Array


class FlatReplayBuffer(ReplayBuffer):
    """A replay buffer for observations that are one array, of episodes that are never truncated."""

    def minibatch(self, size: int) -> Minibatch:
        """Return transitions drawn at random: those of `sample` with the same random numbers."""
        stored = self.buffer_size if self.full else self.pos
        # NumPy's global generator, as Stable-Baselines3.
        rows = np.random.randint(0, stored, size=size) * self.n_envs  # noqa: NPY002
        rows += np.random.randint(0, self.n_envs, size=size)  # noqa: NPY002
        return Minibatch(
            self._rows(self.observations, rows),
            self._rows(self.actions, rows)[:, 0],
            self._rows(self.next_observations, rows),
            self._rows(self.dones, rows),
            self._rows(self.rewards, rows),
        )

    def _rows(self, kept: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[Any]:
        """Return rows of an array (buffer_size, n_envs, ...), seen as one row a transition."""
        return kept.reshape(self.buffer_size * self.n_envs, *kept.shape[2:]).take(rows, axis=0)
