"""DQN-RAO: Stable-Baselines3's DQN with the loss of Algorithm 1, and less overhead."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from stable_baselines3 import DQN

from mec_gym.sb3.flat import FlatMLP


class Loss(NamedTuple):
    """A loss of the temporal-difference error, and its derivative, elementwise."""

    value: Callable[[torch.Tensor], torch.Tensor]
    derivative: Callable[[torch.Tensor], torch.Tensor]


LOSSES: dict[str, Loss] = {
    "squared": Loss(torch.square, lambda error: 2 * error),
    "huber": Loss(
        lambda error: torch.where(error.abs() < 1, error**2 / 2, error.abs() - 0.5),
        lambda error: error.clamp(-1, 1),
    ),
}


class LossDQN(DQN):
    """DQN whose loss can be chosen and whose update does no more than the arithmetic.

    For networks of linear layers with ReLU; the same minibatches give the same parameters as
    Stable-Baselines3's own update, to floating-point accuracy.

    Args:
        loss: a name in `LOSSES`.
        *args: as for DQN.
        **kwargs: as for DQN; a `max_grad_norm` of None clips nothing.
    """

    def __init__(self, *args: Any, loss: str = "squared", **kwargs: Any) -> None:
        self.loss = loss
        super().__init__(*args, **kwargs)

    def _setup_model(self) -> None:
        super()._setup_model()
        self._flat = FlatMLP(self.q_net.q_net)
        self._flat_target = FlatMLP(self.q_net_target.q_net)
        optimizer = self.policy.optimizer
        settings = {name: value for name, value in optimizer.defaults.items() if name != "fused"}
        self.policy.optimizer = type(optimizer)([self._flat.values], **settings)

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "_flat", "_flat_target"]

    @torch.no_grad()
    def train(self, gradient_steps: int, batch_size: int = 64) -> None:
        """Take gradient steps on minibatches; Algorithm 1, lines 10 and 11."""
        assert self.replay_buffer is not None  # made by _setup_model
        loss, gradient = LOSSES[self.loss], self._flat.values.grad
        assert gradient is not None  # made by FlatMLP
        self._update_learning_rate(self.policy.optimizer)
        for _ in range(gradient_steps):
            batch = self.replay_buffer.sample(batch_size)
            next_q = self._flat_target.forward(batch.next_observations)[-1].amax(1, keepdim=True)
            target = batch.rewards + (1 - batch.dones) * self.gamma * next_q
            outputs = self._flat.forward(batch.observations)
            q_values = outputs[-1].gather(1, batch.actions)
            error = q_values - target
            by_output = torch.zeros_like(outputs[-1])
            by_output.scatter_(1, batch.actions, loss.derivative(error) / batch_size)
            self._flat.backward(outputs, by_output)
            if self.max_grad_norm is not None:
                gradient.mul_((self.max_grad_norm / (gradient.norm() + 1e-6)).clamp(max=1))
            self.policy.optimizer.step()
            self.logger.record_mean("train/loss", loss.value(error).mean().item())
            self.logger.record_mean("train/q_value", q_values.mean().item())
        self._n_updates += gradient_steps
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
