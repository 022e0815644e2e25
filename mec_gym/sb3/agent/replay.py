"""Stable-Baselines3's replay buffer, read with less overhead."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.buffers import ReplayBuffer

from mec_gym.compiling import loop

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

    def add(
        self,
        obs: NDArray[Any],
        next_obs: NDArray[Any],
        action: NDArray[Any],
        reward: NDArray[Any],
        done: NDArray[Any],
        infos: list[dict[str, Any]],
    ) -> None:
        """Keep a step of each copy, (n_envs, ...): as Stable-Baselines3's own, copied only once."""
        row = self.pos
        self.observations[row], self.next_observations[row] = obs, next_obs
        self.actions[row, :, 0] = action.ravel()
        self.rewards[row], self.dones[row], self.timeouts[row] = reward, done, 0
        if done.any():
            self.timeouts[row] = [info.get("TimeLimit.truncated", False) for info in infos]
        self.pos = (row + 1) % self.buffer_size
        self.full = self.full or self.pos == 0

    def minibatch(self, size: int) -> Minibatch:
        """Return transitions drawn at random: those of `sample` with the same random numbers."""
        stored = self.buffer_size if self.full else self.pos
        # NumPy's global generator, as Stable-Baselines3.
        rows = np.random.randint(0, stored, size=size) * self.n_envs  # noqa: NPY002
        if self.n_envs > 1:  # one of one takes no random number
            rows += np.random.randint(0, self.n_envs, size=size)  # noqa: NPY002
        kept = (self.observations, self.actions, self.next_observations, self.dones, self.rewards)
        # A transition is a row; an observation one of numbers.
        flat = (each.reshape(self.buffer_size * self.n_envs, -1) for each in kept)
        before, actions, after, dones, rewards = _gathered(rows, *flat)
        shape = (size, *self.obs_shape)
        return Minibatch(before.reshape(shape), actions, after.reshape(shape), dones, rewards)


@loop
def _gathered(
    rows: Any, observations: Any, actions: Any, next_observations: Any, dones: Any, rewards: Any
) -> Any:
    """Return some rows of each array (transitions, K), of actions, ends and rewards 1-D."""
    count, width = len(rows), observations.shape[1]
    before = np.empty((count, width), observations.dtype)
    after = np.empty((count, width), observations.dtype)
    chosen = np.empty(count, actions.dtype)
    ends, earned = np.empty(count, dones.dtype), np.empty(count, rewards.dtype)
    for number in range(count):
        row = rows[number]
        for entry in range(width):
            before[number, entry] = observations[row, entry]
            after[number, entry] = next_observations[row, entry]
        chosen[number], ends[number], earned[number] = (
            actions[row, 0],
            dones[row, 0],
            rewards[row, 0],
        )
    return before, chosen, after, ends, earned
