"""The batched environment as a Stable-Baselines3 `VecEnv`."""

import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvStepReturn

from mec_gym.envs.vector import OffloadVectorEnv


class OffloadVecEnv(VecEnv):
    """A batched environment for Stable-Baselines3, with the statistics of its `Monitor`.

    The info of a copy has its `action_mask`; where its slot has just ended also the outcome, the
    `terminal_observation` and `episode`, with return `r`, length `l` and seconds since the start
    `t`. `env_method("action_masks")` gives the masks that MaskablePPO asks for.

    Args:
        env: what `gym.make_vec("mec_gym:MEC-Offload-v0", ...)` gives.
    """

    def __init__(self, env: OffloadVectorEnv) -> None:
        self.env = env
        self._started = time.time()
        self._returns = np.zeros(env.num_envs)
        self._lengths = np.zeros(env.num_envs, dtype=np.int64)
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)

    def reset(self) -> NDArray[np.float32]:
        """Begin the next slot of every copy, with the seeds of `seed` where it was called."""
        seeds = self._seeds if any(seed is not None for seed in self._seeds) else None
        observation, info = self.env.reset(seed=seeds)
        self.reset_infos = [{"action_mask": mask} for mask in info["action_mask"]]
        self._returns[:] = 0
        self._lengths[:] = 0
        self._reset_seeds()
        return observation

    def step_async(self, actions: NDArray[Any]) -> None:
        """Keep the actions, (num_envs,), for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Step every copy; one that ends its slot begins its next one."""
        observation, reward, done, _, info = self.env.step(self._actions)
        infos: list[dict[str, Any]] = [{"action_mask": mask} for mask in info["action_mask"]]
        self._returns += reward
        self._lengths += 1
        if done.any():
            final = info["final_info"]
            keys = [key for key in final if not key.startswith("_")]
            elapsed = round(time.time() - self._started, 6)
            for row in np.flatnonzero(done).tolist():
                infos[row] |= {key: final[key][row] for key in keys if key != "action_mask"}
                infos[row]["terminal_observation"] = info["final_obs"][row]
                infos[row]["TimeLimit.truncated"] = False
                infos[row]["episode"] = {
                    "r": float(self._returns[row]),
                    "l": int(self._lengths[row]),
                    "t": elapsed,
                }
            self._returns[done] = 0
            self._lengths[done] = 0
        return observation, reward.astype(np.float32), done, infos

    def state(self) -> dict[str, Any]:
        """Return what `restore` goes on from, as JSON values."""
        return {
            "copies": self.env.state(),
            "returns": self._returns.tolist(),
            "lengths": self._lengths.tolist(),
        }

    def restore(self, state: dict[str, Any]) -> NDArray[np.float32]:
        """Go on from what `state` returned of a batch of the same arguments; return what is seen.

        Raises:
            ValueError: it is not such a state.
            KeyError: likewise.
        """
        observation = self.env.restore(state["copies"])
        self._returns[:] = state["returns"]
        self._lengths[:] = state["lengths"]
        return observation

    def close(self) -> None:
        """Close the batched environment."""
        self.env.close()

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """Return an attribute of the batched environment, once for each copy asked for."""
        return [getattr(self.env, attr_name) for _ in self._rows(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Refuse: the copies share their attributes."""
        raise AttributeError(f"{attr_name}: the copies share their attributes; make a new batch")

    def env_method(
        self,
        method_name: str,
        *method_args: Any,
        indices: VecEnvIndices = None,
        **method_kwargs: Any,
    ) -> list[Any]:
        """Call a method whose result has a row for each copy, and return the rows asked for."""
        results = getattr(self.env, method_name)(*method_args, **method_kwargs)
        return [results[row] for row in self._rows(indices)]

    def env_is_wrapped(self, wrapper_class: Any, indices: VecEnvIndices = None) -> list[bool]:
        """Return False for each copy: none is wrapped."""
        return [False for _ in self._rows(indices)]

    def _rows(self, indices: VecEnvIndices) -> Sequence[int]:
        rows: Iterable[int] = self._get_indices(indices)
        return list(rows)
