"""The batched environment as a Stable-Baselines3 `VecEnv`."""

import time
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from mec_gym.io import extras

with extras.needed("a VecEnv"):
    from stable_baselines3.common.vec_env import VecEnv
    from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvStepReturn

from mec_gym.envs.vector import OffloadVectorEnv
from mec_gym.io.messages import quoted

_OF_STEPS = ("action_mask", "final_obs", "final_info")
"""What a batch says of every step, and of episodes that are over."""


class OffloadVecEnv(VecEnv):
    """A batched environment for Stable-Baselines3, with the statistics of its `Monitor`.

    The info of a copy has its `action_mask`; where its slot has just ended also the outcome, and
    where its episode has, the `terminal_observation` and `episode`, with return `r`, length `l` and
    seconds since the start `t`. `env_method` takes `action_masks`, which MaskablePPO asks for, and
    `reset`.

    Args:
        env: what `gym.make_vec("mec_gym:MEC-Offload-v0", ...)` gives.

    Raises:
        ValueError: its copies do not begin their next slots by themselves in the same step.
    """

    def __init__(self, env: OffloadVectorEnv) -> None:
        if env.autoreset_mode is not AutoresetMode.SAME_STEP:
            raise ValueError(
                f"autoreset_mode: {env.autoreset_mode.name}; Stable-Baselines3 needs SAME_STEP, the"
                " default of gym.make_vec"
            )
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
        observation, reward, terminated, truncated, info = self.env.step(self._actions)
        done = terminated | truncated
        infos: list[dict[str, Any]] = [{"action_mask": mask} for mask in info["action_mask"]]
        self._returns += reward
        self._lengths += 1
        if "_slot" in info:  # has ended, and another follows
            keys = [key for key in info if f"_{key}" in info and key not in _OF_STEPS]
            for row in np.flatnonzero(info["_slot"]).tolist():
                infos[row] |= {key: info[key][row] for key in keys if info[f"_{key}"][row]}
        if done.any():
            final = info["final_info"]
            keys = [key for key in final if not key.startswith("_")]
            elapsed = round(time.time() - self._started, 6)
            for row in np.flatnonzero(done).tolist():
                infos[row] |= {
                    key: final[key][row]
                    for key in keys
                    if key != "action_mask" and final[f"_{key}"][row]
                }
                infos[row]["terminal_observation"] = info["final_obs"][row]
                infos[row]["TimeLimit.truncated"] = bool(truncated[row] and not terminated[row])
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
        """Return an attribute of each copy asked for.

        Raises:
            AttributeError: copies have none of this name.
        """
        rows = self._rows(indices)
        if attr_name in ("action_masks", "reset"):
            return [partial(self._of_row, attr_name, row) for row in rows]
        values = self.env.get_attr(attr_name)
        return [values[row] for row in rows]

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
        """Call `action_masks` or `reset` of the copies asked for; return what each gives.

        Raises:
            AttributeError: another method; the copies are no environments of their own.
        """
        rows = self._rows(indices)
        if method_name == "reset":
            return self._reset_rows(rows, *method_args, **method_kwargs)
        results = self.env.call(method_name, *method_args, **method_kwargs)
        return [results[row] for row in rows]

    def env_is_wrapped(self, wrapper_class: Any, indices: VecEnvIndices = None) -> list[bool]:
        """Return False for each copy: none is wrapped."""
        return [False for _ in self._rows(indices)]

    def _of_row(self, method_name: str, row: int, *args: Any, **kwargs: Any) -> Any:
        return self.env_method(method_name, *args, indices=row, **kwargs)[0]

    def _reset_rows(
        self, rows: Sequence[int], *, seed: int | None = None, options: Any = None
    ) -> list[tuple[NDArray[np.float32], dict[str, Any]]]:
        """Begin the next slot of some copies, each with the same seed if one is given."""
        if options:
            raise ValueError(
                f"options: {quoted(options)}; give slots to the batch itself, whose reset takes"
                ' options={"instance": ..., "reset_mask": ...}'
            )
        if not rows:
            return []
        mask = np.zeros(self.num_envs, dtype=np.bool_)
        mask[rows] = True
        seeds = [seed if asked else None for asked in mask]
        observation, info = self.env.reset(seed=seeds, options={"reset_mask": mask})
        self._returns[mask] = 0
        self._lengths[mask] = 0
        return [(observation[row], {"action_mask": info["action_mask"][row]}) for row in rows]

    def _rows(self, indices: VecEnvIndices) -> Sequence[int]:
        rows: Iterable[int] = self._get_indices(indices)
        return list(rows)
