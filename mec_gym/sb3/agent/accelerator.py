"""Gradient steps on another device than the CPU, for minibatches that pay for the way there."""

import copy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.func import functional_call

from mec_gym.sb3.agent.losses import Loss
from mec_gym.sb3.agent.networks import FlatNetwork
from mec_gym.sb3.agent.replay import Minibatch

Array = NDArray[np.float32]


class Accelerator:
    """Takes a chunk of gradient steps by PyTorch on a device.

    The transitions of the whole chunk go there in one piece, with the parameters and what the
    optimizer keeps of them; the last two come back at its end. In between only the errors of a
    minibatch come back, and the derivative of the loss goes there: losses are NumPy's. So acting,
    checkpoints and evaluation, on the CPU, need not know of it.

    Args:
        layers: the network, of flat observations (B, K); its parameters are a `FlatNetwork`'s.
        device: where to.
    """

    def __init__(self, layers: nn.Module, device: torch.device) -> None:
        self._device = device
        self._layers = copy.deepcopy(layers).to(device)
        self._shapes = {name: each.shape for name, each in self._layers.named_parameters()}

    def descend(
        self,
        flat: FlatNetwork,
        target: FlatNetwork,
        optimizer: torch.optim.Optimizer,
        batch: Minibatch,
        batch_size: int,
        *,
        loss: Loss,
        gamma: float,
        free: NDArray[np.bool_] | None,
        double: bool,
        max_grad_norm: float | None,
    ) -> tuple[Array, Array]:
        """Take a gradient step for each minibatch, see `LossDQN`.

        Args:
            flat: the network that learns; changed.
            target: the one that values the next states.
            optimizer: of the first; changed.
            batch: the minibatches one after the other.
            batch_size: of each.
            loss: of the temporal-difference error.
            gamma: discount factor.
            free: the servers of the next states that may be chosen, (B, N); None: every one.
            double: whether the network that learns chooses the next action.
            max_grad_norm: what gradients are clipped to; None: nothing.

        Returns:
            Errors and Q-values before each step, (B,).
        """
        values = nn.Parameter(flat.values.detach().to(self._device, copy=True))
        there = type(optimizer)([values], **optimizer.defaults)
        there.load_state_dict(optimizer.state_dict())
        seen, actions, after, dones, rewards = (self._moved(each) for each in batch)
        allowed = None if free is None else self._moved(free)
        with torch.no_grad():
            frozen = self._read(target.values.detach().to(self._device), after)
        errors, q_values = np.empty_like(batch.rewards), np.empty_like(batch.rewards)
        for start in range(0, len(actions), batch_size):
            part = slice(start, start + batch_size)
            with torch.no_grad():
                choice = self._read(values, after[part]) if double else frozen[part]
                if allowed is not None:
                    choice = choice.masked_fill(~allowed[part], -torch.inf)
                best = frozen[part].gather(1, choice.argmax(dim=1, keepdim=True))[:, 0]
                expected = rewards[part] + (1 - dones[part]) * gamma * best
            chosen = self._read(values, seen[part]).gather(1, actions[part, None])[:, 0]
            q_values[part] = chosen.detach().cpu().numpy()
            errors[part] = (chosen.detach() - expected).cpu().numpy()
            slope = np.asarray(loss.derivative(errors[part]) / batch_size, dtype=np.float32)
            (values.grad,) = torch.autograd.grad(chosen, values, self._moved(slope))
            if max_grad_norm is not None:
                nn.utils.clip_grad_norm_(values, max_grad_norm)
            there.step()
        flat.values.data.copy_(values.detach())
        optimizer.load_state_dict(there.state_dict())
        return errors, q_values

    def _moved(self, array: Any) -> torch.Tensor:
        return torch.from_numpy(array).to(self._device)

    def _read(self, values: torch.Tensor, observations: torch.Tensor) -> torch.Tensor:
        """Return the Q-values (B, N) by flat parameters."""
        sizes = [shape.numel() for shape in self._shapes.values()]
        views = zip(self._shapes.items(), torch.split(values, sizes), strict=True)
        named = {name: part.view(shape) for (name, shape), part in views}
        found: torch.Tensor = functional_call(self._layers, named, (observations.flatten(1),))
        return found
