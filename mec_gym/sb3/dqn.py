"""DQN-RAO: Stable-Baselines3's DQN with the loss of Algorithm 1."""

from collections.abc import Callable
from typing import Any

import torch
from stable_baselines3 import DQN
from torch.nn import functional

LOSSES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "squared": functional.mse_loss,
    "huber": functional.smooth_l1_loss,
}


class LossDQN(DQN):
    """DQN whose loss can be chosen, which Stable-Baselines3's cannot.

    Args:
        loss: a name in `LOSSES`.
        *args: as for DQN.
        **kwargs: as for DQN.
    """

    def __init__(self, *args: Any, loss: str = "squared", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.loss = loss

    def train(self, gradient_steps: int, batch_size: int = 64) -> None:
        """Take gradient steps on minibatches; Algorithm 1, lines 10 and 11."""
        loss_function = LOSSES[self.loss]
        assert self.replay_buffer is not None  # made by _setup_model
        self.policy.set_training_mode(True)
        for _ in range(gradient_steps):
            batch = self.replay_buffer.sample(batch_size)
            with torch.no_grad():
                next_q = self.q_net_target(batch.next_observations).max(dim=1, keepdim=True).values
                target = batch.rewards + (1 - batch.dones) * self.gamma * next_q
            q_values = self.q_net(batch.observations).gather(1, batch.actions.long())
            loss = loss_function(q_values, target)
            self.policy.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            if self.max_grad_norm is not None:
                torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.max_grad_norm)
            self.policy.optimizer.step()
            self.logger.record_mean("train/loss", loss.item())
            self.logger.record_mean("train/q_value", q_values.mean().item())
        self._n_updates += gradient_steps
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
