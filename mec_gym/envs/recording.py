"""A wrapper for recorders that want the same `info` keys at every step, as Minari does."""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

from mec_gym import system
from mec_gym.envs.offload import OffloadEnv


class OutcomeAtEveryStep(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Give every `info` the keys of an episode's last one; until then their values say nothing.

    Numbers are then NaN, counts -1, `assignment` -1 for every device, and `feasible` False. Where
    slots follow one another, what there is of each task is filled up in the same way, to one number
    for each device of the scenario.

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
        self._reported: dict[str, Any] = {
            name: np.nan if value.dtype.kind == "f" else -1
            for name, value in system.report(slot, np.zeros(self._num_devices, np.int64)).items()
        }
        self._num_servers = inner.scenario.num_servers if inner.scenario.slots > 1 else None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin the next slot."""
        observation, info = self.env.reset(seed=seed, options=options)
        return observation, self._nothing_yet() | info

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Give the current device to a server."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        nothing = self._nothing_yet()
        if self._num_servers is not None:
            for name in _OF_TASKS & info.keys():
                nothing[name][: len(info[name])] = info[name]
                info[name] = nothing[name]
        return observation, float(reward), terminated, truncated, nothing | info

    def _nothing_yet(self) -> dict[str, Any]:
        count = self._num_devices
        nothing: dict[str, Any] = {
            "assignment": np.full(count, -1, dtype=np.int64),
            "cpu_hz": np.full(count, np.nan),
            "task_delay": np.full(count, np.nan),
            "average_delay": np.nan,
            "overloads": -1,
            "feasible": False,
            **self._reported,
        }
        if self._num_servers is not None:
            told = ("average_delay", "overloads", "feasible", *self._reported)
            nothing |= {f"episode_{name}": nothing[name] for name in told}
            nothing |= dict.fromkeys(("slot", "handovers"), -1)
            nothing |= dict.fromkeys(("episode_handovers", "episode_tasks"), -1)
            nothing["devices"] = np.full(count, -1, dtype=np.int64)
            nothing["backlog_cycles"] = np.full(self._num_servers, np.nan)
        return nothing


_OF_TASKS = {"assignment", "cpu_hz", "task_delay", "devices"}
"""What an `info` has of each task."""
