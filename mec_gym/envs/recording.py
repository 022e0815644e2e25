"""A wrapper for recorders that want the same `info` keys at every step, as Minari does."""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

from mec_gym import system
from mec_gym.envs.offload import OffloadEnv


class OutcomeAtEveryStep(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Give every `info` the keys of a slot's last one; until then their values say nothing.

    Numbers are then NaN, counts -1, `assignment` -1 for every device, and `feasible` False.

    Args:
        env: what `gym.make("mec_gym:MEC-Offload-v0", ...)` gives.

    Raises:
        ValueError: it is of another kind.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        inner = env.unwrapped
        if not isinstance(inner, OffloadEnv):
            raise ValueError(f"env: {env} is not of MEC-Offload-v0, whose outcome this is")
        self._num_devices = inner.scenario.num_devices
        slot = inner.scenario.sample(1, 0)[0]
        self._reported = {
            name: np.nan if value.dtype.kind == "f" else -1
            for name, value in system.report(slot, np.zeros(self._num_devices, np.int64)).items()
        }

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin the next slot."""
        observation, info = self.env.reset(seed=seed, options=options)
        return observation, self._nothing_yet() | info

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Give the current device to a server."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, float(reward), terminated, truncated, self._nothing_yet() | info

    def _nothing_yet(self) -> dict[str, Any]:
        count = self._num_devices
        return {
            "assignment": np.full(count, -1, dtype=np.int64),
            "cpu_hz": np.full(count, np.nan),
            "task_delay": np.full(count, np.nan),
            "average_delay": np.nan,
            "overloads": -1,
            "feasible": False,
            **self._reported,
        }
