"""DQN-RAO: Stable-Baselines3's DQN with the loss of Algorithm 1, and less overhead."""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3 import DQN
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.dqn.policies import DQNPolicy

from mec_gym.sb3.flat import FlatMLP
from mec_gym.sb3.replay import FlatReplayBuffer

Array = NDArray[np.float32]


class Loss(NamedTuple):
    """A loss of the temporal-difference error, and its derivative, elementwise."""

    value: Callable[[Array], Array]
    derivative: Callable[[Array], Array]


LOSSES: dict[str, Loss] = {
    "squared": Loss(np.square, lambda error: 2 * error),
    "huber": Loss(
        lambda error: np.where(abs(error) < 1, error**2 / 2, abs(error) - 0.5),
        lambda error: np.clip(error, -1, 1),
    ),
}


class FlatPolicy(DQNPolicy):
    """A DQN policy of linear layers with ReLU, which do the same in training and in use."""

    def set_training_mode(self, mode: bool) -> None:
        """Do nothing: no layer differs, and going through them at every step takes long."""


class LossDQN(DQN):
    """DQN whose loss can be chosen and which does no more than the arithmetic.

    For networks of linear layers with ReLU; the same minibatches give the same parameters as
    Stable-Baselines3's own update, to floating-point accuracy. Each copy of a batched environment
    explores for itself.

    Args:
        loss: a name in `LOSSES`.
        *args: as for DQN.
        **kwargs: as for DQN; a `max_grad_norm` of None clips nothing.
    """

    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {"MlpPolicy": FlatPolicy}

    def __init__(self, *args: Any, loss: str = "squared", **kwargs: Any) -> None:
        self.loss = loss
        super().__init__(*args, **{"replay_buffer_class": FlatReplayBuffer} | kwargs)

    def _setup_model(self) -> None:
        super()._setup_model()
        self._flat = FlatMLP(self.q_net.q_net)
        self._flat_target = FlatMLP(self.q_net_target.q_net)
        optimizer = self.policy.optimizer
        settings = optimizer.defaults | ({"fused": True} if "fused" in optimizer.defaults else {})
        self.policy.optimizer = type(optimizer)([self._flat.values], **settings)

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "_flat", "_flat_target"]

    def predict(
        self,
        observation: Any,
        state: tuple[NDArray[Any], ...] | None = None,
        episode_start: NDArray[Any] | None = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[Any], tuple[NDArray[Any], ...] | None]:
        """Return an action for each observation, epsilon-greedy; Algorithm 1, lines 6 and 7."""
        seen = np.asarray(observation, dtype=np.float32)
        copies = seen.reshape(-1, seen.shape[-1])
        explores = np.zeros(len(copies), dtype=np.bool_)
        if not deterministic:
            explores = np.random.rand(len(copies)) < self.exploration_rate  # noqa: NPY002  # as SB3
        actions = np.empty(len(copies), dtype=np.int64)
        if not explores.all():
            actions[:] = self._flat.forward(copies)[-1].argmax(axis=1)
        for copy in np.flatnonzero(explores):
            actions[copy] = self.action_space.sample()
        return actions.reshape(seen.shape[:-1]), state

    def train(self, gradient_steps: int, batch_size: int = 64) -> None:
        """Take gradient steps on minibatches; Algorithm 1, lines 10 and 11."""
        assert isinstance(self.replay_buffer, FlatReplayBuffer)  # made by __init__
        loss, every = LOSSES[self.loss], np.arange(batch_size)
        self._update_learning_rate(self.policy.optimizer)
        # The target network stands still meanwhile: all its values at once.
        batch = self.replay_buffer.minibatch(gradient_steps * batch_size)
        next_q = self._flat_target.forward(batch.next_observations)[-1].max(axis=1)
        targets = batch.rewards + (1 - batch.dones) * np.float32(self.gamma) * next_q
        errors, q_values = np.empty_like(targets), np.empty_like(targets)
        for start in range(0, len(targets), batch_size):
            part = slice(start, start + batch_size)
            chosen = (every, batch.actions[part])
            outputs = self._flat.forward(batch.observations[part])
            q_values[part] = outputs[-1][chosen]
            errors[part] = q_values[part] - targets[part]
            by_output = np.zeros_like(outputs[-1])
            by_output[chosen] = loss.derivative(errors[part]) / batch_size
            self._flat.backward(outputs, by_output)
            if self.max_grad_norm is not None:
                torch.nn.utils.clip_grad_norm_(self._flat.values, self.max_grad_norm)
            self.policy.optimizer.step()
        self.logger.record_mean("train/loss", float(loss.value(errors).mean()))
        self.logger.record_mean("train/q_value", float(q_values.mean()))
        self._n_updates += gradient_steps
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
