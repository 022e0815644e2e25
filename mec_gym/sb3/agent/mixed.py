"""Several batched environments side by side as one, for a network that fits any size."""

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvStepReturn

from mec_gym.sb3.agent.vec_env import OffloadVecEnv


class MixedVecEnv(VecEnv):
    """Batches of different scenarios, whose copies stand one after the other.

    Observations with a row a server are filled up with rows of zeros, which are full servers (see
    `Observation.free_at`), to the greatest number. Masks are needed: such a server cannot be
    chosen.

    Args:
        parts: the batches.
    """

    def __init__(self, parts: Sequence[OffloadVecEnv]) -> None:
        self.parts = list(parts)
        widest = max(parts, key=lambda part: part.action_space.n)  # type: ignore[attr-defined]
        self._ends = np.cumsum([part.num_envs for part in parts])
        super().__init__(int(self._ends[-1]), widest.observation_space, widest.action_space)

    def reset(self) -> NDArray[np.float32]:
        """Begin the next slot of every copy."""
        seeds = np.split(np.array(self._seeds, dtype=object), self._ends[:-1])
        for part, own in zip(self.parts, seeds, strict=True):
            if own[0] is not None:
                part.seed(own[0])
        self._reset_seeds()
        observation = self._padded([part.reset() for part in self.parts])
        self.reset_infos = [info for part in self.parts for info in part.reset_infos]
        return observation

    def step_async(self, actions: NDArray[Any]) -> None:
        """Keep the actions, (num_envs,), for `step_wait`."""
        for part, own in zip(self.parts, np.split(actions, self._ends[:-1]), strict=True):
            part.step_async(own)

    def step_wait(self) -> VecEnvStepReturn:
        """Step every copy."""
        seen, rewards, dones, infos = zip(*(part.step_wait() for part in self.parts), strict=True)
        every = [info for part in infos for info in part]
        for info in every:
            if "terminal_observation" in info:
                info["terminal_observation"] = self._padded([info["terminal_observation"][None]])[0]
        return self._padded(seen), np.concatenate(rewards), np.concatenate(dones), every

    def state(self) -> dict[str, Any]:
        """Return what `restore` goes on from, as JSON values."""
        return {"parts": [part.state() for part in self.parts]}

    def restore(self, state: dict[str, Any]) -> NDArray[np.float32]:
        """Go on from what `state` returned of the same batches; return what is seen.

        Raises:
            ValueError: it is not such a state.
            KeyError: likewise.
        """
        each = zip(self.parts, state["parts"], strict=True)
        return self._padded([part.restore(own) for part, own in each])

    def close(self) -> None:
        """Close every batch."""
        for part in self.parts:
            part.close()

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """Return an attribute of each copy asked for."""
        return self._of_each(lambda part, rows: part.get_attr(attr_name, rows), indices)

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Refuse, as the batches do."""
        self.parts[0].set_attr(attr_name, value)

    def env_method(
        self,
        method_name: str,
        *method_args: Any,
        indices: VecEnvIndices = None,
        **method_kwargs: Any,
    ) -> list[Any]:
        """Call `action_masks` or `reset` of the copies asked for; return what each gives."""
        each = self._of_each(
            lambda part, rows: part.env_method(
                method_name, *method_args, indices=rows, **method_kwargs
            ),
            indices,
        )
        if method_name == "reset":
            return [(self._padded([seen[None]])[0], info) for seen, info in each]
        return each

    def env_is_wrapped(self, wrapper_class: Any, indices: VecEnvIndices = None) -> list[bool]:
        """Return False for each copy: none is wrapped."""
        return self._of_each(lambda part, rows: part.env_is_wrapped(wrapper_class, rows), indices)

    def _of_each(
        self, ask: Callable[[OffloadVecEnv, list[int]], list[Any]], indices: VecEnvIndices
    ) -> list[Any]:
        """Ask each batch for its own of the copies asked for; return the answers in their order."""
        asked = list(self._get_indices(indices))
        answers: dict[int, Any] = {}
        for part, end in zip(self.parts, self._ends.tolist(), strict=True):
            first = end - part.num_envs
            own = [row for row in asked if first <= row < end]
            own_rows = [row - first for row in own]
            answers |= zip(own, ask(part, own_rows), strict=True) if own else ()
        return [answers[row] for row in asked]

    def _padded(self, observations: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        space = self.observation_space
        assert isinstance(space, gym.spaces.Box)
        padded = np.zeros((sum(map(len, observations)), *space.shape), dtype=np.float32)
        start = 0
        for part in observations:
            padded[start : start + len(part), : part.shape[1]] = part
            start += len(part)
        return padded
